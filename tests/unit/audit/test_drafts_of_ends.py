"""Law 3, R-23: how a search stands, and the ends that nobody sent, to the last field."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from onrecord.audit.core.draft import (
    Draft,
    EndGalleries,
    Examiner,
    Existing,
    Reach,
    Remember,
    SearchRecord,
)
from onrecord.audit.core.searching import (
    GrantedSearch,
    OutstandingError,
    OverdueError,
    candidates,
    clock_alarm,
    end,
    endless_alarm,
    examinable,
    expire,
    find_search,
    unended,
)
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import EntryKind, Service
from tests.builders.audit import START
from tests.unit.audit.test_drafts_of_receipts import (
    ENDED,
    EXPIRES,
    GRANT,
    HUNDREDTH,
    SAID,
    books,
    held,
    refused,
)

EXECUTED = (EntryKind.SEARCH_EXECUTED, 5)
FAILED = (EntryKind.SEARCH_FAILED, 6)
EXPIRED = (EntryKind.SEARCH_EXPIRED, 7)


def test_what_is_not_granted_is_no_search() -> None:
    error = refused(lambda: find_search(books(), "s" * 99))
    assert error.code is ErrorCode.NOT_FOUND
    assert f" {'s' * 64} " in error.message, "no more of what a stranger sent than that"


def test_a_search_tells_what_stands_about_it() -> None:
    record = SearchRecord(
        "s-1",
        3,
        "grant:m",
        {"US-UT": (EntryKind.SEARCH_EXECUTED, 8), "US-CA": EXECUTED},
        (Examiner("a", "t-1", 12), Examiner("b", "t-2", None), Examiner("c", "t-3", 11)),
        None,
    )
    search = GrantedSearch(record, GRANT)
    assert search.requester == "olsen"
    assert set(search.granted) == {"US-UT", "US-CA"}
    assert search.outstanding == ()
    assert search.executed == (5, 8)
    assert search.decided == (11, 12)
    assert (search.expires_at, search.due) == (EXPIRES, ENDED)
    open_still = GrantedSearch(replace(record, ends={"US-UT": FAILED}), GRANT)
    assert (open_still.outstanding, open_still.executed) == (("US-CA",), ())
    nothing = GrantedSearch(replace(record, ends={}), GRANT)
    assert nothing.outstanding == ("US-CA", "US-UT")


@pytest.mark.parametrize(
    ("now", "overdue"), [(ENDED - HUNDREDTH, False), (ENDED, True), (ENDED + HUNDREDTH, True)]
)
def test_a_search_is_overdue_a_minute_after_its_grant(now: datetime, overdue: bool) -> None:
    """R-23."""
    at = books(now=now)
    assert find_search(at, "s-1").overdue(at) is overdue
    done = books({"US-UT": EXECUTED, "US-CA": FAILED}, now=now)
    assert find_search(done, "s-1").overdue(done) is False


def test_only_a_complete_list_is_examined() -> None:
    at = books({"US-UT": EXECUTED})
    with pytest.raises(OutstandingError) as waits:
        examinable(at, "s-1")
    assert waits.value.code is ErrorCode.SEARCH_STATE
    assert "US-CA" in waits.value.message
    with pytest.raises(OverdueError) as late:
        examinable(replace(at, now=ENDED), "s-1")
    assert late.value.due == ENDED
    assert str(late.value) == "a granted gallery never reached its end"
    reached = {"US-CA": Reach(EXPIRES + HUNDREDTH, 2)}
    with pytest.raises(OverdueError) as passed:
        examinable(replace(at, reaches=reached), "s-1")
    assert passed.value.due is None
    with pytest.raises(OutstandingError, match="the search of US-CA, US-UT has not ended"):
        examinable(books(), "s-1")
    none_searched = books({"US-UT": FAILED, "US-CA": EXPIRED}, now=ENDED)
    assert refused(lambda: examinable(none_searched, "s-1")).code is ErrorCode.SEARCH_STATE
    whole = books({"US-UT": EXECUTED, "US-CA": FAILED}, now=ENDED)
    assert examinable(whole, "s-1").executed == (5,)


@pytest.mark.parametrize(
    ("reach", "passed"),
    [
        (None, ()),
        (Reach(EXPIRES, -1), ()),
        (Reach(EXPIRES + HUNDREDTH, -1), ("US-UT",)),
        (Reach(EXPIRES + HUNDREDTH, 2), ("US-UT",)),
        (Reach(EXPIRES + HUNDREDTH, 3), ()),
        (Reach(EXPIRES + HUNDREDTH, 4), ()),
    ],
)
def test_what_a_later_receipt_shows(reach: Reach | None, passed: tuple[str, ...]) -> None:
    """R-23, ADR 31: made after the grant's end, and no gap told of since the grant."""
    at = books(reaches={} if reach is None else {"US-UT": reach})
    assert find_search(at, "s-1").passed(at) == passed


def test_the_list_is_merged_from_the_receipts() -> None:
    bodies = {
        3: GRANT,
        5: {"receipt": SAID},
        8: {
            "receipt": {
                **SAID,
                "gallery": "US-CA",
                "candidates": [
                    {"ref": "c", "similarity": 950_000},
                    {"ref": "d", "similarity": 800_000},
                ],
            }
        },
    }
    ends = {"US-UT": EXECUTED, "US-CA": (EntryKind.SEARCH_EXECUTED, 8)}
    at = books(ends, bodies=bodies)
    listed = candidates(at, find_search(at, "s-1"))
    assert [one.candidate_ref for one in listed] == ["c", "a", "d"]


def expiry(*galleries: str) -> Draft:
    return Draft(
        EntryKind.SEARCH_EXPIRED,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "galleries": list(galleries),
            "by": {"service": "audit"},
        },
        (EndGalleries("s-1", galleries, EntryKind.SEARCH_EXPIRED),),
    )


def test_what_is_overdue_expires_unless_its_receipts_wait() -> None:
    """R-23."""
    late = books(now=ENDED)
    assert expire(late, "s-1") == expiry("US-CA", "US-UT")
    waits = replace(late, waiting=(held(2),))
    assert expire(waits, "s-1") == expiry("US-CA")
    both = replace(late, waiting=(held(2), held(2, gallery="US-CA")))
    error = refused(lambda: expire(both, "s-1"))
    assert error.code is ErrorCode.SEARCH_STATE
    assert "US-CA, US-UT" in error.message
    assert refused(lambda: expire(books(now=ENDED - HUNDREDTH), "s-1")).code is (
        ErrorCode.SEARCH_STATE
    )


def test_what_a_later_receipt_shows_expires_at_once_and_no_other() -> None:
    """ADR 31: and after the minute, what waits in another gallery is let wait."""
    reaches = {"US-UT": Reach(EXPIRES + HUNDREDTH, -1)}
    assert expire(books(reaches=reaches), "s-1") == expiry("US-UT")
    late = books(reaches=reaches, now=ENDED)
    assert expire(late, "s-1") == expiry("US-CA", "US-UT")


def test_what_has_expired_is_the_entry_that_stands() -> None:
    ends = {"US-UT": EXPIRED, "US-CA": FAILED}
    assert expire(books(ends, now=ENDED), "s-1") == Existing(7)
    done = books({"US-UT": EXECUTED, "US-CA": FAILED}, now=ENDED)
    assert refused(lambda: expire(done, "s-1")).code is ErrorCode.SEARCH_STATE


def test_an_end_that_nobody_knows_is_an_alarm_once() -> None:
    draft = endless_alarm(books({"US-UT": EXECUTED}), "s-1")
    assert isinstance(draft, Draft)
    why = draft.body["why"]
    assert why.startswith("no end is known")
    assert draft == Draft(
        EntryKind.ALARM_RAISED,
        {
            "what": "grant_without_end",
            "why": why,
            "search_id": "s-1",
            "grant_index": 3,
            "galleries": ["US-CA"],
            "by": {"service": "audit"},
        },
        (Remember("endless:s-1"),),
    )
    assert endless_alarm(books(markers={"endless:s-1": 9}), "s-1") == Existing(9)
    done = books({"US-UT": EXECUTED, "US-CA": FAILED})
    assert refused(lambda: endless_alarm(done, "s-1")).code is ErrorCode.SEARCH_STATE


def test_a_clock_that_was_wrong_is_an_alarm_once_for_its_entry() -> None:
    """R-25."""
    draft = clock_alarm(books(), START, ENDED)
    assert isinstance(draft, Draft)
    why = draft.body["why"]
    assert why.startswith("the last entry lay far ahead")
    assert draft == Draft(
        EntryKind.ALARM_RAISED,
        {
            "what": "clock",
            "why": why,
            "clock": "2026-11-23T06:30:00.00Z",
            "last_entry": "2026-11-23T06:36:00.00Z",
            "by": {"service": "audit"},
        },
        (Remember("clock:2026-11-23T06:36:00.00Z"),),
    )
    told = books(markers={"clock:2026-11-23T06:36:00.00Z": 4})
    assert clock_alarm(told, START, ENDED) == Existing(4)


def test_an_end_names_its_galleries_and_who_says_so() -> None:
    at = books()
    more = {"code": "plane_unavailable"}
    found = end(find_search(at, "s-1"), EntryKind.SEARCH_FAILED, ["US-UT"], Service.GATEWAY, more)
    assert found == Draft(
        EntryKind.SEARCH_FAILED,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "galleries": ["US-UT"],
            "by": {"service": "gateway"},
            **more,
        },
        (EndGalleries("s-1", ("US-UT",), EntryKind.SEARCH_FAILED),),
    )


@pytest.mark.parametrize(
    ("ends", "asked", "index"),
    [
        ({}, ["US-UT"], None),
        ({"US-CA": FAILED}, ["US-UT"], None),
        ({"US-CA": FAILED}, ["US-CA"], 6),
        ({"US-CA": FAILED, "US-UT": FAILED}, ["US-CA", "US-UT"], 6),
        ({"US-CA": FAILED}, ["US-CA", "US-UT"], "some"),
        (
            {"US-CA": FAILED, "US-UT": (EntryKind.SEARCH_FAILED, 9)},
            ["US-CA", "US-UT"],
            "some",
        ),
        ({"US-UT": EXECUTED}, ["US-UT"], "otherwise"),
        ({}, ["US-VT"], "not granted"),
        ({}, ["US-UT", "US-MD"], "not granted"),
    ],
)
def test_a_gallery_ends_once(ends: Any, asked: list[str], index: int | str | None) -> None:
    search = find_search(books(ends), "s-1")
    if not isinstance(index, str):
        assert unended(search, asked, EntryKind.SEARCH_FAILED) == index
        return
    error = refused(lambda: unended(search, asked, EntryKind.SEARCH_FAILED))
    assert error.code is ErrorCode.SEARCH_STATE
    assert index in error.message
