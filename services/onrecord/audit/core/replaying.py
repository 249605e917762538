"""Requests of the past, put once more to a policy that is only proposed.

Each is evaluated, and its quotas counted, by what audit decides with; the proposed policy is taken
to have been in force all along. What the entries do not hold is not guessed at: whether somebody
was trained is taken from what the entry says.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from onrecord.audit.core.draft import Books, Count, Counter, Draft
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.requesting import Submission, propose
from onrecord.contracts.request_parsing import parse_request
from onrecord.contracts.requests import SearchRequest
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import EntryKind, Role

REQUESTS = (EntryKind.REQUEST_GRANTED.value, EntryKind.REQUEST_REFUSED.value)
_TRAINING = (ErrorCode.TRAINING_MISSING.value, ErrorCode.TRAINING_EXPIRED.value)
_MODEL = "any"
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """Granted, or refused for these codes."""

    granted: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One request to the state's gallery: what the ledger says, what the proposed policy says."""

    index: int
    time: str
    agency: str
    request: SearchRequest
    was: Decision
    would_be: Decision

    @property
    def changes(self) -> bool:
        return self.was.granted != self.would_be.granted


class Replay:
    """Puts entries to a policy, in their order, counting quotas as it goes."""

    def __init__(self, proposed: StatePolicy) -> None:
        self._gallery = proposed.authority.jurisdiction
        always = replace(proposed.authority, effective=_EVER, expires=_NEVER)
        in_force = PolicyInForce(self._gallery, 1, "", replace(proposed, authority=always))
        self._shelf = PolicyShelf(0, {self._gallery: in_force}, {self._gallery: _MODEL})
        self._used: Tally[Counter] = Tally()

    def put(self, index: int, body: Mapping[str, Any]) -> Replayed | None:
        """The entry decided anew; None where it asks nothing of this gallery.

        Raises REQUEST_MALFORMED, FIELD_* where the entry's request cannot be read.
        """
        said = body["galleries"].get(self._gallery) if body["kind"] in REQUESTS else None
        if said is None:
            return None
        request = replace(parse_request(dict(body["request"])), galleries=(self._gallery,))
        was = _recorded(said)
        return Replayed(
            index=index,
            time=str(body["time"]),
            agency=str(body["by"]["agency"]),
            request=request,
            was=was,
            would_be=self._decided(body, request, was),
        )

    def _decided(self, body: Mapping[str, Any], request: SearchRequest, was: Decision) -> Decision:
        now = parse_time(str(body["time"]))
        claims = _claims(body["by"], now, trained=not set(was.codes) & set(_TRAINING))
        verdicts = evaluate(Asked(request, claims, now), self._shelf)
        books = _ReplayedBooks(now, self._used)
        submission = Submission(
            search_id=str(body["search_id"]),
            sent=body["request"],
            request=request,
            claims=claims,
            probe_sha256=str(body["probe_sha256"]),
            key="",
            source="",
        )
        draft = propose(submission, verdicts, self._shelf.epoch)(cast(Books, books))
        if not isinstance(draft, Draft):
            raise TypeError("a replayed request stood in the books already")
        for mark in draft.marks:
            if isinstance(mark, Count):
                self._used.update(mark.counters)
        return _recorded(draft.body["galleries"][self._gallery])


@dataclass(slots=True)
class _ReplayedBooks:
    """What a request asks of the books: the time, and how much of the quotas was used."""

    now: datetime
    counted: Tally[Counter]
    epoch: int = 0

    def idempotent(self, key: str) -> None:
        """The ledger holds each request once; a repeat is not an entry of its own."""
        del key

    def used(self, counters: Sequence[Counter]) -> tuple[int, ...]:
        return tuple(self.counted[one] for one in counters)

    def emergencies_of(self, person: str) -> tuple[()]:
        """Nobody is suspended: follow-ups to emergencies that never were are not guessed at."""
        del person
        return ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one kind: how many there were, and what became of them, before and after."""

    asked: int = 0
    was_granted: int = 0
    would_be_granted: int = 0
    gained: int = 0
    lost: int = 0

    def with_one(self, one: Replayed) -> "Counts":
        return Counts(
            self.asked + 1,
            self.was_granted + one.was.granted,
            self.would_be_granted + one.would_be.granted,
            self.gained + (one.changes and one.would_be.granted),
            self.lost + (one.changes and one.was.granted),
        )


@dataclass(slots=True)
class Summary:
    """What would have changed, by agency and by purpose, with the entries that change."""

    all: Counts = Counts()
    by_agency: dict[str, Counts] = field(default_factory=dict)
    by_purpose: dict[str, Counts] = field(default_factory=dict)
    changed: list[Replayed] = field(default_factory=list)

    def add(self, one: Replayed) -> None:
        self.all = self.all.with_one(one)
        for table, key in (
            (self.by_agency, one.agency),
            (self.by_purpose, one.request.purpose.value),
        ):
            table[key] = table.get(key, Counts()).with_one(one)
        if one.changes:
            self.changed.append(one)


def summarise(replayed: Iterable[Replayed | None]) -> Summary:
    """Counts, and the entries that change."""
    summary = Summary()
    for one in replayed:
        if one is not None:
            summary.add(one)
    return summary


def _claims(by: Mapping[str, Any], now: datetime, *, trained: bool) -> Claims:
    return Claims(
        subject=str(by["subject"]),
        person=str(by["person"]),
        agency=str(by["agency"]),
        roles=frozenset({Role.REQUESTER}),
        expires_at=now,
        token_id=str(by["token_id"]),
        training_completed=now.date() if trained else None,
    )


def _recorded(said: Mapping[str, Any]) -> Decision:
    reasons = tuple(str(one["code"]) for one in said.get("reasons", ()))
    return Decision(said["decision"] == "granted", reasons)
