"""R-20 to R-25: what is in the ledger stays, is proved, is published, and cannot be rolled back."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DatabaseError

from onrecord.audit.adapters import schema
from onrecord.audit.adapters.shown import Shown
from onrecord.audit.core.draft import Books, Draft, Existing, Idempotent, Mark
from onrecord.chassis.database import write_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof.checkpoint import open_checkpoint
from onrecord.proof.entry import verify_entry
from onrecord.proof.merkle import verify_consistency
from onrecord.proof.tiles import CHECKPOINT_PATH, objects_of
from tests.builders.audit import AuditForTest, SetClock, open_audit, soon
from tests.builders.databases import dump_database, restore_database
from tests.unit.audit.test_one_search import verify


def refused(act: Callable[[], Any]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value


def alarm(number: int) -> Draft:
    return Draft(EntryKind.ALARM_RAISED, {"what": "test", "number": number})


@pytest.mark.parametrize("table", schema.APPEND_ONLY, ids=lambda table: table.name)
@pytest.mark.parametrize("act", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_the_database_refuses_to_change_what_was_written(
    audit: AuditForTest, table: Any, act: str
) -> None:
    """R-24: not by a bug of ours, nor by a slip at the console."""
    audit.executed()
    audit.running.ledger.publish()
    Shown(audit.running.engine, audit.clock).keep_witnessed(audit.running.ledger.newest())
    column = next(iter(table.columns)).name
    with (
        pytest.raises(DatabaseError, match=r"append-only|permission denied"),
        write_transaction(audit.running.engine) as connection,
    ):
        assert connection.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one()  # noqa: S608
        connection.execute(text(act.format(table.name, column)))


def test_every_entry_has_a_proof_of_its_own(audit: AuditForTest) -> None:
    for _ in range(20):
        audit.authorize()
    newest = audit.service.checkpoint(soon())
    size = open_checkpoint(newest, audit.signer.verifier).checkpoint.size
    for index in range(size):
        entry = audit.service.entry(index, soon())
        assert verify_entry(entry, audit.signer.verifier).index == index
    assert refused(lambda: audit.service.entry(size, soon())).code is ErrorCode.NOT_FOUND


def test_consistency_is_proved_between_any_two_sizes(audit: AuditForTest) -> None:
    key = audit.signer.verifier
    seen = [open_checkpoint(audit.service.checkpoint(soon()), key).checkpoint]
    for _ in range(12):
        audit.authorize()
        seen.append(open_checkpoint(audit.service.checkpoint(soon()), key).checkpoint)
    for old in seen:
        for new in seen:
            if old.size <= new.size:
                proof = audit.service.consistency_proof(old.size, new.size, soon())
                verify_consistency(old.size, old.root, new.size, new.root, proof)
    for sizes in ((3, 2), (0, seen[-1].size + 1), (-1, 2)):
        error = refused(partial(audit.service.consistency_proof, *sizes, soon()))
        assert error.code is ErrorCode.LEDGER_INCONSISTENT


def test_of_a_batch_each_request_stands_alone(audit: AuditForTest) -> None:
    """A refusal, faults, and rows that do not fit fail for themselves; the rest is appended."""
    audit.authorize(key="taken")
    with write_transaction(audit.running.engine) as connection:
        connection.execute(insert(schema.idempotency).values(key="clash", digest="0" * 64, entry=0))

    def ask(number: int) -> str:
        def proposal(books: Books) -> Draft | Existing:
            if number % 5 == 1:
                raise OnRecordError(ErrorCode.NOT_FOUND, "refused")
            if number % 5 == 2:
                raise ZeroDivisionError
            if number % 5 == 3:
                # A mark that breaks the database's own rules, as a fault of ours might.
                return Draft(EntryKind.ALARM_RAISED, {}, (Idempotent("clash", "1" * 64),))
            if number % 5 == 4:
                return Draft(EntryKind.ALARM_RAISED, {}, (cast(Mark, "no mark"),))
            return alarm(number)

        try:
            return f"appended {audit.running.ledger.append(proposal, soon()).index}"
        except OnRecordError as error:
            return error.code.value

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(ask, range(30)))
    assert [answers[n] for n in range(1, 30, 5)] == ["not_found"] * 6
    assert [answers[n] for n in range(2, 30, 5)] == ["internal"] * 6
    assert [answers[n] for n in range(3, 30, 5)] == ["ledger_unavailable"] * 6
    assert [answers[n] for n in range(4, 30, 5)] == ["ledger_unavailable"] * 6
    assert all(answers[n].startswith("appended") for n in range(0, 30, 5))
    assert len(set(answers)) == 6 + 3
    audit.authorize()
    verify(audit)


def test_what_is_published_verifies_and_partial_tiles_do_not_pile_up(audit: AuditForTest) -> None:
    """R-20: past 256 entries, with a checkpoint after nearly every one of them."""

    def ask(number: int) -> int:
        return audit.running.ledger.append(lambda _: alarm(number), soon()).index

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(300)))
    audit.running.ledger.publish()
    verify(audit)
    note = audit.objects.get(CHECKPOINT_PATH).decode()
    size = open_checkpoint(note, audit.signer.verifier).checkpoint.size
    kept = set(audit.objects.keys(""))
    assert {one.path for one in objects_of(size)} | {CHECKPOINT_PATH} <= kept
    assert not [key for key in kept if key.startswith(("tile/0/000.p", "tile/entries/000.p"))]


def test_a_restart_catches_up_with_what_was_not_published(audit: AuditForTest) -> None:
    """R-22."""
    before = audit.objects.get(CHECKPOINT_PATH)
    audit.authorize()
    audit.close()
    audit.objects.put(CHECKPOINT_PATH, before)
    for key in list(audit.objects.keys("tile")):
        audit.objects.delete(key)
    again = open_audit(audit.folder, clock=audit.clock)
    assert again.objects.get(CHECKPOINT_PATH) != before
    # Only what lies behind the published checkpoint is taken on trust: it was there before it.
    again.objects.delete(CHECKPOINT_PATH)
    again.close()
    again = open_audit(audit.folder, clock=audit.clock)
    verify(again)
    again.close()


def test_a_rolled_back_database_appends_nothing(audit: AuditForTest, clock: SetClock) -> None:
    """R-24, R-48: the object store has seen more than the backup has."""
    audit.close()
    backup = audit.folder.parent / "backup"
    dump_database(audit.folder, "ledger", backup)
    later = open_audit(audit.folder, clock=clock)
    later.authorize()
    later.close()
    restore_database(audit.folder, "ledger", backup)
    error = refused(lambda: open_audit(audit.folder, clock=clock))
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    assert "rolled back" in error.message


def test_another_history_of_the_same_length_appends_nothing(
    audit: AuditForTest, clock: SetClock
) -> None:
    """R-24: a split view."""
    audit.close()
    backup = audit.folder.parent / "backup"
    dump_database(audit.folder, "ledger", backup)
    one = open_audit(audit.folder, clock=clock)
    one.authorize("olsen")
    one.close()
    published = (audit.folder / "public" / "checkpoint").read_bytes()
    restore_database(audit.folder, "ledger", backup)
    (audit.folder / "public" / "checkpoint").unlink()
    other = open_audit(audit.folder, clock=clock)
    other.authorize("diaz")
    other.close()
    (audit.folder / "public" / "checkpoint").write_bytes(published)
    error = refused(lambda: open_audit(audit.folder, clock=clock))
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    assert "not those that are published" in error.message


def test_a_store_that_runs_ahead_stops_a_running_ledger(audit: AuditForTest) -> None:
    """Law 4: somebody else appends under our key; from then on we append nothing."""
    folder = audit.folder.parent / "copy"
    audit.running.ledger.publish()
    shutil.copytree(audit.folder, folder)
    other = open_audit(folder, clock=audit.clock)
    for _ in range(3):
        other.authorize("diaz")
    other.close()
    audit.objects.put(CHECKPOINT_PATH, other.objects.get(CHECKPOINT_PATH))
    error = refused(audit.running.ledger.publish)
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    audit.running.ledger._publisher.tell()
    audit.running.ledger._publisher._thread.join(10)
    assert refused(audit.authorize).code is ErrorCode.LEDGER_UNAVAILABLE


def test_a_database_that_does_not_hold_together_is_not_opened(
    audit: AuditForTest, clock: SetClock
) -> None:
    with write_transaction(audit.running.engine) as connection:
        connection.execute(text("DROP TRIGGER subtree_hashes_no_update"))
        connection.execute(text("UPDATE subtree_hashes SET hash = zeroblob(32) WHERE level = 3"))
    audit.close()
    error = refused(lambda: open_audit(audit.folder, clock=clock))
    assert error.code is ErrorCode.LEDGER_UNAVAILABLE
    assert "does not hold together" in error.message


def test_a_closed_ledger_appends_nothing(audit: AuditForTest) -> None:
    token = audit.token("olsen")
    audit.close()
    assert refused(lambda: audit.running.ledger.append(lambda _: alarm(1), soon())).code is (
        ErrorCode.LEDGER_UNAVAILABLE
    )
    assert token
