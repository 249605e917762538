"""Records that end, in one function, and a driver that ends the process anywhere within it (R-22).

Run as a module by `test_ending_crashes.py`: `ending_story FOLDER`. Each crash is `os._exit` in a
forked child, so nothing is flushed, rolled back or closed on the way out.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.core.write_points import (
    ENDING_POINTS,
    OUTBOX_PUBLISHED,
    OUTBOX_TIDIED,
    PORTRAIT_DESTROYED,
    REMAINS_CLEARED,
    VECTOR_DELETED,
)
from onrecord.vector_search.service.compacting import Compactions
from onrecord.vector_search.service.deleting import Deletions
from onrecord.vector_search.service.reconciling import Reconciliation
from tests.builders.holding import GALLERY, Holding, build_holding, name_of, vector_of

KILLED = 77
PASSES = "passes.json"
ACKNOWLEDGED = "acknowledged.jsonl"
STAYING, DELETED, LISTED, PENDING, LOST = 1, 2, 3, 4, 5
POINTS = (
    *ENDING_POINTS,
    PORTRAIT_DESTROYED,
    VECTOR_DELETED,
    REMAINS_CLEARED,
    OUTBOX_PUBLISHED,
    OUTBOX_TIDIED,
)
GHOST = "e" * 64


def open_holding(folder: Path, reached: WritePoint = unobserved) -> Holding:
    """The plane of this folder, with five records in it."""
    held = build_holding(folder, reached=reached)
    for number in (STAYING, DELETED, LISTED, PENDING, LOST):
        if not (folder / f"put-{number}").exists():
            held.put(number, state=RecordState.PENDING if number == PENDING else RecordState.LIVE)
            (folder / f"put-{number}").touch()
    return held


def live(held: Holding) -> None:
    """Three records are deleted, the rest is repaired, the index is compacted."""
    deletions = Deletions(held.parts, held.known)
    for number in (DELETED, PENDING):
        receipt = deletions.delete(GALLERY, name_of(number), held.custodian(), held.deadline)
        _acknowledge(held, number, receipt.deleted.statement.decode())
    ref = held.bring_list(name_of(LISTED), "UT-99")
    deletions.carry_out(ref, held.deadline)
    _acknowledge(held, LISTED, str([one.value for one in held.statuses(ref)]))
    # What goes wrong behind the plane's back: a ghost, a lost vector, a portrait that comes late.
    space = held.gallery.space
    held.parts.index.insert(space, [(GHOST, vector_of(77))], held.deadline)
    held.parts.index.delete(space, [held.row(f"{LOST:032x}").index_key], held.deadline)
    held.vault.put(held.row(f"{PENDING:032x}").vault_key, b"late")
    Reconciliation(held.parts, held.known, held.transport).check(
        GALLERY, True, held.custodian(), held.deadline
    )
    held.clock.pass_by(hours=1)
    Compactions(held.parts, held.known).run(held.deadline)
    held.parts.relay.tidy()


def _acknowledge(held: Holding, number: int, said: str) -> None:
    with (held.folder / ACKNOWLEDGED).open("a") as file:
        file.write(json.dumps({"number": number, "said": said}) + "\n")


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
            live(open_holding(folder, reached))
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
    for point in POINTS:
        for occurrence in sorted({1, passes.get(point, 1)}):
            if _in_a_child(folder / point / str(occurrence), point, occurrence) != KILLED:
                print(f"{point} was never passed", file=sys.stderr)  # noqa: T201
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
