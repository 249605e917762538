"""A search as the ledger tells it, and the ends of its galleries (law 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from onrecord.audit.core.draft import (
    Books,
    Draft,
    EndGalleries,
    Existing,
    Reach,
    Remember,
    SearchRecord,
)
from onrecord.audit.core.people import service
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.proof.casework import MergedCandidate, merge_candidates

EXPIRY_GRACE = timedelta(seconds=60)
"""How long after a grant's end its galleries may still be without one (R-23)."""


class OverdueError(Exception):
    """A granted gallery never reached an end, and will not any more: `search.expired`.

    `due`: what planes had published by then must have been read before it is said; None where
    their receipts themselves show that no other comes.
    """

    def __init__(self, due: datetime | None) -> None:
        super().__init__("a granted gallery never reached its end")
        self.due = due


class OutstandingError(OnRecordError):
    """SEARCH_STATE that may pass: receipts of this search are still on their way."""


@dataclass(frozen=True, slots=True)
class GrantedSearch:
    """What stands about one search, with the body of its grant."""

    record: SearchRecord
    grant: Mapping[str, Any] = field(hash=False)

    @property
    def requester(self) -> str:
        return str(self.grant["by"]["person"])

    @property
    def granted(self) -> dict[str, Mapping[str, Any]]:
        """The granted galleries, with what was granted."""
        galleries: Mapping[str, Mapping[str, Any]] = self.grant["galleries"]
        return {name: one for name, one in galleries.items() if one["decision"] == "granted"}

    @property
    def outstanding(self) -> tuple[str, ...]:
        """Granted galleries that have no end yet."""
        return tuple(sorted(set(self.granted) - set(self.record.ends)))

    @property
    def executed(self) -> tuple[int, ...]:
        """The entries of the searches that were executed, in order."""
        ends = self.record.ends.values()
        return tuple(sorted(i for kind, i in ends if kind is EntryKind.SEARCH_EXECUTED))

    @property
    def decided(self) -> tuple[int, ...]:
        """The entries of the examiners' decisions, in order."""
        found = (examiner.decided for examiner in self.record.examiners)
        return tuple(sorted(index for index in found if index is not None))

    @property
    def expires_at(self) -> datetime:
        return parse_time(str(self.grant["expires_at"]))

    @property
    def due(self) -> datetime:
        """When every granted gallery must have its end."""
        return self.expires_at + EXPIRY_GRACE

    def overdue(self, books: Books) -> bool:
        """Whether galleries are outstanding although the grant ended a minute ago."""
        return bool(self.outstanding) and books.now >= self.due

    def passed(self, books: Books) -> tuple[str, ...]:
        """Outstanding galleries whose receipts show that none under this grant can still come.

        A plane makes a gallery's receipts one after the other, dates each no earlier than the one
        before, and makes none after a grant's end. So behind one that was made after it, none of
        this grant follows; before it, none is missing, unless an alarm since the grant tells of a
        gap (ADR 31).
        """
        return tuple(name for name in self.outstanding if self._is_passed(books.reach(name)))

    def _is_passed(self, reach: Reach | None) -> bool:
        return (
            reach is not None
            and reach.made_at > self.expires_at
            and reach.gap < self.record.grant_index
        )


def find_search(books: Books, search_id: str) -> GrantedSearch:
    """Raises NOT_FOUND where no request was granted under that id."""
    record = books.search(search_id)
    if record is None:
        raise OnRecordError(ErrorCode.NOT_FOUND, f"no search {search_id[:64]} was granted")
    return GrantedSearch(record, books.body(record.grant_index))


def examinable(books: Books, search_id: str) -> GrantedSearch:
    """The search, if every granted gallery has its end and at least one was searched.

    Only then is the list of candidates complete. Raises NOT_FOUND, SEARCH_STATE,
    `OutstandingError`, `OverdueError`.
    """
    search = find_search(books, search_id)
    if search.overdue(books):
        raise OverdueError(search.due)
    if search.passed(books):
        raise OverdueError(None)
    if search.outstanding:
        names = ", ".join(search.outstanding)
        raise OutstandingError(
            ErrorCode.SEARCH_STATE,
            f"the search of {names} has not ended yet, or the ledger has not been told",
        )
    if not search.executed:
        raise state_error("no gallery was searched, so there is nothing to examine")
    return search


def candidates(books: Books, search: GrantedSearch) -> tuple[MergedCandidate, ...]:
    """The merged list, as everybody derives it from the receipts."""
    receipts = [books.body(index)["receipt"] for index in search.executed]
    return merge_candidates(receipts, int(search.grant["list_size"]))


def expire(books: Books, search_id: str) -> Draft | Existing:
    """`search.expired` for the galleries that are overdue. Raises SEARCH_STATE where none is.

    A gallery whose receipts wait for one before them is not: what waits may be of this search.
    Before a minute has passed, those whose receipts show that none can still come.
    """
    search = find_search(books, search_id)
    passed = search.passed(books)
    if passed and not search.overdue(books):
        return end(search, EntryKind.SEARCH_EXPIRED, passed, Service.AUDIT, {})
    if search.overdue(books):
        waiting = {held.gallery for held in books.held()}
        galleries = [name for name in search.outstanding if name not in waiting]
        if not galleries:
            names = ", ".join(search.outstanding)
            raise state_error(f"receipts of {names} wait for one that has not come yet")
        return end(search, EntryKind.SEARCH_EXPIRED, galleries, Service.AUDIT, {})
    ended = [i for kind, i in search.record.ends.values() if kind is EntryKind.SEARCH_EXPIRED]
    if not ended:
        raise state_error("no gallery of this search is overdue")
    return Existing(ended[0])


def endless_alarm(books: Books, search_id: str) -> Draft | Existing:
    """`alarm.raised` for galleries without an end that nobody can call expired: the bus is unread.

    Once a search. Raises SEARCH_STATE where all have ended.
    """
    marker = f"endless:{search_id}"
    before = books.remembered(marker)
    if before is not None:
        return Existing(before)
    search = find_search(books, search_id)
    if not search.outstanding:
        raise state_error("every gallery of this search has ended")
    body = {
        "what": "grant_without_end",
        "why": "no end is known, and what planes have published since has not been read",
        "search_id": search_id,
        "grant_index": search.record.grant_index,
        "galleries": list(search.outstanding),
        "by": service(Service.AUDIT),
    }
    return Draft(EntryKind.ALARM_RAISED, body, (Remember(marker),))


def clock_alarm(books: Books, clock: datetime, last: datetime) -> Draft | Existing:
    """`alarm.raised` for a clock that was wrong: once for the entry that lay ahead of it."""
    marker = f"clock:{format_time(last)}"
    before = books.remembered(marker)
    if before is not None:
        return Existing(before)
    body = {
        "what": "clock",
        "why": "the last entry lay far ahead of the clock, and nothing was appended until now",
        "clock": format_time(clock),
        "last_entry": format_time(last),
        "by": service(Service.AUDIT),
    }
    return Draft(EntryKind.ALARM_RAISED, body, (Remember(marker),))


def end(
    search: GrantedSearch,
    kind: EntryKind,
    galleries: Sequence[str],
    by: Service,
    more: Mapping[str, Any],
) -> Draft:
    """An entry that ends these galleries' part in the search."""
    record = search.record
    body = {
        "search_id": record.search_id,
        "grant_index": record.grant_index,
        "galleries": list(galleries),
        "by": service(by),
        **more,
    }
    return Draft(kind, body, (EndGalleries(record.search_id, tuple(galleries), kind),))


def unended(search: GrantedSearch, galleries: Sequence[str], kind: EntryKind) -> int | None:
    """None where these galleries may be ended; the entry that did so where it is the same end.

    Raises SEARCH_STATE where one has another end, or was not granted.
    """
    ends = search.record.ends
    for name in galleries:
        if name not in search.granted:
            raise state_error(f"{name} was not granted in this search")
        if name in ends and ends[name][0] is not kind:
            raise state_error(f"the search of {name} has already ended otherwise")
    indexes = {ends[name][1] for name in galleries if name in ends}
    if not indexes:
        return None
    if len(indexes) > 1 or not all(name in ends for name in galleries):
        raise state_error("some of these galleries have already ended")
    return indexes.pop()


def state_error(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SEARCH_STATE, why)
