"""R-1, R-3 to R-7, R-10 to R-12: what a refused person is told, word for word, and what decides.

Reasons stand in the ledger and are read by people years later: each is held here as it reads.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from onrecord.audit.core import guards
from onrecord.audit.core.evaluation import (
    EmergencyTerms,
    PolicyInForce,
    PolicyShelf,
    Verdict,
    context_of,
    evaluate,
)
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import InstrumentType, Role
from tests.builders.audit import POLICIES, REQUEST, START
from tests.builders.laws import (
    EMERGENCY,
    EMERGENCY_PERMITTED,
    NO_INSTRUMENT,
    ORDER,
    WARRANT,
    WARRANT_DEMANDED,
    utah,
)

CEDAR = (POLICIES / "US-UT" / "policy.cedar").read_text()
CLAIMS = Claims(
    subject="account",
    person="olsen",
    agency="us-ut-slcpd",
    roles=frozenset({Role.REQUESTER}),
    expires_at=START,
    token_id="t",
    training_completed=date(2026, 6, 1),
)
FEDERAL = (
    "\ngroups:",
    "\n  us-fed-x: {name: X, level: federal, kind: police, jurisdiction: US-DC}"
    "\n  us-fed-ice: {name: ICE, level: federal, kind: immigration, jurisdiction: US-DC}"
    "\n  us-ut-ins: {name: Insurers, level: state, kind: insurance, jurisdiction: US-UT}"
    "\ngroups:",
)


def state(*law: tuple[str, str], cedar: str = CEDAR) -> StatePolicy:
    return read_policy(cedar.encode(), utah(*law).encode(), "US-UT")


UTAH = state()


def asked(now: datetime = START, **changes: Any) -> Asked:
    claims = replace(
        CLAIMS,
        agency=changes.pop("agency", CLAIMS.agency),
        training_completed=changes.pop("trained", CLAIMS.training_completed),
    )
    return Asked(parse_request({**REQUEST, **changes}), claims, now)


def say(
    one: Asked, law: StatePolicy | None = None, problem: str = "", model: bool = True
) -> Verdict:
    policy = PolicyInForce("US-UT", 1, "digest", None if problem else law or UTAH, problem)
    shelf = PolicyShelf(1, {"US-UT": policy}, {"US-UT": "model"} if model else {})
    return evaluate(one, shelf)[0]


def told(one: Asked, law: StatePolicy | None = None) -> list[tuple[str, str]]:
    return [(reason.code.value, reason.message) for reason in say(one, law).reasons]


def probe(kind: str) -> dict[str, Any]:
    return {"probe": {**REQUEST["probe"], "kind": kind}}


NO_OFFENCE = {"offence": {"statute": "", "tier": "none"}}
FELONY = {"statute": "Nevada 1", "tier": "felony"}


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (
            {"trained": None},
            "training_missing",
            "The person asking has no face comparison training on record.",
        ),
        (
            {"trained": date(2026, 11, 24)},
            "training_missing",
            "The training of the person asking is dated 24 November 2026, in the future.",
        ),
        (
            {"trained": date(2025, 11, 22)},
            "training_expired",
            "The person asking was last trained on 22 November 2025, more than 12 months ago.",
        ),
        *(
            (
                probe(kind),
                "probe_kind_refused",
                f"The image is declared to be {named}. Only photographs of the person sought may "
                "be used.",
            )
            for kind, named in (
                ("sketch", "a sketch"),
                ("composite", "a composite"),
                ("lookalike", "a picture of a look-alike"),
                ("generated", "a generated face"),
            )
        ),
        (
            {"federal_ground": "b6"},
            "federal_ground_missing",
            "Federal law releases licence photos only on named grounds; 18 USC 2721(b)(6) does not "
            "cover criminal investigation.",
        ),
        (
            {"federal_ground": "b4"},
            "federal_ground_missing",
            "18 USC 2721(b)(4) covers what a court has ordered, and the request names no order.",
        ),
        (
            NO_OFFENCE,
            "purpose_prohibited",
            "A criminal investigation must name an offence. A search that names none could rest on "
            "religion, politics, lawful assembly, race or immigration status, which no state may "
            "allow.",
        ),
        (
            {"role_sought": "missing"},
            "role_sought_mismatch",
            "A search for the purpose criminal investigation is for a suspect or victim or "
            "witness, not for a missing.",
        ),
        (
            {"offence": {"statute": "8 U.S.C. 1326", "tier": "felony"}},
            "immigration_refused",
            "8 U.S.C. 1326 is immigration law: a search for it is immigration enforcement and must "
            "say so.",
        ),
        (
            {"purpose": "immigration_enforcement"},
            "immigration_refused",
            "Immigration enforcement is refused without a warrant signed by a judge.",
        ),
        (
            {"instrument": {**WARRANT, "date": "2026-11-25"}},
            "instrument_required",
            "The search warrant is dated 2026-11-25, in the future.",
        ),
        (
            {"role_sought": "witness"},
            "role_sought_not_permitted",
            "Utah does not permit searching for a witness (permitted: deceased, missing, suspect, "
            "unidentified, victim).",
        ),
        (
            {"suspicion": "none"},
            "suspicion_too_low",
            "Utah demands at least reasonable suspicion for a criminal investigation; the request "
            "states no suspicion.",
        ),
        (
            {"beneficiary_agency": "us-nv-x"},
            "policy_not_permitted",
            "The search is for us-nv-x, which Utah's authority does not name.",
        ),
        (
            {"agency": "us-nv-x"},
            "policy_not_permitted",
            "Utah's policy does not name the agency us-nv-x.",
        ),
        (
            {"purpose": "licence_fraud", "offence": FELONY},
            "policy_not_permitted",
            "Utah's policy does not permit us-ut-slcpd a licence fraud.",
        ),
        (
            {"offence": {"statute": "Nevada 1", "tier": "misdemeanor"}},
            "policy_not_permitted",
            "Utah's policy permits violent felony and felony cases only; the request declares "
            "misdemeanor.",
        ),
        (
            {"offence": {"statute": "Utah Code 76-6-206", "tier": "felony"}},
            "policy_not_permitted",
            "Utah's policy permits violent felony and felony cases only; Utah Code 76-6-206 is "
            "listed by the state as misdemeanor.",
        ),
    ],
)
def test_what_a_refused_person_is_told(changes: dict[str, Any], code: str, message: str) -> None:
    assert (code, message) in told(asked(**changes))


NARROW = 'context.purpose == "criminal_investigation" &&'
COLD = ("criminal_investigation: reasonable_suspicion", "criminal_investigation: probable_cause")
NOBODY = ("roles_sought: [suspect, victim, missing, deceased, unidentified]", "roles_sought: []")
FORBIDDEN = ("prohibition: null", "prohibition: {citation: 1 U.S.C., summary: all of it}")


@pytest.mark.parametrize(
    ("changes", "law", "cedar", "code", "message"),
    [
        (
            {},
            (FORBIDDEN,),
            CEDAR,
            "policy_forbidden",
            "Utah law (1 U.S.C.) forbids all of it.",
        ),
        (
            {},
            (NOBODY,),
            CEDAR,
            "role_sought_not_permitted",
            "Utah does not permit searching for a suspect (permitted: nobody).",
        ),
        (
            {},
            (COLD,),
            CEDAR,
            "suspicion_too_low",
            "Utah demands at least probable cause for a criminal investigation; the request states "
            "reasonable suspicion.",
        ),
        (
            {},
            (WARRANT_DEMANDED,),
            CEDAR,
            "instrument_required",
            "Utah demands a court order or search warrant for criminal investigation.",
        ),
        (
            {"agency": "us-ut-ins"},
            (FEDERAL,),
            CEDAR,
            "federal_ground_missing",
            "18 USC 2721(b)(1) is not a ground for Insurers, which Utah lists as insurance.",
        ),
        (
            {"beneficiary_agency": "us-fed-ice"},
            (FEDERAL,),
            CEDAR,
            "immigration_refused",
            "ICE enforces immigration law, so a search by or for it is immigration enforcement and "
            "must say so.",
        ),
        (
            {"beneficiary_agency": "us-fed-x"},
            (FEDERAL,),
            CEDAR,
            "policy_forbidden",
            "Utah's policy forbids searches made on behalf of a federal agency without a search "
            "warrant (a choice of this example, not in Utah Code 77-23e).",
        ),
        (
            {},
            (),
            CEDAR + '\n@id("shut")\nforbid (principal, action, resource);\n',
            "policy_forbidden",
            "Utah's policy forbids this (rule shut).",
        ),
        (
            {},
            (),
            CEDAR + "\nforbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };",
            "policy_error",
            "Utah's policy failed while it was evaluated, so it refuses.",
        ),
        (
            {
                "purpose": "immigration_enforcement",
                "instrument": {**WARRANT, "type": "judicial_warrant_immigration"},
            },
            (),
            CEDAR,
            "immigration_refused",
            "Utah's policy does not permit immigration enforcement.",
        ),
        (
            {},
            (),
            CEDAR.replace(NARROW, NARROW + ' context.probe_source == "body_camera" &&'),
            "policy_not_permitted",
            "Utah's policy does not permit this combination of circumstances.",
        ),
        (
            {"emergency": EMERGENCY},
            (WARRANT_DEMANDED,),
            CEDAR,
            "emergency_not_permitted",
            "Utah permits no emergency search for the purpose criminal investigation.",
        ),
    ],
)
def test_what_a_state_tells(
    changes: dict[str, Any], law: tuple[tuple[str, str], ...], cedar: str, code: str, message: str
) -> None:
    assert (code, message) in told(asked(**changes), state(*law, cedar=cedar))


@pytest.mark.parametrize(
    ("ask", "code", "message", "digest"),
    [
        (
            lambda: evaluate(asked(), PolicyShelf(1, {}, {}))[0],
            "policy_missing",
            "US-UT has no policy in force, so nothing is allowed there.",
            None,
        ),
        (
            lambda: say(asked(), problem="it is torn."),
            "policy_invalid",
            "The policy of US-UT cannot be used: it is torn.",
            "digest",
        ),
        (
            lambda: say(
                asked(datetime(2026, 1, 1, 6, 59, 59, tzinfo=UTC), trained=date(2025, 12, 1))
            ),
            "policy_not_yet_effective",
            "Utah's policy (Utah Code 77-23e) takes effect on 1 January 2026.",
            "digest",
        ),
        (
            lambda: say(asked(datetime(2028, 1, 1, 7, tzinfo=UTC), trained=date(2027, 12, 1))),
            "policy_expired",
            "Utah's policy (Utah Code 77-23e) expired on 1 January 2028 and was not renewed.",
            "digest",
        ),
    ],
)
def test_what_is_said_where_no_policy_is_in_force(
    ask: Callable[[], Verdict], code: str, message: str, digest: str | None
) -> None:
    """R-1: and nothing of it is a limit, a quota or a model's doing."""
    verdict = ask()
    assert [(one.code.value, one.message) for one in verdict.reasons] == [(code, message)]
    assert (verdict.gallery, verdict.policy, verdict.list_size) == ("US-UT", digest, 5)
    assert (verdict.grant_minutes, verdict.quotas, verdict.until) == (0, None, None)
    assert (verdict.granted, verdict.emergency) == (False, None)


def test_a_verdict_is_whole() -> None:
    found = say(asked())
    authority = UTAH.authority
    assert found == Verdict(
        gallery="US-UT",
        policy="digest",
        model_id="model",
        list_size=5,
        grant_minutes=5,
        quotas=authority.quotas,
        until=authority.expires,
        reasons=(),
        emergency=None,
    )
    unmodelled = say(asked(), model=False)
    (reason,) = unmodelled.reasons
    assert reason.message == "No face model is active for the gallery of Utah."
    assert unmodelled == replace(found, model_id=None, reasons=(reason,))
    both = say(asked(trained=None), model=False)
    assert [one.code.value for one in both.reasons] == ["training_missing", "model_unknown"]
    refused = say(asked(suspicion="none", trained=None))
    assert [one.code.value for one in refused.reasons] == ["training_missing", "suspicion_too_low"]
    assert refused == replace(found, reasons=refused.reasons)


def test_every_gallery_is_asked_in_the_requests_order() -> None:
    policy = PolicyInForce("US-UT", 1, "digest", UTAH)
    shelf = PolicyShelf(1, {"US-UT": policy}, {"US-UT": "model", "US-CA": "other"})
    both = evaluate(asked(galleries=["US-CA", "US-UT"]), shelf)
    assert [(one.gallery, one.granted) for one in both] == [("US-CA", False), ("US-UT", True)]
    assert both[0].model_id == "other"


def test_what_fails_is_told_to_whoever_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 5."""
    heard: list[tuple[str, BaseException]] = []
    broken = PolicyInForce("US-UT", 1, "digest", object())  # type: ignore[arg-type]
    shelf = PolicyShelf(1, {"US-UT": broken}, {"US-UT": "model"})
    one = asked(trained=None)
    (verdict,) = evaluate(one, shelf, lambda name, error: heard.append((name, error)))
    assert [(name, type(error)) for name, error in heard] == [("US-UT", AttributeError)]
    training, failed = verdict.reasons
    assert training.code is ErrorCode.TRAINING_MISSING
    assert failed.code is ErrorCode.POLICY_ERROR
    assert failed.message == ("The policy of US-UT failed while it was evaluated, so it refuses.")
    expected = Verdict("US-UT", None, None, 5, 0, None, None, verdict.reasons)
    assert verdict == expected
    assert evaluate(one, shelf) == (verdict,)


def test_a_rule_above_the_states_that_fails_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 5."""

    def rule(_: Asked) -> None:
        raise LookupError("a bug")

    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(guards, "REQUEST_GUARDS", (rule,))
    policy = PolicyInForce("US-UT", 1, "digest", UTAH)
    shelf = PolicyShelf(1, {"US-UT": policy}, {"US-UT": "model"})
    (verdict,) = evaluate(asked(), shelf, lambda name, error: heard.append((name, str(error))))
    assert heard == [("rule", "a bug")]
    (reason,) = verdict.reasons
    assert reason.code is ErrorCode.POLICY_ERROR
    assert reason.message == (
        "A rule that stands above every state's law failed, so nothing is allowed."
    )
    assert evaluate(asked(), shelf) == (verdict,)


# Emergencies: on which terms.

RULES = "emergency: {permitted: true, followup_hours: 24, instruments: [grand_jury_subpoena]"


def emergency(law: tuple[tuple[str, str], ...], **changes: Any) -> Verdict:
    return say(asked(emergency=EMERGENCY, **changes), state(*law))


def test_an_emergency_is_granted_on_the_states_terms() -> None:
    """R-10: the follow-up must name what the state demands for the purpose."""
    found = emergency((WARRANT_DEMANDED, EMERGENCY_PERMITTED))
    assert found.granted
    assert found.emergency == EmergencyTerms(
        48,
        frozenset({InstrumentType.SEARCH_WARRANT, InstrumentType.COURT_ORDER}),
        (ErrorCode.INSTRUMENT_REQUIRED,),
    )
    in_hand = emergency((WARRANT_DEMANDED, EMERGENCY_PERMITTED), instrument=ORDER)
    assert (in_hand.granted, in_hand.emergency) == (True, None)
    none_needed = emergency((EMERGENCY_PERMITTED,))
    assert (none_needed.granted, none_needed.emergency) == (True, None)
    unasked = say(asked(), state(WARRANT_DEMANDED, EMERGENCY_PERMITTED))
    assert [one.code for one in unasked.reasons] == [ErrorCode.INSTRUMENT_REQUIRED]


SUSPICION_WAITS = (
    "emergency: {permitted: false}",
    RULES + ", waives: [suspicion]}",
)
ANY_SUSPICION = CEDAR.replace(
    '["reasonable_suspicion", "probable_cause"].contains(context.suspicion)',
    '["none", "reasonable_suspicion", "probable_cause"].contains(context.suspicion)',
)


def test_where_the_state_demands_none_its_rule_says_what_must_follow() -> None:
    """R-10: also where what it takes for the purpose is no instrument at all."""
    for demanded in (NO_INSTRUMENT, "instruments_required: {criminal_investigation: [none]}"):
        law = state(SUSPICION_WAITS, (NO_INSTRUMENT, demanded), cedar=ANY_SUSPICION)
        found = say(asked(emergency=EMERGENCY, suspicion="none"), law)
        assert found.emergency == EmergencyTerms(
            24,
            frozenset({InstrumentType.GRAND_JURY_SUBPOENA}),
            (ErrorCode.SUSPICION_TOO_LOW,),
        )


def test_none_among_what_is_demanded_is_nothing_that_can_follow() -> None:
    """R-10."""
    demanded = "instruments_required: {criminal_investigation: [none, court_order]}"
    law = state(SUSPICION_WAITS, (NO_INSTRUMENT, demanded), cedar=ANY_SUSPICION)
    found = say(asked(emergency=EMERGENCY, suspicion="none"), law)
    assert found.emergency is not None
    assert found.emergency.instruments == {InstrumentType.COURT_ORDER}


def test_what_cannot_wait_is_what_is_told() -> None:
    """R-10: not what could have."""
    found = emergency((WARRANT_DEMANDED, EMERGENCY_PERMITTED), role_sought="witness")
    assert [one.code for one in found.reasons] == [ErrorCode.ROLE_SOUGHT_NOT_PERMITTED]
    assert found.emergency is None


def test_an_emergency_for_another_purpose_is_refused_with_both_reasons() -> None:
    """R-10."""
    rule = (
        "emergency: {permitted: false}",
        "emergency: {permitted: true, purposes: [missing_person]}",
    )
    found = emergency((WARRANT_DEMANDED, rule))
    assert [one.code for one in found.reasons] == [
        ErrorCode.INSTRUMENT_REQUIRED,
        ErrorCode.EMERGENCY_NOT_PERMITTED,
    ]
    assert found.emergency is None


def test_an_emergency_lifts_nothing_above_the_states() -> None:
    """R-10: where such a rule refuses, the state's own reasons stand too, and no terms."""
    found = emergency((WARRANT_DEMANDED, EMERGENCY_PERMITTED), trained=None)
    assert [one.code for one in found.reasons] == [
        ErrorCode.TRAINING_MISSING,
        ErrorCode.INSTRUMENT_REQUIRED,
    ]
    assert found.emergency is None


def test_a_policy_is_shown_the_whole_request() -> None:
    one = replace(
        asked(
            beneficiary_agency="us-md-msp",
            instrument=ORDER,
            offence={"statute": "Utah Code 76-6-206", "tier": "felony"},
        ),
        as_emergency=False,
    )
    shown = {
        "purpose": "criminal_investigation",
        "offence_tier": "misdemeanor",
        "role_sought": "suspect",
        "suspicion": "reasonable_suspicion",
        "federal_ground": "b1",
        "instrument": "court_order",
        "probe_source": "surveillance_still",
        "beneficiary_agency": "us-md-msp",
        "beneficiary_level": "state",
        "beneficiary_kind": "police",
        "agency_level": "local",
        "agency_kind": "police",
        "emergency": "none",
    }
    assert context_of(one, UTAH) == shown
    assert context_of(replace(one, as_emergency=True), UTAH) == {**shown, "emergency": "declared"}
    strangers = asked(agency="us-nv-x", beneficiary_agency="us-nv-y")
    found = context_of(strangers, UTAH)
    unknown = ("beneficiary_level", "beneficiary_kind", "agency_level", "agency_kind")
    assert {found[name] for name in unknown} == {"unknown"}
    assert found["beneficiary_agency"] == "us-nv-y"


@pytest.mark.parametrize("months", range(1, 13))
def test_training_lasts_twelve_months_from_any_month(months: int) -> None:
    """R-12."""
    done = date(2025, months, 15)
    last = datetime(2026, months, 15, 23, 59, tzinfo=UTC)
    assert "training_expired" not in [code for code, _ in told(asked(last, trained=done))]
    after = told(asked(last + timedelta(minutes=1), trained=done))
    assert "training_expired" in [code for code, _ in after]
