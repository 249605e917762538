"""A plane's life in one function, and a driver that ends the process anywhere within it (R-22).

Run as a module by `test_crashes.py`, in a process of its own: `crash_story FOLDER`. Each crash is
`os._exit` in a forked child, so nothing is flushed, rolled back or closed on the way out.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from onrecord.contracts.enrolment import BeginState, EnrolmentBatch, EnrolmentStart
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.manifests import Row
from onrecord.vector_search.core.write_points import LIFE_POINTS as LIFE_POINTS
from tests.builders.index import ExactIndex
from tests.builders.plane import (
    UTAH,
    MemoryPublisher,
    SignedManifest,
    World,
    build_world,
    face,
    near,
    portrait,
    record_name,
    sha256,
)

KILLED = 77
PASSES = "passes.json"
ACKNOWLEDGED = "acknowledged.jsonl"


def open_world(folder: Path, reached: WritePoint = unobserved) -> World:
    """The plane of this folder, as it is after a start."""
    folder.mkdir(parents=True, exist_ok=True)  # the index stands in it too
    world = build_world(
        folder,
        index=ExactIndex(folder / "index.jsonl"),
        reached=reached,
        publisher=MemoryPublisher(folder / "published.jsonl"),
    )
    world.plane.recover(world.deadline)
    world.relay.flush(world.deadline)  # as `start` does, in a thread of its own
    return world


def live(world: World) -> None:
    """A life of a plane. Each acknowledgement is written down.

    Two records, one of which gets a new portrait; one portrait that is rejected; a signed list of
    three rows, of which one has no image and one is deleted by another list; two searches; two
    days later the keys are rotated. Lived again on the same folder, it picks up where a crash
    left it.
    """
    world.open_gallery()
    _acknowledge(world, "gallery")
    for record, number in ((1, 1), (2, 2), (1, 3)):
        world.enrol(number, record=record)
        _acknowledge(world, "enrolled", record=record, number=number)
    reject(world, 4)
    _acknowledge(world, "rejected", record=4)
    signed = world.manifest([row(5), row(6), row(2)])
    world.open_manifest(signed)
    enrol_rows(world, signed)
    _acknowledge(world, "chunk", manifest=signed.id)
    gone = world.manifest([Row(record_name(5), "", "")], act=ManifestAct.DELETE)
    world.open_manifest(gone)
    _acknowledge(world, "chunk", manifest=gone.id)
    for number in (2, 3):
        grant = world.grant(search_id=f"s-{number}", list_size=2)
        result = world.ask(grant, near(face(number), 1))
        _acknowledge(
            world,
            "answered",
            search_id=f"s-{number}",
            receipt=result.receipt.statement.decode(),
        )
    world.relay.tidy()
    world.clock.pass_by(hours=49)
    world.plane.maintain(world.deadline)


def row(number: int) -> Row:
    return Row(record_name(number), sha256(portrait(number)), f"{number}.jpg")


def reject(world: World, number: int) -> None:
    """A portrait without a face comes and goes."""
    image = portrait(number)
    begun = world.start(record_name(number), image)
    if begun.ticket is not None:
        world.submit(begun.ticket, image)
    ticket = begun.ticket or world.ticket_of(begun.enrolment_id)
    world.arrive(world.refusal(ticket, image))


def enrol_rows(world: World, signed: SignedManifest) -> None:
    """The one chunk of a list, from wherever it stands; its second row has no image."""
    starts = tuple(
        EnrolmentStart(
            one.record_id,
            one.image_sha256,
            number,
            ErrorCode.IMAGE_MISSING if number == 2 else None,
        )
        for number, one in enumerate(signed.chunks[0], 1)
    )
    batch = EnrolmentBatch(UTAH, starts, signed.ref(0))
    for number, begun in zip(
        (5, 6, 2), world.plane.begin_enrolments(batch, "", world.deadline), strict=True
    ):
        if begun.ticket is not None:
            world.submit(begun.ticket, portrait(number))
        if begun.state in (BeginState.BEGUN, BeginState.SUBMITTED):
            ticket = begun.ticket or world.ticket_of(begun.enrolment_id)
            world.arrive(world.embedded(ticket, portrait(number), face(number)))


def _acknowledge(world: World, what: str, **said: object) -> None:
    with (world.folder / ACKNOWLEDGED).open("a") as file:
        file.write(json.dumps({"what": what, **said}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _in_a_child(folder: Path, point: str, occurrence: int) -> int:
    """Live until `point` is passed for the `occurrence`-th time; the child's exit status."""
    child = os.fork()
    if child == 0:
        passed: Counter[str] = Counter()

        def reached(name: str) -> None:
            passed[name] += 1
            if (name, passed[name]) == (point, occurrence):
                os._exit(KILLED)

        try:
            live(open_world(folder, reached))
            (folder / PASSES).write_text(json.dumps(passed))
        except BaseException as failure:  # noqa: BLE001 - the parent must see that it went wrong
            print(f"{point}: {failure!r}", file=sys.stderr)  # noqa: T201
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path) -> int:
    """Kill at the first and at the last pass of every write point."""
    if _in_a_child(folder / "whole", "", 0) != 0:
        return 1
    passes = json.loads((folder / "whole" / PASSES).read_text())
    for point in LIFE_POINTS:
        for occurrence in sorted({1, passes.get(point, 1)}):
            if _in_a_child(folder / point / str(occurrence), point, occurrence) != KILLED:
                print(f"{point} was never passed", file=sys.stderr)  # noqa: T201
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
