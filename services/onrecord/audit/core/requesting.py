"""From verdicts to the entry that grants or refuses a request, quotas counted (law 1, R-9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from onrecord.audit.core import emergencies
from onrecord.audit.core.draft import (
    Books,
    Count,
    Counter,
    Draft,
    Existing,
    Foreseen,
    Idempotent,
    Mark,
    OpenSearch,
    Proposal,
    StaleEvaluationError,
)
from onrecord.audit.core.emergency_books import OpenEmergency
from onrecord.audit.core.evaluation import Verdict
from onrecord.audit.core.people import person
from onrecord.audit.core.reasons import Reason
from onrecord.audit.core.searching import EXPIRY_GRACE
from onrecord.contracts.audit import GalleryDecision
from onrecord.contracts.requests import SearchRequest
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import canonical


@dataclass(frozen=True, slots=True)
class Submission:
    """A request as it came, read, and who made it. `key` is the client's idempotency key."""

    search_id: str
    sent: Mapping[str, Any] = field(hash=False)
    request: SearchRequest
    claims: Claims
    probe_sha256: str
    key: str
    source: str

    idempotency: str = field(init=False)
    """The key's digest, under the agency and the person it belongs to."""
    digest: str = field(init=False)
    """What must be the same for a repeat: the request and the probe."""
    request_digest: str = field(init=False)

    def __post_init__(self) -> None:
        # Computed here, in the caller's thread, and not under the ledger's lock.
        object.__setattr__(
            self, "idempotency", _digest([self.claims.agency, self.claims.person, self.key])
        )
        object.__setattr__(self, "digest", _digest([self.sent, self.probe_sha256]))
        object.__setattr__(self, "request_digest", _digest(self.sent))


def propose(submission: Submission, verdicts: Sequence[Verdict], epoch: int) -> Proposal:
    """The proposal to write these verdicts, made under the policies of `epoch`."""

    def proposal(books: Books) -> Draft | Existing:
        before = books.idempotent(submission.idempotency)
        if before is not None:
            if before[0] != submission.digest:
                raise OnRecordError(
                    ErrorCode.IDEMPOTENCY_CONFLICT,
                    "this idempotency key was used before, for another request or another probe",
                )
            return Existing(before[1])
        if books.epoch != epoch or any(_ran_out(verdict, books.now) for verdict in verdicts):
            raise StaleEvaluationError(books.now)
        let_go = _unsuspended(submission, verdicts, books)
        counted = [_within_quotas(submission, verdict, books) for verdict in let_go]
        return _draft(submission, counted, books.now)

    def counters(now: datetime) -> list[Counter]:
        return [
            counter
            for verdict in verdicts
            if verdict.granted and verdict.quotas is not None
            for counter in _counters(submission, verdict.gallery, now).values()
        ]

    return Foreseen(submission.idempotency, counters, proposal)


def read_decisions(body: Mapping[str, Any]) -> tuple[GalleryDecision, ...]:
    """What each gallery decided, out of a `request.granted` or `request.refused` body."""
    asked_for = body["request"]["galleries"]
    return tuple(_decision(name, body["galleries"][name], body["list_size"]) for name in asked_for)


def _decision(gallery: str, said: Mapping[str, Any], list_size: int) -> GalleryDecision:
    return GalleryDecision(
        gallery=gallery,
        granted=said["decision"] == "granted",
        policy=said["policy"],
        model_id=said.get("model_id"),
        list_size=said.get("list_size", list_size),
        reasons=tuple((one["code"], one["message"]) for one in said.get("reasons", ())),
    )


def _ran_out(verdict: Verdict, now: datetime) -> bool:
    return verdict.granted and verdict.until is not None and verdict.until <= now


def _unsuspended(
    submission: Submission, verdicts: Sequence[Verdict], books: Books
) -> Sequence[Verdict]:
    """R-10: who has not followed up one emergency in time gets no other."""
    if not any(verdict.granted and verdict.emergency for verdict in verdicts):
        return verdicts
    reason = emergencies.suspension(books, submission.claims.person)
    if reason is None:
        return verdicts
    return [
        verdict.refused(reason) if verdict.granted and verdict.emergency else verdict
        for verdict in verdicts
    ]


def _within_quotas(submission: Submission, verdict: Verdict, books: Books) -> Verdict:
    if not verdict.granted or verdict.quotas is None:
        return verdict
    counters = _counters(submission, verdict.gallery, books.now)
    for (scope, counter), used in zip(
        counters.items(), books.used(list(counters.values())), strict=True
    ):
        limit = getattr(verdict.quotas, scope)
        if used >= limit:
            what = scope.replace("_", " ").removeprefix("per ")
            return verdict.refused(
                Reason(
                    ErrorCode.QUOTA_EXHAUSTED,
                    f"{counter.gallery} allows {limit} searches per {what}; {used} have been made.",
                )
            )
    return verdict


def _counters(submission: Submission, gallery: str, now: datetime) -> dict[str, Counter]:
    """Each quota's counter, by the name of the quota. Days are UTC days, as the ledger's time."""
    today = now.date().isoformat()
    claims, case = submission.claims, submission.request.case_number
    subjects = {
        "per_person_per_day": (claims.person, today),
        "per_agency_per_day": (claims.agency, today),
        "per_gallery_per_day": (gallery, today),
        "per_case": (f"{claims.agency}\n{case}", ""),
        "per_probe": (submission.probe_sha256, ""),
    }
    return {
        scope: Counter(gallery, scope, subject, window)
        for scope, (subject, window) in subjects.items()
    }


def _draft(submission: Submission, verdicts: Sequence[Verdict], now: datetime) -> Draft:
    granted = [verdict for verdict in verdicts if verdict.granted]
    body: dict[str, Any] = {
        "search_id": submission.search_id,
        "by": person(submission.claims),
        "source": submission.source,
        "request": submission.sent,
        "request_digest": submission.request_digest,
        "probe_sha256": submission.probe_sha256,
        "idempotency": submission.idempotency,
        "list_size": submission.request.list_size,
        "galleries": {verdict.gallery: _said(verdict, now) for verdict in verdicts},
    }
    marks: list[Mark] = [Idempotent(submission.idempotency, submission.digest)]
    if not granted:
        return Draft(EntryKind.REQUEST_REFUSED, body, tuple(marks))
    minutes = min(verdict.grant_minutes for verdict in granted)
    expires_at = now + timedelta(minutes=minutes)
    body["expires_at"] = format_time(expires_at)
    galleries = tuple(verdict.gallery for verdict in granted)
    marks.append(OpenSearch(submission.search_id, galleries, expires_at + EXPIRY_GRACE))
    counters = [
        counter
        for verdict in granted
        for counter in _counters(submission, verdict.gallery, now).values()
    ]
    marks.append(Count(tuple(counters)))
    dues = tuple(
        (verdict.gallery, emergencies.due_of(verdict.emergency, now))
        for verdict in granted
        if verdict.emergency is not None
    )
    if dues:
        marks.append(OpenEmergency(submission.search_id, submission.claims.person, dues))
    return Draft(EntryKind.REQUEST_GRANTED, body, tuple(marks))


def _said(verdict: Verdict, now: datetime) -> dict[str, Any]:
    if verdict.granted:
        terms = verdict.emergency
        as_emergency = {} if terms is None else {"emergency": emergencies.said(terms, now)}
        return {
            "decision": "granted",
            "policy": verdict.policy,
            "model_id": verdict.model_id,
            "list_size": verdict.list_size,
            **as_emergency,
        }
    reasons = [{"code": one.code.value, "message": one.message} for one in verdict.reasons]
    return {"decision": "refused", "policy": verdict.policy, "reasons": reasons}


def _digest(value: object) -> str:
    return canonical.digest(value).hex()
