"""Emergencies (R-10): searched first, the instrument follows, and who forgets it is suspended.

An emergency is used only in a gallery that would refuse without it, and only as far as that
state's authority lets it go. From the grant on the follow-up is due within the state's time. Until
a late one is filed, or its gallery's custodian or an auditor lifts the suspension on the record,
the person gets no further emergency in any gallery.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from onrecord.audit.core.draft import Books, Draft, Existing, Remember
from onrecord.audit.core.emergency_books import OpenedEmergency, Settled, SettleEmergency
from onrecord.audit.core.evaluation import EmergencyTerms
from onrecord.audit.core.people import person, service
from onrecord.audit.core.reasons import Reason, day, words
from onrecord.contracts.requests import Instrument
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import EntryKind, Role, Service
from onrecord.proof import canonical

MAX_REASON = 1000


def due_of(terms: EmergencyTerms, now: datetime) -> datetime:
    """When the follow-up of an emergency granted now is due."""
    return now + timedelta(hours=terms.followup_hours)


def said(terms: EmergencyTerms, now: datetime) -> dict[str, Any]:
    """What the grant says of a gallery's emergency."""
    return {
        "due": format_time(due_of(terms, now)),
        "instruments": sorted(terms.instruments),
        "waived": [code.value for code in terms.waived],
    }


def suspension(books: Books, who: str) -> Reason | None:
    """Why a person gets no emergency now, if they do not."""
    for one in books.emergencies_of(who):
        if one.overdue(books.now):
            return Reason(
                ErrorCode.EMERGENCY_SUSPENDED,
                f"The person asking searched {one.gallery} in an emergency whose follow-up was due "
                f"on {day(one.due)} and has not been filed (search {one.search_id}).",
            )
    return None


def follow_up(
    books: Books, search_id: str, instrument: Instrument, claims: Claims, source: str
) -> Draft | Existing:
    """`emergency.followed_up`: the instrument obtained, by the agency that searched.

    It is for every gallery of the search that still wants one and accepts this kind. The very same
    instrument again is the same entry. Raises NOT_FOUND (to another agency too), SEARCH_STATE,
    INSTRUMENT_REQUIRED.
    """
    _require_any(claims, Role.REQUESTER, Role.SUPERVISOR)
    known = books.emergencies(search_id)
    grant = books.body(known[0].grant_index) if known else {}
    if not known or grant["by"]["agency"] != claims.agency:
        raise OnRecordError(ErrorCode.NOT_FOUND, "your agency has made no such emergency search")
    named = instrument_json(instrument)
    marker = f"follow-up:{search_id}:{canonical.digest(named).hex()}"
    before = books.remembered(marker)
    if before is not None:
        return Existing(before)
    waiting = [one for one in known if one.followed is None]
    if not waiting:
        raise _state("the emergency has been followed up")
    if instrument.date > (books.now + timedelta(days=1)).date().isoformat():
        raise OnRecordError(
            ErrorCode.FIELD_INVALID,
            "the instrument is dated in the future",
            field="instrument.date",
        )
    galleries = [
        one.gallery
        for one in waiting
        if instrument.type.value in grant["galleries"][one.gallery]["emergency"]["instruments"]
    ]
    if not galleries:
        raise OnRecordError(
            ErrorCode.INSTRUMENT_REQUIRED,
            f"no gallery of this emergency accepts a {words(instrument.type)} as its follow-up",
            field="instrument.type",
        )
    body = _about(known[0], galleries, person(claims), instrument=named, source=source)
    marks = (SettleEmergency(search_id, tuple(galleries), Settled.FOLLOWED), Remember(marker))
    return Draft(EntryKind.EMERGENCY_FOLLOWED_UP, body, marks)


def lift(
    books: Books, search_id: str, gallery: str, reason: str, claims: Claims, source: str
) -> Draft | Existing:
    """`emergency.lifted`: the gallery's custodian, or an auditor, ends a suspension on the record.

    Once. Raises ROLE_MISSING, NOT_FOUND, and SEARCH_STATE before the alarm has been raised or
    where nothing is suspended.
    """
    if not (Role.CUSTODIAN in claims.roles and claims.gallery == gallery):
        _require_any(claims, Role.AUDITOR)
    known = {one.gallery: one for one in books.emergencies(search_id)}
    if gallery not in known:
        raise OnRecordError(ErrorCode.NOT_FOUND, f"no emergency search {search_id[:64]} there")
    one = known[gallery]
    if claims.person == one.person:
        raise OnRecordError(ErrorCode.CALLER_NOT_ALLOWED, "nobody lifts a suspension of their own")
    if one.lifted is not None:
        return Existing(one.lifted)
    if one.followed is not None or one.alarmed is None:
        raise _state("the follow-up is not overdue, so there is nothing to lift")
    body = _about(one, [gallery], person(claims), reason=reason, source=source)
    settled = SettleEmergency(search_id, (gallery,), Settled.LIFTED)
    return Draft(EntryKind.EMERGENCY_LIFTED, body, (settled,))


def overdue_alarm(books: Books, search_id: str) -> Draft | Existing:
    """`alarm.raised` for the galleries of a search whose follow-up is overdue; once each.

    Raises SEARCH_STATE where there are none.
    """
    late = [
        one
        for one in books.emergencies(search_id)
        if one.overdue(books.now) and one.alarmed is None
    ]
    if not late:
        raise _state("no follow-up of this search is overdue")
    galleries = [one.gallery for one in late]
    body = _about(
        late[0],
        galleries,
        service(Service.AUDIT),
        what="emergency_overdue",
        why="an emergency search was not followed up in time; its person gets no further one",
        person=late[0].person,
    )
    settled = SettleEmergency(search_id, tuple(galleries), Settled.ALARMED)
    return Draft(EntryKind.ALARM_RAISED, body, (settled,))


def instrument_json(instrument: Instrument) -> dict[str, str]:
    """The instrument as entries name it."""
    return {
        "type": instrument.type.value,
        "issuer": instrument.issuer,
        "number": instrument.number,
        "date": instrument.date,
    }


def _about(
    emergency: OpenedEmergency, galleries: Sequence[str], by: Mapping[str, str], **more: Any
) -> dict[str, Any]:
    return {
        "search_id": emergency.search_id,
        "grant_index": emergency.grant_index,
        "galleries": list(galleries),
        "by": dict(by),
        **more,
    }


def _require_any(claims: Claims, *roles: Role) -> None:
    if not claims.roles & set(roles):
        named = " or ".join(role.value for role in roles)
        raise OnRecordError(
            ErrorCode.ROLE_MISSING,
            f"this takes the role {named}, which the token does not name",
            details={"role": roles[0].value},
        )


def _state(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SEARCH_STATE, why)
