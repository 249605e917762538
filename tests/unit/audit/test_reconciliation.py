"""R-23: every grant has its ends within a minute of being due, and what is missing is told."""

import json
from typing import Any

from onrecord.kernel.times import format_time
from tests.builders.audit import START, AuditForTest, SetClock
from tests.unit.audit.test_one_search import verify


def entries(audit: AuditForTest, kind: str) -> list[dict[str, Any]]:
    bodies = (json.loads(one.body) for one in audit.running.ledger.bodies(0, 1000))
    return [body for body in bodies if body["kind"] == kind]


def test_a_grant_without_an_end_expires_a_minute_after_its_time(
    audit: AuditForTest, clock: SetClock
) -> None:
    ended = audit.executed().search_id
    endless = [audit.authorize(case_number=f"c-{n}").search_id for n in range(2)]
    clock.pass_(minutes=5, seconds=59)
    audit.take_in()
    assert audit.running.reconciliation.step() == 0
    clock.pass_(seconds=1)
    audit.take_in()
    assert audit.running.reconciliation.step() == 2
    assert {one["search_id"] for one in entries(audit, "search.expired")} == set(endless)
    assert audit.running.reconciliation.step() == 0
    assert ended not in {one["search_id"] for one in entries(audit, "search.expired")}
    verify(audit)


def test_nothing_expires_while_the_bus_has_not_been_read(
    audit: AuditForTest, clock: SetClock
) -> None:
    """The ledger was down: the receipt has stood on the bus all the time."""
    authorization = audit.authorize()
    receipt = audit.receipt(authorization.entry, time=format_time(START))
    audit.publish(receipt)
    clock.pass_(minutes=6)
    assert audit.running.reconciliation.step() == 0
    clock.pass_(seconds=30)
    assert audit.running.reconciliation.step() == 1
    assert audit.running.reconciliation.step() == 0
    (alarm,) = entries(audit, "alarm.raised")
    assert (alarm["what"], alarm["search_id"]) == ("grant_without_end", authorization.search_id)
    assert alarm["galleries"] == ["US-UT"]
    audit.take_in()
    assert audit.running.reconciliation.step() == 0
    assert not entries(audit, "search.expired")
    assert len(entries(audit, "search.executed")) == 1
    audit.look("berg", authorization.search_id)
    verify(audit)


def test_whoever_has_just_started_raises_no_alarm_before_it_could_read_the_bus(
    audit: AuditForTest, clock: SetClock
) -> None:
    """Audit stood still for an hour with a receipt on the bus: nothing is wrong with the search."""
    authorization = audit.authorize()
    audit.publish(audit.receipt(authorization.entry, time=format_time(START)))
    clock.pass_(hours=1)
    again = audit.reopen()
    assert again.running.reconciliation.step() == 0
    again.take_in()
    clock.pass_(minutes=1)
    assert again.running.reconciliation.step() == 0
    assert not entries(again, "alarm.raised")


def test_a_receipt_that_comes_after_expiry_is_an_alarm_and_no_end(
    audit: AuditForTest, clock: SetClock
) -> None:
    """Law 3."""
    authorization = audit.authorize()
    receipt = audit.receipt(authorization.entry, time=format_time(START))
    clock.pass_(minutes=6)
    audit.take_in()
    assert audit.running.reconciliation.step() == 1
    audit.told(receipt)
    (alarm,) = entries(audit, "alarm.raised")
    assert "already ended" in alarm["why"]
    assert not entries(audit, "search.executed")
    verify(audit)


def test_what_waits_for_the_receipt_before_it_does_not_expire(
    audit: AuditForTest, clock: SetClock
) -> None:
    """Law 3: it is read, it may be of this search, and the gap closes or is told of first."""
    lost, kept = (audit.authorize(case_number=name) for name in ("lost", "kept"))
    audit.receipt(lost.entry)
    receipt = audit.receipt(kept.entry)
    clock.pass_(minutes=5, seconds=50)
    audit.publish(receipt)
    audit.take_in()
    clock.pass_(seconds=10)
    audit.take_in()
    assert audit.running.reconciliation.step() == 0
    clock.pass_(seconds=20)
    audit.take_in()
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["receipt_gap"]
    assert [one["search_id"] for one in entries(audit, "search.executed")] == [kept.search_id]
    assert audit.running.reconciliation.step() == 1
    assert [one["search_id"] for one in entries(audit, "search.expired")] == [lost.search_id]
    verify(audit)
