"""Two audit processes on one ledger at the same time: one log, quotas exact, one publisher."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from onrecord.chassis.database import open_database, read_transaction
from onrecord.kernel.times import SystemClock
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.tiles import CHECKPOINT_PATH
from tests.builders.audit import AuditForTest, audit_for_test, open_audit
from tests.builders.laws import put_in_force, utah
from tests.cluster.postgres.asking import Told, ask
from tests.cluster.postgres.databases import PostgresDatabases
from tests.unit.audit.test_one_search import verify

EACH = 16
PROCESSES = 2
QUOTA = 5
_SECONDS = 120.0


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A closed ledger in which Utah grants an agency five requests a day."""
    folder = tmp_path / "audit"
    audit = audit_for_test(folder, clock=SystemClock())
    put_in_force(audit, utah(("per_agency_per_day: 200", f"per_agency_per_day: {QUOTA}")))
    audit.close()
    return folder


def both(folder: Path, url: str, **changes: Any) -> list[Told]:
    """What two processes were answered, which asked `EACH` times each at the same moment."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(PROCESSES)]
    processes = [
        context.Process(
            target=ask, args=(theirs, str(folder), url, f"p{number}", EACH, changes), daemon=True
        )
        for number, (_, theirs) in enumerate(pipes)
    ]
    with _running(processes):
        ours = [one for one, _ in pipes]
        for word in ("open", None):
            for one in ours:
                assert one.poll(_SECONDS), "a process did not open the ledger"
                if word is not None:
                    assert one.recv() == word
            if word is not None:
                for one in ours:
                    one.send("ask")
        told = [answer for one in ours for answer in one.recv()]
        for one in ours:
            one.send("end")
        for process in processes:
            process.join(_SECONDS)
            assert process.exitcode == 0
    return told


@contextmanager
def _running(processes: list[Any]) -> Iterator[None]:
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()


def reopened(folder: Path) -> AuditForTest:
    return open_audit(folder, clock=SystemClock())


def test_a_quota_is_exact_over_two_processes(ledger: Path, databases: PostgresDatabases) -> None:
    """R-9: 32 at once over two processes, and the quota's last unit is given once."""
    told = both(ledger, databases(ledger, "ledger"))
    assert sum(one.granted for one in told) == QUOTA
    refused = [one.codes for one in told if not one.granted]
    assert refused == [("quota_exhausted",)] * (PROCESSES * EACH - QUOTA)
    assert len({one.index for one in told}) == PROCESSES * EACH  # no index is used twice
    audit = reopened(ledger)
    verify(audit)
    audit.close()


def test_one_key_is_one_entry_whichever_process_is_asked(
    ledger: Path, databases: PostgresDatabases
) -> None:
    """R-9: a client that repeats itself may reach another replica."""
    token = {"key": "one", "case_number": "one", "probe": "0" * 64, "person": "olsen"}
    told = both(ledger, databases(ledger, "ledger"), **token)
    assert len({(one.index, one.search_id) for one in told}) == 1
    assert all(one.granted for one in told)


def test_what_two_publish_is_one_log_that_never_went_back(
    ledger: Path, databases: PostgresDatabases
) -> None:
    """R-24: each publishes what the other appended, one after the other."""
    url = databases(ledger, "ledger")
    both(ledger, url)
    audit = reopened(ledger)
    shown = open_checkpoint(audit.objects.get(CHECKPOINT_PATH).decode(), audit.signer.verifier)
    engine = open_database(url)
    with read_transaction(engine) as connection:
        size = connection.execute(text("SELECT size FROM ledger_head")).scalar()
        alarms = connection.execute(
            text("SELECT count(*) FROM entries WHERE kind = 'alarm.raised'")
        ).scalar()
    engine.dispose()
    assert shown.checkpoint.size == size
    assert alarms == 0
    audit.close()
