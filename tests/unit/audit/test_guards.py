"""Which galleries grant, which refuse, and what they say (R-1, R-3 to R-7, R-11, R-12)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, Verdict, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import read_policy
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Role
from tests.builders.audit import MODEL, POLICIES, REQUEST, START, STATES


def in_force(state: str, policy: str = "", authority: str = "") -> PolicyInForce:
    folder = POLICIES / state
    files = (
        policy.encode() or (folder / "policy.cedar").read_bytes(),
        authority.encode() or (folder / "authority.yaml").read_bytes(),
    )
    return PolicyInForce(state, 1, f"digest-{state}", read_policy(*files, state))


SHELF = PolicyShelf(1, {state: in_force(state) for state in STATES}, dict.fromkeys(STATES, MODEL))


def claims(**changes: Any) -> Claims:
    settings: dict[str, Any] = {
        "subject": "account",
        "person": "olsen",
        "agency": "us-ut-slcpd",
        "roles": frozenset({Role.REQUESTER}),
        "expires_at": START,
        "token_id": "t",
        "training_completed": date(2026, 6, 1),
        **changes,
    }
    return Claims(**settings)


def ask(
    shelf: PolicyShelf = SHELF, by: Claims | None = None, now: datetime = START, **changes: Any
) -> Verdict:
    """What the first gallery says to `REQUEST` with these changes."""
    return evaluate(Asked(parse_request({**REQUEST, **changes}), by or claims(), now), shelf)[0]


def codes(verdict: Verdict) -> list[ErrorCode]:
    return [reason.code for reason in verdict.reasons]


def said(verdict: Verdict) -> str:
    return " ".join(reason.message for reason in verdict.reasons)


def test_utah_grants_what_its_policy_names() -> None:
    verdict = ask()
    assert verdict.granted
    assert (verdict.policy, verdict.model_id) == ("digest-US-UT", MODEL)
    assert (verdict.list_size, verdict.grant_minutes) == (5, 5)


def test_another_states_police_is_granted_where_the_policy_names_it() -> None:
    assert ask(by=claims(agency="us-md-msp"), beneficiary_agency="us-md-msp").granted


def test_a_state_may_shorten_its_part_of_the_list() -> None:
    """R-13."""
    assert ask(list_size=50).list_size == 30


def test_vermonts_law_forbids_and_is_cited() -> None:
    verdict = ask(galleries=["US-VT"])
    assert codes(verdict) == [ErrorCode.POLICY_FORBIDDEN]
    assert "Vermont law (23 V.S.A. § 634(c)) forbids" in said(verdict)


def test_marylands_agreement_has_expired_and_the_day_is_named() -> None:
    """R-1."""
    verdict = ask(galleries=["US-MD"])
    assert codes(verdict) == [ErrorCode.POLICY_EXPIRED]
    assert "expired on 30 June 2026" in said(verdict)
    before = datetime(2026, 6, 30, 3, 59, 59, tzinfo=UTC)
    trained = claims(training_completed=date(2026, 1, 1))
    assert ask(by=trained, now=before, galleries=["US-MD"]).granted


def test_expiry_is_the_very_instant_in_the_states_own_zone() -> None:
    midnight_in_maryland = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
    trained = claims(training_completed=date(2026, 1, 1))
    verdict = ask(by=trained, now=midnight_in_maryland, galleries=["US-MD"])
    assert codes(verdict) == [ErrorCode.POLICY_EXPIRED]


def test_a_policy_is_nothing_before_it_takes_effect() -> None:
    trained = claims(training_completed=date(2025, 6, 1))
    verdict = ask(by=trained, now=datetime(2025, 12, 31, tzinfo=UTC))
    assert codes(verdict) == [ErrorCode.POLICY_NOT_YET_EFFECTIVE]


def test_no_policy_is_a_refusal() -> None:
    """R-1, law 5: another state's policy opens nothing."""
    assert codes(ask(galleries=["US-CA"])) == [ErrorCode.POLICY_MISSING]


def test_a_policy_that_cannot_be_read_is_a_refusal() -> None:
    broken = PolicyInForce("US-CA", 1, "d", None, "it is not Cedar")
    shelf = PolicyShelf(1, {"US-CA": broken}, {"US-CA": MODEL})
    assert codes(ask(shelf, galleries=["US-CA"])) == [ErrorCode.POLICY_INVALID]


def test_a_gallery_without_a_model_refuses() -> None:
    shelf = PolicyShelf(1, SHELF.policies, {})
    assert codes(ask(shelf)) == [ErrorCode.MODEL_UNKNOWN]


@pytest.mark.parametrize(
    ("trained", "code"),
    [
        (date(2025, 11, 23), None),
        (date(2025, 11, 22), ErrorCode.TRAINING_EXPIRED),
        (date(2026, 11, 23), None),
        (date(2026, 11, 24), ErrorCode.TRAINING_MISSING),
        (None, ErrorCode.TRAINING_MISSING),
    ],
)
def test_training_counts_for_twelve_months(trained: date | None, code: ErrorCode | None) -> None:
    """R-12."""
    verdict = ask(by=claims(training_completed=trained))
    assert codes(verdict) == ([] if code is None else [code])


def test_a_leap_days_training_lasts_to_the_end_of_the_next_february() -> None:
    leap = claims(training_completed=date(2024, 2, 29))
    assert ErrorCode.TRAINING_EXPIRED not in codes(
        ask(by=leap, now=datetime(2025, 2, 28, 12, tzinfo=UTC))
    )
    assert ErrorCode.TRAINING_EXPIRED in codes(
        ask(by=leap, now=datetime(2025, 3, 1, 12, tzinfo=UTC))
    )


@pytest.mark.parametrize("kind", ["sketch", "composite", "lookalike", "generated"])
def test_only_photographs_are_searched(kind: str) -> None:
    """R-11."""
    verdict = ask(probe={**REQUEST["probe"], "kind": kind})
    assert codes(verdict) == [ErrorCode.PROBE_KIND_REFUSED]


@pytest.mark.parametrize(
    ("ground", "instrument", "granted"),
    [
        ("b1", "none", True),
        ("b4", "none", False),
        ("b4", "administrative_subpoena", False),
        ("b4", "court_order", True),
        ("b6", "none", False),
        ("b9", "none", False),
    ],
)
def test_the_federal_ground_fits_the_purpose(ground: str, instrument: str, granted: bool) -> None:
    """R-3, 18 USC 2721(b)."""
    named = {"type": instrument, "issuer": "c", "number": "1", "date": "2026-11-01"}
    sent = {"type": "none"} if instrument == "none" else named
    verdict = ask(federal_ground=ground, instrument=sent)
    assert codes(verdict) == ([] if granted else [ErrorCode.FEDERAL_GROUND_MISSING])


def test_an_investigation_without_an_offence_is_refused() -> None:
    """R-6."""
    verdict = ask(offence={"statute": "", "tier": "none"})
    assert ErrorCode.PURPOSE_PROHIBITED in codes(verdict)


WARRANT = {
    "type": "judicial_warrant_immigration",
    "issuer": "D. Utah",
    "number": "1",
    "date": "2026-11-01",
}


def test_immigration_needs_a_judge_and_a_policy_that_names_it() -> None:
    """R-5: neither alone is enough."""
    sought: dict[str, Any] = {"purpose": "immigration_enforcement"}
    assert ErrorCode.IMMIGRATION_REFUSED in codes(ask(**sought))
    assert codes(ask(**sought, instrument=WARRANT)) == [ErrorCode.IMMIGRATION_REFUSED]
    cedar = (POLICIES / "US-UT" / "policy.cedar").read_text()
    naming = cedar.replace('"criminal_investigation"', '"immigration_enforcement"', 1)
    shelf = PolicyShelf(1, {"US-UT": in_force("US-UT", naming)}, {"US-UT": MODEL})
    assert ask(shelf, **sought, instrument=WARRANT).granted
    assert ErrorCode.IMMIGRATION_REFUSED in codes(ask(shelf, **sought))


def test_whom_the_search_is_for_must_be_known_to_the_state() -> None:
    """R-4."""
    verdict = ask(beneficiary_agency="us-fed-ice")
    assert codes(verdict) == [ErrorCode.POLICY_NOT_PERMITTED]
    assert "us-fed-ice" in said(verdict)


def test_a_forbid_sees_for_whom_the_search_is() -> None:
    """R-4: a federal purpose does not pass unnamed through a local agency."""
    yaml = (POLICIES / "US-UT" / "authority.yaml").read_text()
    federal = "  us-fed-x: {name: X, level: federal, kind: police, jurisdiction: US-DC}\ngroups:"
    shelf = PolicyShelf(
        1,
        {"US-UT": in_force("US-UT", authority=yaml.replace("groups:", federal))},
        {"US-UT": MODEL},
    )
    verdict = ask(shelf, beneficiary_agency="us-fed-x")
    assert codes(verdict) == [ErrorCode.POLICY_FORBIDDEN]
    assert "77-23e" in said(verdict)


def test_the_states_own_table_of_statutes_wins_over_the_declaration() -> None:
    """R-7."""
    declared = {"statute": "Utah Code 76-6-206", "tier": "violent_felony"}
    verdict = ask(offence=declared)
    assert codes(verdict) == [ErrorCode.POLICY_NOT_PERMITTED]
    assert "listed by the state as misdemeanor" in said(verdict)
    modest = {"statute": "Utah Code 76-6-302", "tier": "infraction"}
    assert ask(offence=modest).granted


@pytest.mark.parametrize(
    "written",
    [
        "Utah Code 76-6-206 ",
        "Utah Code  76-6-206",
        "utah code 76-6-206",
        "Utah Code 76\u20116\u2013206",
        "Utah\u00a0Code 76-6-206",
        "Utah Code 76\u22126-206",
        "\uff35tah Code 76-6-206",
    ],
)
def test_no_spelling_takes_a_statute_out_of_the_states_table(written: str) -> None:
    """R-7: a requester who could miss the table by a space would choose the tier."""
    verdict = ask(offence={"statute": written, "tier": "violent_felony"})
    assert codes(verdict) == [ErrorCode.POLICY_NOT_PERMITTED]
    assert "listed by the state as misdemeanor" in said(verdict)


def test_each_role_sought_is_permitted_by_name() -> None:
    assert codes(ask(role_sought="witness")) == [ErrorCode.ROLE_SOUGHT_NOT_PERMITTED]


def test_suspicion_below_the_states_minimum_is_refused() -> None:
    assert codes(ask(suspicion="none")) == [ErrorCode.SUSPICION_TOO_LOW]
    assert ask(suspicion="probable_cause").granted


def test_a_state_may_demand_an_instrument() -> None:
    yaml = (POLICIES / "US-UT" / "authority.yaml").read_text()
    demanding = yaml.replace(
        "instruments_required: {}",
        "instruments_required: {criminal_investigation: [search_warrant, court_order]}",
    )
    shelf = PolicyShelf(1, {"US-UT": in_force("US-UT", authority=demanding)}, {"US-UT": MODEL})
    verdict = ask(shelf)
    assert codes(verdict) == [ErrorCode.INSTRUMENT_REQUIRED]
    assert "court order or search warrant" in said(verdict)


def test_an_agency_the_policy_does_not_name_is_refused() -> None:
    verdict = ask(by=claims(agency="us-ut-dld"))
    assert codes(verdict) == [ErrorCode.POLICY_NOT_PERMITTED]
    assert "us-ut-dld" in said(verdict)
    assert codes(ask(by=claims(agency="us-nv-lvmpd"))) == [ErrorCode.POLICY_NOT_PERMITTED]


def test_an_error_while_cedar_evaluates_is_a_refusal() -> None:
    """Law 5: Cedar skips a forbid that fails, and would allow."""
    cedar = (POLICIES / "US-UT" / "policy.cedar").read_text()
    failing = cedar + (
        "\nforbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };\n"
    )
    shelf = PolicyShelf(1, {"US-UT": in_force("US-UT", failing)}, {"US-UT": MODEL})
    assert codes(ask(shelf)) == [ErrorCode.POLICY_ERROR]


def test_reasons_against_the_request_stand_in_every_gallery() -> None:
    request = parse_request({**REQUEST, "galleries": list(STATES)})
    untrained = claims(training_completed=None)
    verdicts = evaluate(Asked(request, untrained, START), SHELF)
    assert all(codes(verdict)[0] is ErrorCode.TRAINING_MISSING for verdict in verdicts)
    assert codes(verdicts[2]) == [ErrorCode.TRAINING_MISSING, ErrorCode.POLICY_EXPIRED]


def test_every_reason_is_a_sentence() -> None:
    refused: list[dict[str, Any]] = [
        {"suspicion": "none"},
        {"galleries": ["US-VT"]},
        {"galleries": ["US-MD"]},
        {"galleries": ["US-CA"]},
        {"role_sought": "witness"},
    ]
    for changes in refused:
        for reason in ask(**changes).reasons:
            assert reason.message[0].isupper()
            assert reason.message.endswith(".")
            assert "_" not in reason.message
