"""Law 3: a search is called expired as soon as its plane's own receipts show that none can come."""

import hashlib

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from tests.builders.audit import START, AuditForTest, SetClock, soon
from tests.unit.audit.test_ends import two_states
from tests.unit.audit.test_one_search import verify
from tests.unit.audit.test_reconciliation import entries


def later(audit: AuditForTest, name: str, galleries: tuple[str, ...] = ("US-UT",)) -> None:
    """Another search, with a probe of its own, whose receipt has come."""
    probe = hashlib.sha256(name.encode()).hexdigest()
    audit.executed(case_number=name, probe=probe, galleries=list(galleries))


def expired(audit: AuditForTest) -> list[str]:
    return [one["search_id"] for one in entries(audit, "search.expired")]


def too_early(audit: AuditForTest, search_id: str) -> None:
    """Whoever asks for it is refused as well."""
    with pytest.raises(OnRecordError) as caught:
        audit.service.expire(search_id, soon())
    assert caught.value.code is ErrorCode.SEARCH_STATE


def test_a_receipt_made_after_the_grants_end_shows_that_none_comes(
    audit: AuditForTest, clock: SetClock
) -> None:
    """R-23: nobody waits out the minute; before the end, a later receipt shows nothing."""
    lost = audit.authorize()
    clock.pass_(minutes=4)
    later(audit, "later")
    assert audit.running.reconciliation.step() == 0
    clock.pass_(minutes=1)
    later(audit, "at the very end")
    assert audit.running.reconciliation.step() == 0
    too_early(audit, lost.search_id)
    clock.pass_(seconds=0.01)
    later(audit, "behind it")
    assert audit.running.reconciliation.step() == 1
    assert expired(audit) == [lost.search_id]
    assert audit.running.reconciliation.step() == 0
    verify(audit)


def test_another_gallerys_receipts_show_nothing(audit: AuditForTest, clock: SetClock) -> None:
    """Each gallery has a sequence of its own; one that is shown ends, the other waits."""
    two_states(audit)
    lost = audit.authorize(galleries=["US-UT", "US-CA"])
    clock.pass_(minutes=5, seconds=1)
    later(audit, "later")
    assert audit.running.reconciliation.step() == 1
    (entry,) = entries(audit, "search.expired")
    assert (entry["search_id"], entry["galleries"]) == (lost.search_id, ["US-UT"])
    clock.pass_(seconds=59)
    audit.take_in()
    assert audit.running.reconciliation.step() == 1
    assert entries(audit, "search.expired")[1]["galleries"] == ["US-CA"]
    verify(audit)


def test_behind_a_gap_nothing_is_shown(audit: AuditForTest, clock: SetClock) -> None:
    """What never came may have been of this search: the minute is waited out."""
    lost = audit.authorize()
    audit.receipt(lost.entry)
    clock.pass_(minutes=4, seconds=31)
    audit.publish(audit.receipt(audit.authorize(case_number="kept").entry))
    audit.take_in()
    clock.pass_(seconds=30)
    audit.take_in()
    assert [one["what"] for one in entries(audit, "alarm.raised")] == ["receipt_gap"]
    since = audit.authorize(case_number="granted since the gap")
    later(audit, "later")
    assert audit.running.reconciliation.step() == 0
    too_early(audit, lost.search_id)
    clock.pass_(seconds=59)
    audit.take_in()
    assert audit.running.reconciliation.step() == 1
    assert expired(audit) == [lost.search_id]

    clock.pass_(minutes=4, seconds=2)
    later(audit, "behind the grant since")
    assert audit.running.reconciliation.step() == 1
    assert expired(audit) == [lost.search_id, since.search_id]
    verify(audit)


def test_an_examiner_need_not_wait_for_a_gallery_that_is_shown_to_be_over(
    audit: AuditForTest, clock: SetClock
) -> None:
    two_states(audit)
    search = audit.authorize(galleries=["US-UT", "US-CA"])
    audit.told(audit.receipt(search.entry))
    clock.pass_(minutes=5, seconds=1)
    with pytest.raises(OnRecordError) as caught:
        audit.look("berg", search.search_id, "c-1")
    assert caught.value.code is ErrorCode.SEARCH_STATE
    later(audit, "later", ("US-CA",))
    audit.look("berg", search.search_id, "c-1")
    assert expired(audit) == [search.search_id]
    verify(audit)


def test_a_receipt_dated_before_the_one_it_follows_is_an_alarm(
    audit: AuditForTest, clock: SetClock
) -> None:
    """Whoever sets a plane's clock back finds that its receipts never go back in time."""
    first = audit.authorize()
    clock.pass_(minutes=2)
    later(audit, "later")
    receipt = audit.receipt(first.entry, time=format_time(START))
    audit.told(receipt)
    (alarm,) = entries(audit, "alarm.raised")
    assert alarm["why"] == "it is dated before a receipt that it follows"
    clock.pass_(minutes=3, seconds=1)
    assert audit.running.reconciliation.step() == 0
    later(audit, "behind the end")
    assert audit.running.reconciliation.step() == 1
    assert expired(audit) == [first.search_id]
    verify(audit)


def test_asked_for_too_early_it_is_refused(audit: AuditForTest, clock: SetClock) -> None:
    lost = audit.authorize()
    clock.pass_(minutes=5, seconds=1)
    too_early(audit, lost.search_id)
    later(audit, "later")
    audit.service.expire(lost.search_id, soon())
    assert expired(audit) == [lost.search_id]
