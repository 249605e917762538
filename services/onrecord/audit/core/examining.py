"""Looks, decisions and the outcome of an examination (law 6, R-14, R-15)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from onrecord.audit.core.draft import (
    AddExaminer,
    Books,
    Concluded,
    Decided,
    Draft,
    Existing,
    Mark,
)
from onrecord.audit.core.looks import PROBE, candidate_target, remember_look, require_looks
from onrecord.audit.core.people import person, service
from onrecord.audit.core.searching import (
    GrantedSearch,
    candidates,
    examinable,
    find_search,
    state_error,
)
from onrecord.contracts.audit import CandidateDecision, DecideCall, LookCall
from onrecord.contracts.field_reading import read_text
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import (
    EXAMINERS_PER_SEARCH,
    LEAD_STAMP,
    UNWITNESSED_STAMP,
    EntryKind,
    Service,
)
from onrecord.proof.casework import derive_outcome

LOOK_LIFETIME = timedelta(minutes=2)
MAX_METHOD = 200
MAX_REASON = 1000
MAX_REASONS = 20
MAX_SECONDS = 24 * 3600


def look(call: LookCall, claims: Claims, books: Books) -> Draft | Existing:
    """`look.granted` for one examiner and one target.

    Raises NOT_FOUND, SEARCH_STATE, EXAMINER_CONFLICT, TASK_NOT_YOURS, TASK_DECIDED, `OverdueError`.
    """
    search = examinable(books, call.search_id)
    if search.record.outcome is not None:
        raise state_error("the examination is over")
    decided, marks = _take_up(search, claims, call.task_id)
    if decided is not None:
        raise _decided(decided)
    target = _target(call, search, books)
    body = {
        **_about(search),
        "by": person(claims),
        "source": call.source,
        "task_id": call.task_id,
        "target": target,
        "expires_at": format_time(books.now + LOOK_LIFETIME),
    }
    first = remember_look(call.search_id, claims.person, target, books)
    return Draft(EntryKind.LOOK_GRANTED, body, (*marks, *first))


def decide(call: DecideCall, claims: Claims, books: Books) -> Draft | Existing:
    """`examination.decided`: one conclusion with reasons on every candidate.

    The very same decision again is the entry that stands. Raises what `look` raises, and
    DECISION_INCOMPLETE (a candidate without a decision; a face the person has not looked at) or
    DECISION_UNKNOWN_CANDIDATE.
    """
    search = examinable(books, call.search_id)
    before, marks = _take_up(search, claims, call.task_id)
    said = _said(call)
    if before is not None:
        stands = books.body(before)
        if all(stands[name] == value for name, value in said.items()):
            return Existing(before)
        raise _decided(before)
    if search.record.outcome is not None:
        raise state_error("the examination is over")
    listed = candidates(books, search)
    _cover(call.decisions, [one.candidate_ref for one in listed])
    require_looks(call.search_id, claims.person, call.decisions, listed, books)
    body = {
        **_about(search),
        "by": person(claims),
        "source": call.source,
        **said,
    }
    decided = Decided(call.search_id, claims.person)
    return Draft(EntryKind.EXAMINATION_DECIDED, body, (*marks, decided))


def _said(call: DecideCall) -> dict[str, Any]:
    """What a decision says, apart from who sent it and when."""
    return {
        "task_id": call.task_id,
        "method": call.method,
        "decisions": [
            {
                "candidate_ref": one.candidate_ref,
                "conclusion": one.conclusion.value,
                "reasons": list(one.reasons),
                "seconds": one.seconds,
            }
            for one in call.decisions
        ],
    }


def conclude(search_id: str, books: Books) -> Draft | Existing:
    """`lead.released`, or `search.closed` where there is no lead: derived, not asked for.

    Raises NOT_FOUND, SEARCH_STATE, RELEASE_NOT_SUPPORTED, `OverdueError`.
    """
    found = find_search(books, search_id)
    if found.record.outcome is not None:
        return Existing(found.record.outcome)
    search = examinable(books, search_id)
    if len(search.decided) < EXAMINERS_PER_SEARCH:
        raise state_error(f"{len(search.decided)} of {EXAMINERS_PER_SEARCH} examiners have decided")
    outcome = derive_outcome(
        candidates(books, search),
        [books.body(index) for index in search.decided],
        requester=search.requester,
    )
    body: dict[str, Any] = {
        **_about(search),
        "by": service(Service.AUDIT),
        "executed": list(search.executed),
        "decided": list(search.decided),
        "reason": outcome.reason,
    }
    if not outcome.leads:
        body["outcome"] = "no_lead"
        return Draft(EntryKind.SEARCH_CLOSED, body, (Concluded(search_id),))
    body["leads"] = [
        {"gallery": lead.gallery, "candidate_ref": lead.candidate_ref} for lead in outcome.leads
    ]
    body["stamps"] = [LEAD_STAMP, UNWITNESSED_STAMP]
    return Draft(EntryKind.LEAD_RELEASED, body, (Concluded(search_id),))


def check_written(call: DecideCall) -> None:
    """The form of a decision, before the ledger is asked. Raises FIELD_*, DECISION_INCOMPLETE."""
    read_text(call.method, "method", MAX_METHOD)
    for number, one in enumerate(call.decisions):
        at = f"decisions[{number}]"
        read_text(one.candidate_ref, f"{at}.candidate_ref", 128)
        if not one.reasons:
            raise OnRecordError(
                ErrorCode.DECISION_INCOMPLETE,
                "every conclusion needs a reason",
                field=f"{at}.reasons",
            )
        if len(one.reasons) > MAX_REASONS:
            raise _invalid(f"{at}.reasons", f"holds more than {MAX_REASONS} reasons")
        for reason_number, reason in enumerate(one.reasons):
            read_text(reason, f"{at}.reasons[{reason_number}]", MAX_REASON, lines=True)
        if type(one.seconds) is not int or not 0 <= one.seconds <= MAX_SECONDS:
            raise _invalid(f"{at}.seconds", f"must be a whole number from 0 to {MAX_SECONDS}")


def _take_up(
    search: GrantedSearch, claims: Claims, task_id: str
) -> tuple[int | None, tuple[Mark, ...]]:
    """The person's place in this examination: the entry of their decision, if there is one; a mark
    where the place is new.
    """
    if claims.person == search.requester:
        raise _conflict("nobody examines a search of their own")
    for known in search.record.examiners:
        if known.person == claims.person:
            if known.task_id != task_id:
                raise _not_yours("your task in this search is another one")
            return known.decided, ()
        if known.task_id == task_id:
            raise _not_yours("this task is somebody else's")
    if len(search.record.examiners) >= EXAMINERS_PER_SEARCH:
        raise _conflict("two people are already examining this search")
    mark = AddExaminer(search.record.search_id, claims.person, task_id)
    return None, (mark,)


def _target(call: LookCall, search: GrantedSearch, books: Books) -> dict[str, str]:
    if call.gallery is None and call.candidate_ref is None:
        return dict(PROBE)
    for one in candidates(books, search):
        if (one.gallery, one.candidate_ref) == (call.gallery, call.candidate_ref):
            return candidate_target(one)
    raise OnRecordError(ErrorCode.NOT_FOUND, "that is not a candidate of this search")


def _cover(decisions: Sequence[CandidateDecision], listed: Sequence[str]) -> None:
    refs = [one.candidate_ref for one in decisions]
    for number, ref in enumerate(refs):
        if ref not in listed:
            raise OnRecordError(
                ErrorCode.DECISION_UNKNOWN_CANDIDATE,
                "a decision is about somebody who is not in the list",
                field=f"decisions[{number}].candidate_ref",
            )
    if len(set(refs)) != len(refs):
        raise _invalid("decisions", "decides on one candidate twice")
    missing = len(set(listed) - set(refs))
    if missing:
        raise OnRecordError(
            ErrorCode.DECISION_INCOMPLETE,
            f"{missing} of {len(listed)} candidates have no decision",
            field="decisions",
            details={"missing": missing},
        )


def _about(search: GrantedSearch) -> dict[str, Any]:
    return {"search_id": search.record.search_id, "grant_index": search.record.grant_index}


def _decided(index: int) -> OnRecordError:
    return OnRecordError(
        ErrorCode.TASK_DECIDED,
        "you have decided this task; a decision stands",
        details={"entry": index},
    )


def _conflict(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.EXAMINER_CONFLICT, why)


def _not_yours(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.TASK_NOT_YOURS, why)


def _invalid(path: str, why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.FIELD_INVALID, f"{path} {why}", field=path)
