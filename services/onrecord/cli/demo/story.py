"""The story itself: a request, three answers, two blind examiners, one lead."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from onrecord.cli.demo import cast
from onrecord.cli.demo.picture import examination_sheet
from onrecord.cli.demo.stage import Scene, Sitter, record_id
from onrecord.cli.demo.teller import Teller
from onrecord.client import OnRecordClient
from onrecord.client.errors import ClientError
from onrecord.client.results import Decision, Leads, Search, Task
from onrecord.kernel.vocabulary import Conclusion, GalleryStatus, SearchStatus

LIST_SIZE = 10
_TRIES = 20
_METHOD = "morphological comparison, feature by feature"


@dataclass(frozen=True, slots=True)
class Ended:
    """What the story leaves for the proofs."""

    search: Search
    leads: Leads | None


def tell_story(scene: Scene, sought: Sitter, probe: Path, out: Path, teller: Teller) -> Ended:
    """From the photograph to the lead."""
    search = _ask(scene, probe, teller)
    _examine(scene, search, sought, out, teller)
    return Ended(search, _release(scene, search, sought, teller))


def _ask(scene: Scene, probe: Path, teller: Teller) -> Search:
    teller.chapter("An investigator asks three states")
    teller.say(
        "Detective Reyes of Salt Lake City has one photograph from a robbed shop. She asks Utah, "
        "Vermont and Maryland whether a licence holder looks like the person in it. Her request "
        "names the case, the offence, the federal ground, whom it is for and where the photograph "
        "comes from; who she is, her own token proves."
    )
    with scene.client(cast.INVESTIGATOR) as client:
        search = client.search(
            cast.request(tuple(cast.STATES), LIST_SIZE),
            probe.read_bytes(),
            idempotency_key=str(uuid.uuid4()),
        )
    click.echo()
    for one in search.galleries:
        name = cast.STATES[one.gallery]
        if one.status is GalleryStatus.REFUSED:
            said = " ".join(f"{reason.message} [{reason.code}]" for reason in one.reasons)
            teller.fact(name, f"refused. {said}", "red")
        else:
            teller.fact(name, f"{one.status.value} under its own policy.", "green")
    click.echo()
    teller.say(
        f"The request and the three answers are entry {search.receipt.index} of the ledger, "
        "written before anything was looked at. That entry, with its proof, is the only "
        "permission there is. The refused galleries were not touched."
    )
    return search


def _examine(scene: Scene, search: Search, sought: Sitter, out: Path, teller: Teller) -> None:
    teller.chapter("Two examiners look, blind")
    teller.say(
        "Four examiners are on duty. Two are drawn at random; neither is Reyes and neither knows "
        "of the other. They see candidates in an order that says nothing, without scores. Each "
        "look is an entry before the picture opens, and the picture opens only where the "
        "gallery's key is."
    )
    click.echo()
    number = 0
    for examiner in cast.EXAMINERS:
        with scene.client(examiner) as client:
            tasks = client.tasks()
            if not tasks:
                teller.fact(examiner.name, "is not drawn, and sees that there is nothing to do.")
                continue
            number += 1
            task = client.task(tasks[0].task_id)
            probe = _probe(client, task)
            looks = _look(client, task)
            decisions = _decide(task, looks, sought.portrait.read_bytes())
            if number == 1:
                lines = _captions(search)
                examination_sheet(
                    probe,
                    list(looks.values()),
                    lines,
                    out / "examination.png",
                )
                _refused_without_all(client, task, decisions, teller)
            logged = client.decide(task.task_id, _METHOD, decisions)
            same = sum(one.conclusion is Conclusion.SUPPORTS_SAME for one in decisions)
            teller.fact(
                examiner.name,
                f"decides on each of {len(decisions)} candidates: {same} supported, "
                f"{len(decisions) - same} not; entry {logged.entry_index}.",
            )
    click.echo()
    teller.say(
        "In this demo a script plays the examiners, and it knows who was drawn in the picture. "
        "In life this is the work of trained people, and it may well end with no lead."
    )


def _probe(client: OnRecordClient, task: Task) -> bytes:
    """The first look, which the ledger takes once it has the receipts of the search: they come
    over the bus, and a script is there sooner than any examiner.
    """
    for _ in range(_TRIES):
        try:
            return client.probe(task.task_id)
        except ClientError as error:
            if error.retry_after is None:
                raise
            time.sleep(error.retry_after)
    return client.probe(task.task_id)


def _look(client: OnRecordClient, task: Task) -> dict[str, bytes]:
    return {ref: client.portrait(task.task_id, ref) for ref in task.candidate_refs}


def _decide(task: Task, looks: dict[str, bytes], right: bytes) -> list[Decision]:
    return [
        Decision(
            ref,
            Conclusion.SUPPORTS_SAME if looks[ref] == right else Conclusion.SUPPORTS_DIFFERENT,
            ("shape of nose and brow", "distance of the eyes")
            if looks[ref] == right
            else ("shape of the jaw differs",),
            40,
        )
        for ref in task.candidate_refs
    ]


def _refused_without_all(
    client: OnRecordClient, task: Task, decisions: Sequence[Decision], teller: Teller
) -> None:
    if len(decisions) < 2:
        return
    try:
        client.decide(task.task_id, _METHOD, decisions[:1])
    except ClientError as error:
        teller.fact("(a try)", f"to decide on one candidate only is refused: {error.message}")


def _captions(search: Search) -> list[str]:
    searched = [
        cast.STATES[one.gallery] for one in search.galleries if one.status is GalleryStatus.SEARCHED
    ]
    refused = [
        cast.STATES[one.gallery] for one in search.galleries if one.status is GalleryStatus.REFUSED
    ]
    return [
        f"searched: {', '.join(searched) or 'none'}",
        f"refused: {', '.join(refused) or 'none'}",
        "INVESTIGATIVE LEAD ONLY",
    ]


def _release(scene: Scene, search: Search, sought: Sitter, teller: Teller) -> Leads | None:
    teller.chapter("A lead is released, or none")
    with scene.client(cast.INVESTIGATOR) as client:
        now = client.get_search(search.search_id)
        if now.status is not SearchStatus.RELEASED:
            teller.say(f"The search is {now.status.value}: no lead is released.")
            return None
        leads = client.leads(search.search_id)
    teller.say(
        "Nobody decides to release. The ledger's own entries say that two people supported the "
        "same candidate; audit derives that and writes it, and the plane derives it again from "
        "the same entries before it unseals."
    )
    click.echo()
    for stamp in leads.stamps:
        teller.fact("stamped", stamp, "yellow")
    for lead in leads.leads:
        teller.fact("lead", f"{lead.gallery} record {lead.record_id} (the state's own number)")
        held = record_id(lead.gallery, sought)
        truth = "is" if lead.record_id == held else "is NOT"
        teller.fact("truth", f"the person in the photograph {truth} that record's holder")
    teller.fact("threshold", leads.threshold)
    return leads
