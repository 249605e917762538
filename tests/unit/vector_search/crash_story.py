"""A plane's life in one function, and a driver that ends the process anywhere within it (R-22).

Run as a module by `test_crashes.py`, in a process of its own: `crash_story FOLDER`. Each crash is
`os._exit` in a forked child, so nothing is flushed, rolled back or closed on the way out.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.vector_search.core.write_points import LIFE_POINTS as WRITE_POINTS
from tests.builders.index import ExactIndex
from tests.builders.plane import World, build_world, face, near

KILLED = 77
PASSES = "passes.json"
ACKNOWLEDGED = "acknowledged.jsonl"


def open_world(folder: Path, reached: WritePoint = unobserved) -> World:
    """The plane of this folder, as it is after a start."""
    folder.mkdir(parents=True, exist_ok=True)  # the index stands in it too
    world = build_world(folder, index=ExactIndex(folder / "index.jsonl"), reached=reached)
    world.plane.recover(world.deadline)
    return world


def live(world: World) -> None:
    """Two records; one gets a new portrait; two searches. Each acknowledgement is written down.

    Lived again on the same folder, it picks up where a crash left it.
    """
    world.open_gallery()
    _acknowledge(world, "gallery")
    for record, number in ((1, 1), (2, 2), (1, 3)):
        world.enrol(number, record=record)
        _acknowledge(world, "enrolled", record=record, number=number)
    for number in (2, 3):
        grant = world.grant(search_id=f"s-{number}", list_size=2)
        result = world.ask(grant, near(face(number), 1))
        _acknowledge(
            world,
            "answered",
            search_id=f"s-{number}",
            receipt=result.receipt.statement.decode(),
        )


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
    for point in WRITE_POINTS:
        for occurrence in sorted({1, passes.get(point, 1)}):
            if _in_a_child(folder / point / str(occurrence), point, occurrence) != KILLED:
                print(f"{point} was never passed", file=sys.stderr)  # noqa: T201
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
