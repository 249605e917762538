"""Law 3, R-22, R-23: what planes publish enters the ledger once, whatever the bus does to it."""

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onrecord.audit.service.intake import TakingIn
from onrecord.chassis.bus.ports import SCHEMA, Message
from onrecord.contracts.events import (
    GALLERY_CHANGED,
    SEARCH_EXECUTED,
    GalleryChanged,
    SearchExecuted,
)
from onrecord.events.messages import message_of
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import parse_body
from onrecord.proof.merkle import EMPTY_ROOT
from tests.builders.audit import START, AuditForTest, SetClock, open_audit, soon
from tests.unit.audit.test_one_search import verify


def entries(audit: AuditForTest, kind: str) -> list[dict[str, Any]]:
    bodies = (json.loads(one.body) for one in audit.running.ledger.bodies(0, 1000))
    return [body for body in bodies if body["kind"] == kind]


def send(audit: AuditForTest, message: Message) -> None:
    audit.bus.publisher().publish([message], soon())


def receipt_of_another(audit: AuditForTest, number: int) -> Attestation:
    """The next receipt, for a search of a probe and a case of its own."""
    made = audit.authorize(case_number=f"case-{number}", probe=f"{number:064x}")
    return audit.receipt(made.entry)


def change(audit: AuditForTest, **fields: Any) -> Attestation:
    """A chunk of a manifest that a plane has closed."""
    said = {
        "type": statements.GALLERY_CHANGED,
        "time": format_time(START),
        "gallery": "US-UT",
        "act": "enrol",
        "manifest": "m-1",
        "chunk": 0,
        "rows": 3,
        "accepted": 2,
        "unchanged": 1,
        "rejected": 0,
        "accepted_root": "ab" * 32,
        "rejected_root": EMPTY_ROOT.hex(),
        **fields,
    }
    return audit.attestor(Service.VECTOR_SEARCH).attest(said)


def test_a_message_delivered_twice_is_one_entry(audit: AuditForTest) -> None:
    receipt = audit.receipt(audit.authorize().entry)
    first, again = audit.told(receipt), audit.told(receipt)
    assert first.index == again.index
    audit.publish(receipt, receipt)
    audit.take_in()
    assert len(entries(audit, "search.executed")) == 1
    verify(audit)


def test_a_restart_reads_on_where_the_ledger_says(audit: AuditForTest) -> None:
    """ADR 19: the bus's own note of how far audit was is not needed."""
    audit.executed()
    later = audit.receipt(audit.authorize().entry)
    audit.close()
    (audit.folder / "bus" / "groups.sqlite").unlink()
    again = open_audit(audit.folder, clock=audit.clock)
    again.publish(later)
    assert again.running.consumer is not None
    assert again.running.consumer.step() == 1
    assert len(entries(again, "search.executed")) == 2
    verify(again)
    again.close()


@pytest.mark.parametrize("published_since", [0, 1, 3])
def test_a_bus_restored_from_an_older_copy_loses_nothing(
    audit: AuditForTest, published_since: int
) -> None:
    """Offsets of the old bus mean other messages now: read from the beginning, written once."""
    audit.executed()
    audit.close()
    backup = audit.folder.parent / "backup"
    shutil.copytree(audit.folder / "bus", backup)
    again = audit = audit.reopen()
    for number in range(2):
        again.executed(case_number=f"kept-{number}")
    fresh = [receipt_of_another(again, number) for number in range(published_since)]
    again.close()
    shutil.rmtree(again.folder / "bus")
    shutil.copytree(backup, again.folder / "bus")
    again = again.reopen()
    again.take_in()
    again.publish(*fresh)
    again.take_in()
    assert len(entries(again, "search.executed")) == 3 + published_since
    assert not entries(again, "alarm.raised")
    verify(again)
    again.close()


def test_what_cannot_be_believed_is_an_alarm_and_holds_nothing_up(audit: AuditForTest) -> None:
    """An unknown version, bytes that are nothing, a forged receipt, one signed by another."""
    good = audit.receipt(audit.authorize().entry)
    forged = replace(good, statement=good.statement.replace(b"900000", b"900001"))
    stranger = audit.attestor(Service.GATEWAY).attest(statements.read(good))
    unreadable = audit.attestor(Service.VECTOR_SEARCH).attest(
        {**statements.read(good), "sequence": "1"}
    )
    schema = message_of(SearchExecuted(good)).headers[SCHEMA]
    send(audit, Message(SEARCH_EXECUTED, "US-UT", b"x", {SCHEMA: "onrecord.v9.SearchExecuted"}))
    send(audit, Message(SEARCH_EXECUTED, "US-UT", b"\xff\xff", {SCHEMA: schema}))
    send(audit, Message(SEARCH_EXECUTED, "US-UT", b""))
    audit.publish(forged, stranger, unreadable)
    audit.told(good)
    alarms = entries(audit, "alarm.raised")
    assert [one["what"] for one in alarms] == ["message"] * 6
    assert len(entries(audit, "search.executed")) == 1
    audit.publish(forged)
    audit.take_in()
    assert len(entries(audit, "alarm.raised")) == 6
    verify(audit)


@pytest.mark.parametrize(
    "changes",
    [
        {"gallery": 5},
        {"gallery": "US-ZZ"},
        {"sequence": True},
        {"previous": "short"},
        {"candidates": None},
        {"candidates": [{"ref": "c", "similarity": 2_000_000}]},
        {"candidates": [{"ref": "c", "similarity": 1}, {"ref": "c", "similarity": 2}]},
        {"candidates": [{"ref": "", "similarity": 1}]},
    ],
)
def test_a_receipt_that_cannot_be_read_is_an_alarm(
    audit: AuditForTest, changes: dict[str, Any]
) -> None:
    said = {**statements.read(audit.receipt(audit.authorize().entry)), **changes}
    receipt = audit.attestor(Service.VECTOR_SEARCH).attest(said)
    message = replace(
        message_of(SearchExecuted(audit.receipt(audit.authorize().entry))),
        payload=message_of(SearchExecuted(receipt)).payload,
    )
    send(audit, message)
    audit.take_in()
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["message"]


def test_a_certificate_that_fools_the_parser_stops_no_other(audit: AuditForTest) -> None:
    """Anybody on the bus can write one: it must not be read again for ever (R-23)."""
    good = audit.receipt(audit.authorize().entry)
    (leaf, *rest) = good.chain
    version = leaf.index(bytes.fromhex("a003020102"))
    absurd = leaf[: version + 4] + b"\x13" + leaf[version + 5 :]
    audit.publish(replace(good, chain=(absurd, *rest)))
    audit.told(good)
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["message"]
    assert len(entries(audit, "search.executed")) == 1


@pytest.mark.parametrize("gallery", [["US-UT"], {"a": 1}, 5])
def test_a_change_of_no_gallery_is_an_alarm(audit: AuditForTest, gallery: Any) -> None:
    made = message_of(GalleryChanged(change(audit)))
    other = message_of(GalleryChanged(change(audit, gallery=gallery)))
    send(audit, replace(made, payload=other.payload))
    audit.take_in()
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["message"]


def test_a_fault_in_taking_one_message_stops_no_other(
    audit: AuditForTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = audit.receipt(audit.authorize().entry)
    receipt = TakingIn._receipt

    def faulty(taking: TakingIn, attestation: Attestation) -> Any:
        if attestation == first:
            return lambda _: 1 // 0
        return receipt(taking, attestation)

    monkeypatch.setattr(TakingIn, "_receipt", faulty)
    audit.publish(first, change(audit))
    audit.take_in()
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["message"]
    assert len(entries(audit, "gallery.enrolled")) == 1


def test_a_receipt_waits_for_the_one_before_it_across_a_restart(audit: AuditForTest) -> None:
    """Law 3: two receipts in the wrong order; what waits is as durable as the offset."""
    receipts = [receipt_of_another(audit, n) for n in range(3)]
    audit.publish(receipts[2], receipts[1])
    audit.take_in()
    assert not entries(audit, "search.executed")
    audit = audit.reopen()
    audit.take_in()
    assert not entries(audit, "search.executed")
    audit.told(receipts[0])
    executed = entries(audit, "search.executed")
    assert [one["receipt"]["sequence"] for one in executed] == [1, 2, 3]
    assert not entries(audit, "alarm.raised")
    verify(audit)
    audit.close()


def test_a_gap_that_stays_is_an_alarm_and_the_chain_goes_on_behind_it(
    audit: AuditForTest, clock: SetClock
) -> None:
    """R-23: within a minute; a receipt that was missed and comes later is an alarm, not an end."""
    receipts = [receipt_of_another(audit, n) for n in range(4)]
    audit.publish(receipts[0], receipts[3])
    audit.take_in()
    clock.pass_(seconds=29)
    audit.take_in()
    assert not entries(audit, "alarm.raised")
    clock.pass_(seconds=1)
    audit.take_in()
    (alarm,) = entries(audit, "alarm.raised")
    named = {name: alarm[name] for name in ("what", "gallery", "expected", "seen")}
    assert named == {"what": "receipt_gap", "gallery": "US-UT", "expected": 2, "seen": 4}
    executed = entries(audit, "search.executed")
    assert [one["receipt"]["sequence"] for one in executed] == [1, 4]
    audit.publish(receipts[1])
    audit.take_in()
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["receipt_gap", "receipt"]
    audit.told(receipt_of_another(audit, 9))
    verify(audit)


def test_changes_of_a_gallery_are_written_once(audit: AuditForTest) -> None:
    """R-42, law 9: a chunk that was closed, a record that was deleted."""
    chunk = change(audit)
    entry = audit.told(chunk)
    assert audit.told(chunk).index == entry.index
    body, _, kind = parse_body(entry.body)
    assert (kind, body["by"]) == ("gallery.enrolled", {"service": "vector-search"})
    assert body["change"] == statements.read(chunk)
    deleted = audit.attestor(Service.VECTOR_SEARCH).attest(
        {
            "type": statements.RECORD_DELETED,
            "time": format_time(START),
            "gallery": "US-UT",
            "generation": 2,
            "record": "cd" * 32,
            "salt": "ef" * 32,
            "by": {"person": "custodian-us-ut", "agency": "us-ut-dmv"},
        }
    )
    body, _, kind = parse_body(audit.told(deleted).body)
    assert (kind, body["change"]) == ("record.deleted", statements.read(deleted))
    listed = change(audit, act="delete", chunk=1)
    assert parse_body(audit.told(listed).body)[2] == "record.deleted"
    verify(audit)


@pytest.mark.parametrize("changes", [{"gallery": "US-ZZ"}, {"accepted": -1}, {"act": "empty"}])
def test_a_change_that_cannot_be_read_is_an_alarm(
    audit: AuditForTest, changes: dict[str, Any]
) -> None:
    audit.publish(change(audit, **changes))
    audit.take_in()
    assert [one["topic"] for one in entries(audit, "alarm.raised")] == [GALLERY_CHANGED]


def test_an_examiner_waits_for_receipts_that_are_on_their_way(audit: AuditForTest) -> None:
    """A look may be asked for before the ledger has been told of the search."""
    authorization = audit.authorize()
    receipt = audit.receipt(authorization.entry)
    examinations = audit.service._examinations
    examinations._patience = 20.0
    asked, ledger = threading.Event(), audit.running.ledger
    wait = ledger.wait_for_append

    def waiting(seconds: float) -> None:
        asked.set()
        wait(seconds)

    ledger.wait_for_append = waiting  # type: ignore[method-assign]
    looked: list[int] = []
    examiner = threading.Thread(
        target=lambda: looked.append(audit.look("berg", authorization.search_id).index)
    )
    examiner.start()
    assert asked.wait(10)
    index = audit.told(receipt).index
    examiner.join(20)
    assert looked and looked[0] > index
    examinations._patience = 0.05
    other = audit.authorize(case_number="never searched").search_id
    with pytest.raises(OnRecordError) as caught:
        audit.look("berg", other)
    assert caught.value.code is ErrorCode.SEARCH_STATE
    assert "US-UT has not ended" in caught.value.message


def test_started_it_reads_by_itself_and_stopped_it_reads_no_more(audit: AuditForTest) -> None:
    """R-45."""
    audit.running.start(reconcile_seconds=0.05)
    receipt = audit.receipt(audit.authorize().entry)
    audit.publish(receipt)
    give_up = time.monotonic() + 60
    while audit.entry_of(receipt) is None:
        assert time.monotonic() < give_up
        audit.running.ledger.wait_for_append(0.1)
    assert audit.running.stop(10)
    later = audit.receipt(audit.authorize().entry)
    audit.publish(later)
    assert audit.entry_of(later) is None
    audit = audit.reopen()
    audit.take_in()
    assert audit.entry_of(later) is not None
    verify(audit)
    audit.close()


def test_a_ledger_that_refuses_keeps_the_bus_waiting(audit: AuditForTest) -> None:
    """Law 4, R-22: nothing is marked as read that is not in the ledger."""
    receipt = audit.receipt(audit.authorize().entry)
    audit.publish(receipt)
    audit.running.ledger._appender.refuse("for the test")
    with pytest.raises(OnRecordError) as caught:
        audit.take_in()
    assert caught.value.code is ErrorCode.LEDGER_UNAVAILABLE
    audit.running.ledger._appender.allow()
    audit.take_in()
    assert audit.entry_of(receipt) is not None


def test_the_bus_is_taken_in_by_the_poll(audit: AuditForTest, tmp_path: Path) -> None:
    """Many messages in one transaction: the last entries share their time and their checkpoint."""
    receipts = [receipt_of_another(audit, n) for n in range(8)]
    audit.publish(*receipts)
    heads: list[int] = []
    committed = audit.running.ledger._appender._committed

    def counted(head: Any) -> None:
        heads.append(head.size)
        committed(head)

    audit.running.ledger._appender._committed = counted
    audit.take_in()
    assert len(heads) == 1
    assert len(entries(audit, "search.executed")) == 8


def test_a_bus_on_which_nothing_comes_is_asked_once_a_second_whether_all_is_read(
    audit: AuditForTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-23: what is read is known to the second, and what comes is taken in at once."""
    assert isinstance(audit.clock, SetClock)
    consumer = audit.running.consumer
    assert consumer is not None
    audit.take_in()
    reading: Any = consumer._consumer
    asked: list[int] = []
    ends = reading.ends

    def counted() -> Any:
        asked.append(1)
        return ends()

    monkeypatch.setattr(reading, "ends", counted)
    for _ in range(5):
        assert consumer.step() == 0
    assert not asked
    assert consumer.read_until(audit.clock.now())
    audit.clock.pass_(seconds=1.0)
    assert not consumer.read_until(audit.clock.now())
    assert consumer.step() == 0
    assert len(asked) == 1
    assert consumer.read_until(audit.clock.now())
    receipt = audit.receipt(audit.authorize().entry)
    audit.publish(receipt)
    assert consumer.step() == 1
    assert audit.entry_of(receipt) is not None
