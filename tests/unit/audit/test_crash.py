"""R-22: audit killed between any two of its writes loses nothing and repeats nothing.

Each case is a real process that ends itself (`os._exit`) at an enumerated point; what it left is
first verified as it lies there, then opened again and lived on.
"""

import multiprocessing
import shutil
from collections import Counter
from pathlib import Path

import pytest

from onrecord.audit.core.write_points import WRITE_POINTS
from onrecord.chassis.objects import LocalObjects
from onrecord.kernel.vocabulary import Role
from onrecord.proof.entry import parse_body
from onrecord.proof.notes import NoteSigner
from onrecord.proof.verify import verify_ledger
from tests.builders.audit import ORIGIN, SetClock, open_audit, soon
from tests.unit.audit.crashing import KILLED, acknowledged, die_at, digest, live
from tests.unit.audit.test_one_search import verify

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.unit.audit.crashing"])


_CASES = [
    # A life takes in one poll of the bus, and appends and publishes many times.
    (point, nth)
    for point in WRITE_POINTS
    for nth in ((1,) if point.startswith("audit.intake.") else (1, 4))
]


@pytest.mark.parametrize(("point", "nth"), _CASES)
def test_killed_anywhere_nothing_is_lost_or_doubled(
    settled: Path, tmp_path: Path, point: str, nth: int
) -> None:
    folder = tmp_path / "audit"
    shutil.copytree(settled, folder)
    child = _CONTEXT.Process(target=die_at, args=(str(folder), point, nth))
    child.start()
    child.join(60)
    assert child.exitcode == KILLED, f"{point} was not reached {nth} times"

    signer = NoteSigner.parse((folder / "ledger.key").read_text())
    assert signer.name == ORIGIN
    as_left = verify_ledger(LocalObjects(folder / "public").get, signer.verifier)

    audit = open_audit(folder, clock=SetClock())
    auditor = audit.token("auditor-1", Role.AUDITOR)
    found = audit.service.bodies(0, 1000, auditor, soon())
    # No checkpoint was published of what had not been committed.
    assert as_left.checkpoint.size <= len(found)
    # No acknowledged entry is lost or changed, and no index is used twice.
    assert [one.index for one in found] == list(range(len(found)))
    bodies = {one.index: digest(one.body) for one in found}
    for index, body in acknowledged(folder):
        assert bodies[index] == body
    verify(audit)

    # The client repeats what it does not know to be done; nothing happens twice.
    live(audit)
    kinds = Counter(
        parse_body(one.body)[2] for one in audit.service.bodies(0, 1000, auditor, soon())
    )
    once = ("request.granted", "request.refused", "search.executed", "lead.released")
    assert [kinds[kind] for kind in once] == [1, 1, 1, 1]
    assert kinds["examination.decided"] == 2
    assert kinds["alarm.raised"] == 0
    verify(audit)
    audit.close()
