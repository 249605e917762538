"""The order of the demo, wherever it takes place."""

import dataclasses
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from onrecord.chassis.inference import ModelRepository
from onrecord.cli.demo import cast, proofs, stage
from onrecord.cli.demo.house import House
from onrecord.cli.demo.story import tell_story
from onrecord.cli.demo.teller import Teller
from onrecord.kernel.cards import ModelRole
from onrecord.portraits.make import make_portraits

_SOUGHT = 7  # the person in the photograph, counted among Utah's licence holders
_PREFERRED = "dlib-resnet"  # of the set `registry`, which any machine can build


@dataclass(frozen=True, slots=True)
class Plot:
    """What it is told with. `out`: where it leaves what there is to look at."""

    out: Path
    models: Path
    policies: Path
    cache: Path
    per_state: int
    seed: int


def play(house: House, plot: Plot, teller: Teller) -> bool:
    """The whole of it; whether everything held that had to."""
    out = plot.out
    model_id = _model(plot.models)
    teller.chapter("The scene")
    teller.say(
        f"Three states, {plot.per_state} licence holders each. None of them exists: their faces "
        "are rendered. The models that compare them are real. They are the weak set that can be "
        "had from package registries alone; production brings better ones."
    )
    with teller.progress("drawing people who do not exist") as tell:
        truth = make_portraits(
            out / "people",
            people=plot.per_state * len(cast.STATES),
            seed=plot.seed,
            probes_per_person=0,
            cache=plot.cache,
            progress=tell,
        )
        # Investigators' photographs of the first few; only one is needed.
        photographs = make_portraits(
            out / "photographs", people=_SOUGHT + 1, seed=plot.seed, cache=plot.cache
        )
    enrolled = stage.assign(stage.read_sitters(truth), plot.per_state)
    with ExitStack() as running:
        with teller.progress(house.how) as tell:
            tell(0, 1)
            address = running.enter_context(house.opened())
        scene = stage.Scene(address, house.issuer, enrolled)
        stage.set_up_states(scene, model_id, plot.policies, teller)
        with teller.progress("enrolling portraits, each sealed to its state's key") as tell:
            stage.enrol_all(scene, tell, teller)
        for examiner in cast.EXAMINERS:
            with scene.client(examiner) as client:
                client.join_examiners()
        sought = enrolled["US-UT"][_SOUGHT]
        probe = out / "probe.jpg"
        shutil.copy(stage.photograph_of(photographs, sought), probe)
        ended = tell_story(scene, sought, probe, out, teller)
        bodies = proofs.read_bodies(scene)
    ledger = proofs.export_ledger(bodies, house, out)
    lead = None if ended.leads is None else dataclasses.asdict(ended.leads)
    proofs.write_documents(out, ended.search, lead)

    teller.chapter(f"{house.over}. What does the ledger say?")
    proofs.show(ledger, teller)
    click.echo()
    teller.say("Anyone can check all of it, without us, with one command:")
    held = proofs.verify(ledger, out, teller) == 0

    teller.chapter("Two attacks")
    refused = proofs.forged_grant(house, ended.search, teller)
    click.echo()
    found = proofs.one_changed_byte(ledger, out, teller)
    return held and refused and found and ended.leads is not None


def _model(models: Path) -> str:
    embedders = [c for c in ModelRepository(models).cards() if c.role is ModelRole.EMBEDDER]
    for card in sorted(embedders, key=lambda card: card.name != _PREFERRED):
        return card.model_id
    raise click.ClickException(
        f"{models} holds no embedder; run `onrecord models build registry` first"
    )
