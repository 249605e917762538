"""The order of the demo, and what it is given."""

import dataclasses
import shutil
from contextlib import ExitStack
from pathlib import Path

import click

from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.inference import ModelRepository
from onrecord.cli.demo import cast, proofs, stage
from onrecord.cli.demo.server import running_server
from onrecord.cli.demo.story import tell_story
from onrecord.cli.demo.teller import Teller
from onrecord.kernel.cards import ModelRole
from onrecord.portraits.make import make_portraits
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.lock import exclusive

_SOUGHT = 7  # the person in the photograph, counted among Utah's licence holders
_PREFERRED = "dlib-resnet"  # of the set `registry`, which any machine can build


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo-output")
)
@click.option(
    "--models", type=click.Path(path_type=Path, file_okay=False), default=Path("model_repository")
)
@click.option(
    "--policies", type=click.Path(path_type=Path, file_okay=False), default=Path("policies")
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ONRECORD_CACHE",
    default=Path(".cache"),
)
@click.option("--per-state", type=click.IntRange(10, 1000), default=80, show_default=True)
@click.option("--seed", default=20261123, show_default=True)
@click.option("--processes", is_flag=True, help="The five services apart, with mutual TLS.")
def demo(
    out: Path,
    models: Path,
    policies: Path,
    cache: Path,
    per_state: int,
    seed: int,
    processes: bool,
) -> None:
    """Watch one search, on the record, on real face models. Nobody in it exists."""
    teller = Teller()
    _clear(out)
    data = out / "data"
    model_id = _model(models)

    teller.chapter("The scene")
    teller.say(
        f"Three states, {per_state} licence holders each. None of them exists: their faces are "
        "rendered. The models that compare them are real. They are the weak set that can be had "
        "from package registries alone; production brings better ones."
    )
    with teller.progress("drawing people who do not exist") as tell:
        truth = make_portraits(
            out / "people",
            people=per_state * len(cast.STATES),
            seed=seed,
            probes_per_person=0,
            cache=cache,
            progress=tell,
        )
        # Investigators' photographs of the first few; only one is needed.
        photographs = make_portraits(
            out / "photographs", people=_SOUGHT + 1, seed=seed, cache=cache
        )
    enrolled = stage.assign(stage.read_sitters(truth), per_state)
    with ExitStack() as running:
        how = "in five processes" if processes else "in one process"
        with teller.progress(f"starting OnRecord {how}") as tell:
            tell(0, 1)
            address = running.enter_context(
                running_server(data, models, out / "server.log", apart=processes)
            )
        scene = stage.Scene(address, DevelopmentIssuer.open(DataFolder(data).identity), enrolled)
        stage.set_up_states(scene, model_id, policies, teller)
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
    ledger = proofs.export_ledger(bodies, DataFolder(data), out)
    lead = None if ended.leads is None else dataclasses.asdict(ended.leads)
    proofs.write_documents(out, ended.search, lead)

    teller.chapter("The system is switched off. What does the ledger say?")
    proofs.show(ledger, teller)
    click.echo()
    teller.say("Anyone can check all of it, without us, with one command:")
    held = proofs.verify(ledger, out, teller) == 0

    teller.chapter("Two attacks")
    refused = proofs.forged_grant(data, models, ended.search, teller)
    click.echo()
    found = proofs.one_changed_byte(ledger, out, teller)
    _end(teller, out)
    if not (held and refused and found and ended.leads):
        raise click.ClickException("the demo did not end as it should; see above")


def _clear(out: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    marker = out / ".onrecord-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise click.ClickException(f"{out} is not the folder of an earlier demo; choose another")
    lock = DataFolder(out / "data").lock
    if lock.exists():
        with exclusive(lock):
            pass  # not while `onrecord up` is running on what would be removed
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    marker.touch()


def _model(models: Path) -> str:
    embedders = [c for c in ModelRepository(models).cards() if c.role is ModelRole.EMBEDDER]
    for card in sorted(embedders, key=lambda card: card.name != _PREFERRED):
        return card.model_id
    raise click.ClickException(
        f"{models} holds no embedder; run `onrecord models build registry` first"
    )


def _end(teller: Teller, out: Path) -> None:
    teller.chapter(f"Done in {teller.elapsed()}. What to look at, and what to try next")
    for name, text in {
        "examination.png": "the probe and the candidates, as both examiners saw them",
        "lead.json": "what Detective Reyes got",
        "receipt.json": "the grant: entry, inclusion proof, signed checkpoint",
        "ledger/": "the public ledger, and the bodies an auditor may read (bodies.jsonl)",
        "ledger.vkey": "the ledger's public key; services.pem is the services' root certificate",
        "data/": "everything the system keeps; serve it again with `onrecord up`",
        "people/": "who was drawn: portraits, and truth.csv; photographs/ has the probes",
        "server.log": "what the server said",
    }.items():
        teller.fact(name, text)
    click.echo()
    for command in (
        f"onrecord ledger show {out}/ledger",
        f"onrecord ledger verify {out}/ledger --key {out}/ledger.vkey "
        f"--services {out}/services.pem",
        f"onrecord up --data {out}/data",
        "onrecord policy check policies/US-VT",
    ):
        click.echo(f"   $ .venv/bin/{command}")
