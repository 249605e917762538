"""R-22, R-24: killed anywhere while it publishes, audit catches up, and so do the cosignatures.

Each case is a real process that ends itself at a write point while a witness of ours listens. What
it left is looked at as it lies there; the next run must extend what the witness has seen.
"""

import multiprocessing
import os
import shutil
import threading
from pathlib import Path

import pytest

from onrecord.audit.core import write_points
from onrecord.audit.core.witnessing import WitnessAddress, Witnessing
from onrecord.chassis.objects import LocalObjects
from onrecord.proof.cosignatures import Quorum
from onrecord.proof.notes import NoteSigner
from onrecord.proof.verify import verify_ledger
from tests.builders.audit import ORIGIN, SetClock, open_audit
from tests.builders.witnessing import running_witness
from tests.unit.audit.test_witnessing import asking, covered, published

KILLED = 77
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.unit.audit.crashing"])

POINTS = [
    point
    for point in write_points.WRITE_POINTS
    if point.startswith("audit.publish.") or point == write_points.AFTER_COMMIT
]


def append_and_die(folder: str, witness: str, point: str) -> None:
    """Append and publish until `point` is reached for the second time since the start."""
    armed = threading.Event()
    seen = 0

    def reached(name: str) -> None:
        nonlocal seen
        if armed.is_set() and name == point:
            seen += 1
            if seen == 2:
                os._exit(KILLED)

    address = WitnessAddress.parse(witness)
    audit = open_audit(
        Path(folder), clock=SetClock(), reached=reached, witnessing=Witnessing((address,), 1)
    )
    armed.set()
    for number in range(3):
        audit.authorize(key=f"before-{number}")
        audit.running.ledger.publish()
    os._exit(1)


@pytest.mark.parametrize("point", POINTS)
def test_a_publisher_killed_anywhere_catches_up(settled: Path, tmp_path: Path, point: str) -> None:
    folder = tmp_path / "audit"
    shutil.copytree(settled, folder)
    signer = NoteSigner.parse((folder / "ledger.key").read_text())
    with running_witness(tmp_path / "witness.db", signer.verifier) as witness:
        address = WitnessAddress(witness.key, witness.url)
        child = _CONTEXT.Process(target=append_and_die, args=(str(folder), str(address), point))
        child.start()
        child.join(60)
        assert child.exitcode == KILLED, f"{point} was not reached twice"

        # What it left holds by itself, and the witness is ahead of it by one publication at most.
        left = verify_ledger(LocalObjects(folder / "public").get, signer.verifier)
        seen = witness.book.known(ORIGIN)
        assert left.checkpoint.size <= seen.size

        audit = open_audit(folder, clock=SetClock(), witnessing=asking(address))
        assert published(audit, witness.key).witnessed_by == (witness.key.name,)
        index = audit.authorize(key="after").entry.index
        audit.running.ledger.publish()
        assert covered(audit) == published(audit).checkpoint.size == index + 1
        note = audit.running.ledger.witnessed()
        assert Quorum((witness.key,), 1).covers(note, signer.verifier) is not None
        audit.close()
        assert witness.book.refused() == ()
