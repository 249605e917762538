"""R-10, R-21: what follow-ups, lifted suspensions and alarms say, to the last field."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from onrecord.audit.core import emergencies
from onrecord.audit.core.draft import Draft, Existing, Remember
from onrecord.audit.core.emergency_books import OpenedEmergency, Settled, SettleEmergency
from onrecord.contracts.requests import Instrument
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import EntryKind, InstrumentType, Role
from onrecord.proof import canonical
from tests.builders.audit import START
from tests.builders.books import WrittenBooks

WARRANT = Instrument(InstrumentType.SEARCH_WARRANT, "Third District Court", "W-77", "2026-11-23")
WARRANT_JSON = {
    "type": "search_warrant",
    "issuer": "Third District Court",
    "number": "W-77",
    "date": "2026-11-23",
}
MARKER = f"follow-up:s-1:{canonical.digest(WARRANT_JSON).hex()}"


def claims(
    *roles: Role, person: str = "olsen", agency: str = "us-ut-slcpd", gallery: str | None = None
) -> Claims:
    return Claims(
        subject="account",
        person=person,
        agency=agency,
        roles=frozenset(roles),
        expires_at=START,
        token_id="t-1",
        gallery=gallery,
    )


BY = {"person": "olsen", "agency": "us-ut-slcpd", "subject": "account", "token_id": "t-1"}
AUDITOR = claims(Role.AUDITOR, person="ann", agency="auditors")


def opened(gallery: str = "US-UT", due: datetime = START, **settled: int) -> OpenedEmergency:
    stands: dict[str, Any] = {"followed": None, "alarmed": None, "lifted": None, **settled}
    return OpenedEmergency("s-1", gallery, "olsen", due, 3, **stands)


def books(*of: OpenedEmergency, **changes: Any) -> WrittenBooks:
    accepted = {"US-UT": ["court_order", "search_warrant"], "US-CA": ["court_order"]}
    grant = {
        "by": {"agency": "us-ut-slcpd", "person": "olsen"},
        "galleries": {
            name: {"emergency": {"instruments": words}} for name, words in accepted.items()
        },
    }
    return WrittenBooks(opened=of, bodies={3: grant}, **changes)


def follow(
    at: WrittenBooks, instrument: Instrument = WARRANT, who: Claims | None = None
) -> Draft | Existing:
    asking = who or claims(Role.REQUESTER)
    return emergencies.follow_up(at, "s-1", instrument, asking, "req-2")


def lift(at: WrittenBooks, who: Claims = AUDITOR, gallery: str = "US-UT") -> Draft | Existing:
    return emergencies.lift(at, "s-1", gallery, "A storm.", who, "req-3")


def refused(act: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value


def test_a_follow_up_says_what_was_obtained_and_settles_what_accepts_it() -> None:
    draft = follow(books(opened(), opened("US-CA")))
    assert draft == Draft(
        EntryKind.EMERGENCY_FOLLOWED_UP,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "galleries": ["US-UT"],
            "by": BY,
            "instrument": WARRANT_JSON,
            "source": "req-2",
        },
        (SettleEmergency("s-1", ("US-UT",), Settled.FOLLOWED), Remember(MARKER)),
    )


def test_a_follow_up_serves_every_gallery_that_waits_and_no_other() -> None:
    order = replace(WARRANT, type=InstrumentType.COURT_ORDER)
    both = follow(books(opened(), opened("US-CA")), order)
    assert isinstance(both, Draft)
    assert both.marks[0] == SettleEmergency("s-1", ("US-UT", "US-CA"), Settled.FOLLOWED)
    one = follow(books(opened(followed=9), opened("US-CA")), order)
    assert isinstance(one, Draft)
    assert one.body["galleries"] == ["US-CA"]


def test_a_lifted_suspension_still_owes_its_instrument() -> None:
    assert isinstance(follow(books(opened(alarmed=7, lifted=8))), Draft)


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.SUPERVISOR])
def test_the_agency_that_searched_follows_up(role: Role) -> None:
    assert isinstance(follow(books(opened()), who=claims(role, person="another")), Draft)


def test_nobody_else_follows_up() -> None:
    error = refused(lambda: follow(books(opened()), who=claims(Role.EXAMINER, Role.AUDITOR)))
    assert (error.code, error.details) == (ErrorCode.ROLE_MISSING, {"role": "requester"})
    assert "role requester or supervisor," in error.message
    elsewhere = claims(Role.SUPERVISOR, agency="us-ut-dps")
    assert refused(lambda: follow(books(opened()), who=elsewhere)).code is ErrorCode.NOT_FOUND
    assert refused(lambda: follow(books())).code is ErrorCode.NOT_FOUND


def test_the_same_instrument_again_is_the_entry_that_stands() -> None:
    settled = books(opened(followed=9), markers={MARKER: 9})
    assert follow(settled) == Existing(9)
    other = replace(WARRANT, number="W-78")
    assert refused(lambda: follow(settled, other)).code is ErrorCode.SEARCH_STATE


@pytest.mark.parametrize(("days", "allowed"), [(1, True), (2, False), (0, True)])
def test_an_instrument_of_the_future_is_none(days: int, allowed: bool) -> None:
    dated = replace(WARRANT, date=(START + timedelta(days=days)).date().isoformat())
    if allowed:
        assert isinstance(follow(books(opened()), dated), Draft)
        return
    error = refused(lambda: follow(books(opened()), dated))
    assert (error.code, error.field) == (ErrorCode.FIELD_INVALID, "instrument.date")


def test_an_instrument_that_no_gallery_accepts_settles_nothing() -> None:
    error = refused(lambda: follow(books(opened("US-CA"))))
    assert (error.code, error.field) == (ErrorCode.INSTRUMENT_REQUIRED, "instrument.type")
    assert "search warrant" in error.message


def test_a_lifted_suspension_says_who_and_why() -> None:
    draft = lift(books(opened("US-CA", alarmed=6), opened(alarmed=7)))
    assert draft == Draft(
        EntryKind.EMERGENCY_LIFTED,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "galleries": ["US-UT"],
            "by": {**BY, "person": "ann", "agency": "auditors"},
            "reason": "A storm.",
            "source": "req-3",
        },
        (SettleEmergency("s-1", ("US-UT",), Settled.LIFTED),),
    )


def test_a_gallerys_own_custodian_lifts_and_no_other() -> None:
    own = claims(Role.CUSTODIAN, person="carla", gallery="US-UT")
    assert isinstance(lift(books(opened(alarmed=7)), own), Draft)
    of_another = claims(Role.CUSTODIAN, person="carla", gallery="US-CA")
    without_role = claims(Role.OPERATOR, person="carla", gallery="US-UT")
    for who in (of_another, without_role, claims(Role.SUPERVISOR, person="eve")):
        error = refused(lambda who=who: lift(books(opened(alarmed=7)), who))  # type: ignore[misc]
        assert (error.code, error.details) == (ErrorCode.ROLE_MISSING, {"role": "auditor"})
        assert "role auditor," in error.message


def test_nobody_lifts_their_own() -> None:
    own = claims(Role.AUDITOR, person="olsen")
    error = refused(lambda: lift(books(opened(alarmed=7)), own))
    assert error.code is ErrorCode.CALLER_NOT_ALLOWED
    # Nor learns that it was lifted by asking again.
    lifted = books(opened(alarmed=7, lifted=8))
    assert refused(lambda: lift(lifted, own)).code is ErrorCode.CALLER_NOT_ALLOWED


def test_a_suspension_is_lifted_once_and_only_when_there_is_one() -> None:
    assert lift(books(opened(alarmed=7, lifted=8))) == Existing(8)
    for stands in (opened(), opened(followed=9), opened(alarmed=7, followed=9)):
        error = refused(lambda stands=stands: lift(books(stands)))  # type: ignore[misc]
        assert error.code is ErrorCode.SEARCH_STATE
    long_id = "s" * 200
    error = refused(
        lambda: emergencies.lift(books(opened()), long_id, "US-UT", "r", AUDITOR, "req")
    )
    assert error.code is ErrorCode.NOT_FOUND
    assert f" {'s' * 64} " in error.message, "no more of what a stranger sent than that"
    assert refused(lambda: lift(books(opened()), gallery="US-CA")).code is ErrorCode.NOT_FOUND


def test_an_alarm_names_what_is_overdue_and_has_not_been_told() -> None:
    late = (
        opened("US-CA", alarmed=5),
        opened("US-MD", followed=9),
        opened("US-ME", lifted=9),
        opened("US-NY", due=START + timedelta(seconds=0.01)),
        opened("US-UT"),
        opened("US-WA", due=START - timedelta(days=1)),
    )
    draft = emergencies.overdue_alarm(books(*late), "s-1")
    assert isinstance(draft, Draft)
    why = draft.body["why"]
    assert why.endswith("its person gets no further one")
    assert draft == Draft(
        EntryKind.ALARM_RAISED,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "galleries": ["US-UT", "US-WA"],
            "by": {"service": "audit"},
            "what": "emergency_overdue",
            "why": why,
            "person": "olsen",
        },
        (SettleEmergency("s-1", ("US-UT", "US-WA"), Settled.ALARMED),),
    )


def test_where_nothing_is_overdue_there_is_no_alarm() -> None:
    for stands in (opened(alarmed=5), opened(due=START + timedelta(seconds=1))):
        error = refused(
            lambda stands=stands: emergencies.overdue_alarm(books(stands), "s-1")  # type: ignore[misc]
        )
        assert error.code is ErrorCode.SEARCH_STATE


def test_one_overdue_gallery_is_enough_for_an_alarm() -> None:
    draft = emergencies.overdue_alarm(books(opened()), "s-1")
    assert isinstance(draft, Draft)
    assert (draft.body["galleries"], draft.body["grant_index"]) == (["US-UT"], 3)
    assert (draft.body["search_id"], draft.body["person"]) == ("s-1", "olsen")
