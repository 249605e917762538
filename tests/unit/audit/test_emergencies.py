"""R-10: searched first, the instrument follows in the state's time, or there is no next time."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from onrecord.contracts.audit import Authorization
from onrecord.contracts.emergencies import FollowUpCall, LiftCall
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Role
from onrecord.proof.entry import LoggedEntry, parse_body
from onrecord.proof.grant import read_grant
from tests.builders.audit import POLICIES, START, AuditForTest, SetClock, soon
from tests.builders.laws import (
    EMERGENCY,
    EMERGENCY_PERMITTED,
    NO_EMERGENCY,
    ORDER,
    WARRANT,
    WARRANT_DEMANDED,
    permit_emergencies,
    put_in_force,
    supervisor,
    utah,
)
from tests.unit.audit.test_one_search import verify


def code_of(act: Callable[[], object]) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value.code


def codes(authorization: Authorization) -> list[str]:
    return [code for one in authorization.galleries for code, _ in one.reasons]


def in_emergency(audit: AuditForTest, person: str = "olsen", **changes: Any) -> Authorization:
    return audit.authorize(person, emergency=EMERGENCY, **changes)


def follow_up(
    audit: AuditForTest,
    search_id: str,
    instrument: dict[str, Any] = WARRANT,
    token: str | None = None,
) -> LoggedEntry:
    asking = audit.token("olsen", Role.REQUESTER) if token is None else token
    return audit.service.follow_up(FollowUpCall(search_id, instrument, asking, "req-2"), soon())


def lift(
    audit: AuditForTest, search_id: str, token: str | None = None, gallery: str = "US-UT"
) -> LoggedEntry:
    asking = audit.token("auditor-1", Role.AUDITOR, agency="auditors") if token is None else token
    call = LiftCall(search_id, gallery, "The court was closed by a storm.", asking, "req-3")
    return audit.service.lift_suspension(call, soon())


def alarms(audit: AuditForTest) -> list[dict[str, Any]]:
    bodies = (json.loads(one.body) for one in audit.running.ledger.bodies(0, 1000))
    return [body for body in bodies if body["kind"] == "alarm.raised"]


def too_late(audit: AuditForTest, clock: SetClock) -> None:
    """Two days pass, and the ledger looks through its books."""
    clock.pass_(hours=48)
    audit.take_in()
    audit.running.reconciliation.step()


def test_without_an_emergency_the_state_demands_its_instrument(audit: AuditForTest) -> None:
    permit_emergencies(audit)
    assert codes(audit.authorize()) == ["instrument_required"]
    assert audit.authorize(instrument=WARRANT).granted


def test_the_grant_says_that_it_was_an_emergency_and_until_when(audit: AuditForTest) -> None:
    permit_emergencies(audit)
    authorization = in_emergency(audit)
    body = parse_body(authorization.entry.body)[0]
    assert body["request"]["emergency"] == EMERGENCY
    assert body["galleries"]["US-UT"]["emergency"] == {
        "due": format_time(START + timedelta(hours=48)),
        "instruments": ["court_order", "search_warrant"],
        "waived": ["instrument_required"],
    }
    assert read_grant(authorization.entry, audit.signer.verifier).galleries
    (state,) = audit.service.emergencies(authorization.search_id, soon())
    assert (state.gallery, state.due) == ("US-UT", START + timedelta(hours=48))
    assert (state.followed, state.alarmed, state.lifted) == (None, None, None)


def test_a_state_that_does_not_permit_emergencies_refuses_them(audit: AuditForTest) -> None:
    put_in_force(audit, utah(WARRANT_DEMANDED))
    assert codes(in_emergency(audit)) == ["instrument_required", "emergency_not_permitted"]


def test_what_is_allowed_anyway_is_no_emergency(audit: AuditForTest) -> None:
    """Utah's own example demands no instrument and permits no emergency: nothing is to follow."""
    authorization = in_emergency(audit)
    assert authorization.granted
    assert "emergency" not in parse_body(authorization.entry.body)[0]["galleries"]["US-UT"]
    assert audit.service.emergencies(authorization.search_id, soon()) == ()
    assert code_of(lambda: follow_up(audit, authorization.search_id)) is ErrorCode.NOT_FOUND


def test_with_the_instrument_in_hand_nothing_has_to_follow(audit: AuditForTest) -> None:
    permit_emergencies(audit)
    authorization = in_emergency(audit, instrument=WARRANT)
    assert authorization.granted
    assert audit.service.emergencies(authorization.search_id, soon()) == ()


def test_suspicion_waits_only_where_the_state_says_so(audit: AuditForTest) -> None:
    permit_emergencies(audit)
    assert codes(in_emergency(audit, suspicion="none")) == ["suspicion_too_low"]
    rule = "emergency: {permitted: true, waives: [instrument, suspicion]}"
    lenient = utah(WARRANT_DEMANDED, (NO_EMERGENCY, rule))
    cedar = (audit_cedar()).replace(
        '["reasonable_suspicion", "probable_cause"].contains(context.suspicion)',
        '["none", "reasonable_suspicion", "probable_cause"].contains(context.suspicion)',
    )
    put_in_force(audit, lenient, cedar=cedar)
    assert in_emergency(audit, suspicion="none").granted
    assert codes(audit.authorize(suspicion="none"))[0] == "suspicion_too_low"


def audit_cedar() -> str:
    return (POLICIES / "US-UT" / "policy.cedar").read_text()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offence": {"statute": "", "tier": "none"}}, "purpose_prohibited"),
        ({"federal_ground": "b4"}, "federal_ground_missing"),
        ({"purpose": "immigration_enforcement"}, "immigration_refused"),
        ({"role_sought": "missing"}, "role_sought_mismatch"),
        ({"role_sought": "witness"}, "role_sought_not_permitted"),
        ({"beneficiary_agency": "us-fed-x"}, "policy_not_permitted"),
        (
            {"offence": {"statute": "Utah Code 41-6a-601", "tier": "infraction"}},
            "policy_not_permitted",
        ),
    ],
)
def test_an_emergency_lifts_nothing_else(
    audit: AuditForTest, changes: dict[str, Any], code: str
) -> None:
    """R-3, R-5, R-6 stand above the states; the rest the state did not let wait."""
    permit_emergencies(audit)
    authorization = in_emergency(audit, **changes)
    assert not authorization.granted
    assert code in codes(authorization)


def test_a_policy_sees_whether_it_was_an_emergency(audit: AuditForTest) -> None:
    permit_emergencies(audit)
    cedar = audit_cedar() + (
        '\n@id("violence-alone")\n@summary("emergency searches for less than violence")\n'
        "forbid (principal, action, resource)\n"
        'when { context.emergency == "declared" && context.offence_tier == "felony" };\n'
    )
    put_in_force(audit, utah(WARRANT_DEMANDED, EMERGENCY_PERMITTED), cedar=cedar)
    felony = {"statute": "Utah Code 76-6-202", "tier": "felony"}
    assert codes(in_emergency(audit, offence=felony)) == ["policy_forbidden"]
    assert audit.authorize(offence=felony, instrument=WARRANT).granted
    assert in_emergency(audit).granted


def test_a_follow_up_is_an_entry_of_its_own_and_repeatable(audit: AuditForTest) -> None:
    """R-21."""
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    entry = follow_up(audit, search_id)
    body, _, kind = parse_body(entry.body)
    assert kind == "emergency.followed_up"
    assert (body["search_id"], body["galleries"]) == (search_id, ["US-UT"])
    assert body["instrument"] == WARRANT
    assert body["by"]["agency"] == "us-ut-slcpd"
    assert follow_up(audit, search_id).index == entry.index
    assert audit.service.emergencies(search_id, soon())[0].followed == entry.index
    assert code_of(lambda: follow_up(audit, search_id, ORDER)) is ErrorCode.SEARCH_STATE
    verify(audit)


def test_a_follow_up_is_the_same_agencys(audit: AuditForTest) -> None:
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    elsewhere = supervisor(audit, agency="us-ut-dps")
    assert code_of(lambda: follow_up(audit, search_id, token=elsewhere)) is ErrorCode.NOT_FOUND
    examiner = audit.token("olsen", Role.EXAMINER)
    assert code_of(lambda: follow_up(audit, search_id, token=examiner)) is ErrorCode.ROLE_MISSING
    assert follow_up(audit, search_id, token=supervisor(audit))


@pytest.mark.parametrize(
    ("instrument", "code", "field"),
    [
        ({"type": "none"}, ErrorCode.FIELD_INVALID, "instrument.type"),
        ({**WARRANT, "type": "promise"}, ErrorCode.FIELD_INVALID, "instrument.type"),
        ({**WARRANT, "number": ""}, ErrorCode.FIELD_INVALID, "instrument.number"),
        ({**WARRANT, "date": "2026-11-25"}, ErrorCode.FIELD_INVALID, "instrument.date"),
        (
            {**WARRANT, "type": "administrative_subpoena"},
            ErrorCode.INSTRUMENT_REQUIRED,
            "instrument.type",
        ),
    ],
)
def test_a_follow_up_names_an_instrument_that_the_state_accepts(
    audit: AuditForTest, instrument: dict[str, Any], code: ErrorCode, field: str
) -> None:
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    with pytest.raises(OnRecordError) as caught:
        follow_up(audit, search_id, instrument)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert audit.service.emergencies(search_id, soon())[0].followed is None


def test_a_follow_up_that_is_overdue_raises_an_alarm_and_suspends(
    audit: AuditForTest, clock: SetClock
) -> None:
    permit_emergencies(audit)
    search = in_emergency(audit)
    audit.told(audit.receipt(search.entry))
    clock.pass_(hours=47, minutes=59, seconds=59)
    audit.running.reconciliation.step()
    assert alarms(audit) == []
    assert in_emergency(audit, case_number="in time").granted
    clock.pass_(seconds=1)
    # Suspended at the very instant, whether or not anybody has looked through the books.
    assert codes(in_emergency(audit, case_number="late")) == ["emergency_suspended"]
    audit.take_in()
    audit.running.reconciliation.step()
    audit.running.reconciliation.step()
    (alarm,) = [one for one in alarms(audit) if one["what"] == "emergency_overdue"]
    assert (alarm["search_id"], alarm["person"]) == (search.search_id, "olsen")
    assert alarm["galleries"] == ["US-UT"]
    # Other searches go on, and so do other people.
    assert audit.authorize(instrument=WARRANT, case_number="ordinary").granted
    assert in_emergency(audit, "diaz", case_number="another's", probe="ab" * 32).granted
    verify(audit)


def test_filing_it_late_ends_the_suspension(audit: AuditForTest, clock: SetClock) -> None:
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    too_late(audit, clock)
    assert codes(in_emergency(audit, case_number="b")) == ["emergency_suspended"]
    follow_up(audit, search_id)
    assert in_emergency(audit, case_number="c").granted
    verify(audit)


def test_a_suspension_is_lifted_on_the_record(audit: AuditForTest, clock: SetClock) -> None:
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    assert code_of(lambda: lift(audit, search_id)) is ErrorCode.SEARCH_STATE
    too_late(audit, clock)
    entry = lift(audit, search_id)
    body, _, kind = parse_body(entry.body)
    assert (kind, body["galleries"]) == ("emergency.lifted", ["US-UT"])
    assert body["reason"] == "The court was closed by a storm."
    assert lift(audit, search_id).index == entry.index
    assert in_emergency(audit, case_number="b").granted
    audit.running.reconciliation.step()
    assert len([one for one in alarms(audit) if one["what"] == "emergency_overdue"]) == 1
    assert follow_up(audit, search_id, token=supervisor(audit)), "the instrument is still owed"
    verify(audit)


def test_only_the_gallerys_custodian_or_an_auditor_lifts(
    audit: AuditForTest, clock: SetClock
) -> None:
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    too_late(audit, clock)
    for token in (audit.operator(), audit.custodian("US-VT"), supervisor(audit)):
        assert code_of(lambda token=token: lift(audit, search_id, token)) is ErrorCode.ROLE_MISSING  # type: ignore[misc]
    own = audit.token("olsen", Role.AUDITOR)
    assert code_of(lambda: lift(audit, search_id, own)) is ErrorCode.CALLER_NOT_ALLOWED
    assert code_of(lambda: lift(audit, search_id, gallery="US-VT")) is ErrorCode.NOT_FOUND
    assert code_of(lambda: lift(audit, "no-such")) is ErrorCode.NOT_FOUND
    assert lift(audit, search_id, audit.custodian("US-UT"))


def test_the_books_are_the_same_after_a_restart(audit: AuditForTest, clock: SetClock) -> None:
    """R-22: a suspension outlives the process."""
    permit_emergencies(audit)
    search_id = in_emergency(audit).search_id
    again = audit.reopen()
    try:
        clock.pass_(hours=48)
        assert codes(in_emergency(again, case_number="b")) == ["emergency_suspended"]
        assert again.service.emergencies(search_id, soon())[0].followed is None
    finally:
        again.close()
