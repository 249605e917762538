"""R-1, R-3 to R-12, guard by guard: each has a stable code, an example it lets through and one it
refuses, and none is without them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest

from onrecord.audit.core import guards, guards_state
from onrecord.audit.core.authority import Quotas
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, Verdict, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import read_policy
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import OffenceTier, Purpose, Role, RoleSought, Suspicion
from tests.builders.audit import MODEL, POLICIES, REQUEST, START, AuditForTest, SetClock
from tests.builders.laws import (
    EMERGENCY,
    EMERGENCY_PERMITTED,
    WARRANT,
    WARRANT_DEMANDED,
    permit_emergencies,
    put_in_force,
    utah,
)

CEDAR = (POLICIES / "US-UT" / "policy.cedar").read_text()
AGENCIES = (
    "\ngroups:",
    "\n  us-fed-ice: {name: ICE, level: federal, kind: immigration, jurisdiction: US-DC}"
    "\n  us-fed-x: {name: X, level: federal, kind: police, jurisdiction: US-DC}"
    "\n  us-ut-ins: {name: Insurers of Utah, level: state, kind: insurance, jurisdiction: US-UT}"
    "\n  us-ut-bus: {name: Bus Company, level: local, kind: employer, jurisdiction: US-UT}"
    "\ngroups:",
)
# Fraud against a licence is what insurers and employers may have looked into (18 USC 2721(b)).
PRIVATE = (
    "law_enforcement: [us-ut-slcpd,",
    "private: [us-ut-ins, us-ut-bus, us-ut-dld]\n  law_enforcement: [us-ut-slcpd,",
)
FRAUD = CEDAR.replace('principal == Agency::"us-ut-dld"', 'principal in AgencyGroup::"private"')
IMMIGRATION = """permit (
  principal in AgencyGroup::"law_enforcement",
  action == Action::"search",
  resource == Gallery::"US-UT"
)
when {
  context.purpose == "immigration_enforcement" &&
  ["violent_felony", "felony"].contains(context.offence_tier)
};
"""
ENFORCEMENT = {"purpose": "immigration_enforcement"}
JUDGE = {**WARRANT, "type": "judicial_warrant_immigration"}
VICTIM = {"purpose": "identify_victim", "role_sought": "victim"}
NO_OFFENCE = {"statute": "", "tier": "none"}


@dataclass(frozen=True)
class Example:
    """A request and the law it meets: `REQUEST` and Utah's own, but for what is named."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    agency: str = "us-ut-slcpd"
    trained: date | None = date(2026, 6, 1)
    now: datetime = START
    law: tuple[tuple[str, str], ...] = ()
    cedar: str = CEDAR
    gallery: str = "US-UT"
    model: bool = True
    problem: str = ""


@dataclass(frozen=True)
class Case:
    """A guard's requirement, its code, what it lets through, and what it refuses with that code."""

    requirement: str
    code: ErrorCode
    allowed: Example
    refused: Example


def fraud(agency: str, ground: str) -> Example:
    changes = {
        "purpose": "licence_fraud",
        "federal_ground": ground,
        "offence": {"statute": "fraud", "tier": "felony"},
        "beneficiary_agency": "us-ut-dld",
        "suspicion": "reasonable_suspicion",
    }
    return Example(changes, agency=agency, law=(AGENCIES, PRIVATE), cedar=FRAUD)


def probe(kind: str) -> Example:
    return Example({"probe": {**REQUEST["probe"], "kind": kind}})


OF_EVERYBODY: Mapping[str, tuple[Case, ...]] = {
    "training": (
        Case("R-12", ErrorCode.TRAINING_MISSING, Example(), Example(trained=None)),
        Case(
            "R-12",
            ErrorCode.TRAINING_EXPIRED,
            Example(trained=date(2025, 11, 23)),
            Example(trained=date(2025, 11, 22)),
        ),
    ),
    "probe_kind": tuple(
        Case("R-11", ErrorCode.PROBE_KIND_REFUSED, probe("photograph"), probe(one))
        for one in ("sketch", "composite", "lookalike", "generated")
    ),
    "federal_ground": (
        Case(
            "R-3",
            ErrorCode.FEDERAL_GROUND_MISSING,
            Example({"federal_ground": "b4", "instrument": WARRANT}),
            Example({"federal_ground": "b4"}),
        ),
        Case("R-3", ErrorCode.FEDERAL_GROUND_MISSING, Example(), Example({"federal_ground": "b6"})),
        Case("R-3", ErrorCode.FEDERAL_GROUND_MISSING, Example(), Example({"federal_ground": "b9"})),
    ),
    "prohibited_purpose": (
        Case("R-6", ErrorCode.PURPOSE_PROHIBITED, Example(), Example({"offence": NO_OFFENCE})),
        Case(
            "R-6",
            ErrorCode.PURPOSE_PROHIBITED,
            Example({**ENFORCEMENT, "instrument": JUDGE}, cedar=IMMIGRATION),
            Example(
                {
                    **ENFORCEMENT,
                    "instrument": JUDGE,
                    "offence": NO_OFFENCE,
                },
                cedar=IMMIGRATION.replace('["violent_felony", "felony"]', '["none", "felony"]'),
            ),
        ),
    ),
    "role_fits_purpose": (
        Case(
            "R-6",
            ErrorCode.ROLE_SOUGHT_MISMATCH,
            Example({**VICTIM, "offence": NO_OFFENCE, "suspicion": "none"}),
            Example({**VICTIM, "role_sought": "suspect"}),
        ),
        Case(
            "R-7",
            ErrorCode.ROLE_SOUGHT_MISMATCH,
            Example({"purpose": "missing_person", "role_sought": "missing"}),
            Example({"purpose": "missing_person", "role_sought": "deceased"}),
        ),
    ),
    "immigration": (
        Case(
            "R-5",
            ErrorCode.IMMIGRATION_REFUSED,
            Example({**ENFORCEMENT, "instrument": JUDGE}, cedar=IMMIGRATION),
            Example({**ENFORCEMENT, "instrument": WARRANT}, cedar=IMMIGRATION),
        ),
        Case(
            "R-5",
            ErrorCode.IMMIGRATION_REFUSED,
            Example({**ENFORCEMENT, "instrument": JUDGE}, cedar=IMMIGRATION),
            Example({**ENFORCEMENT, "instrument": JUDGE}),
        ),
        *(
            Case(
                "R-5",
                ErrorCode.IMMIGRATION_REFUSED,
                Example({"offence": {"statute": "18 U.S.C. § 1546", "tier": "felony"}}),
                Example({"offence": {"statute": statute, "tier": "felony"}}),
            )
            for statute in (
                "8 U.S.C. § 1326",
                "Title 8, United States Code, section 1325",
                "8USC1325(a)",
                "INA § 275",
                "Immigration and Nationality Act, sec. 276",
                "violation of 8 CFR 214.1",
            )
        ),
    ),
    "instrument_date": (
        Case(
            "R-7",
            ErrorCode.INSTRUMENT_REQUIRED,
            Example({"instrument": {**WARRANT, "date": "2026-11-24"}}),
            Example({"instrument": {**WARRANT, "date": "2026-11-25"}}),
        ),
    ),
}

OF_THE_STATE: Mapping[str, tuple[Case, ...]] = {
    "role_sought": (
        Case(
            "R-7",
            ErrorCode.ROLE_SOUGHT_NOT_PERMITTED,
            Example({"role_sought": "victim"}),
            Example({"role_sought": "witness"}),
        ),
    ),
    "suspicion": (
        Case(
            "R-7",
            ErrorCode.SUSPICION_TOO_LOW,
            Example({"suspicion": "probable_cause"}),
            Example({"suspicion": "none"}),
        ),
    ),
    "instrument": (
        Case(
            "R-7",
            ErrorCode.INSTRUMENT_REQUIRED,
            Example({"instrument": WARRANT}, law=(WARRANT_DEMANDED,)),
            Example(law=(WARRANT_DEMANDED,)),
        ),
    ),
    "ground_fits_agency": (
        Case(
            "R-3",
            ErrorCode.FEDERAL_GROUND_MISSING,
            fraud("us-ut-dld", "b1"),
            fraud("us-ut-dld", "b6"),
        ),
        Case(
            "R-3",
            ErrorCode.FEDERAL_GROUND_MISSING,
            fraud("us-ut-ins", "b6"),
            fraud("us-ut-ins", "b1"),
        ),
        Case(
            "R-3",
            ErrorCode.FEDERAL_GROUND_MISSING,
            fraud("us-ut-bus", "b9"),
            fraud("us-ut-bus", "b6"),
        ),
        Case(
            "R-3",
            ErrorCode.FEDERAL_GROUND_MISSING,
            Example({"federal_ground": "b4", "instrument": WARRANT}),
            dataclasses.replace(
                fraud("us-ut-dld", "b4"),
                changes={**fraud("us-ut-dld", "b4").changes, "instrument": WARRANT},
            ),
        ),
    ),
    "immigration_agency": (
        Case(
            "R-5",
            ErrorCode.IMMIGRATION_REFUSED,
            Example({"beneficiary_agency": "us-fed-x", "instrument": WARRANT}, law=(AGENCIES,)),
            Example({"beneficiary_agency": "us-fed-ice", "instrument": WARRANT}, law=(AGENCIES,)),
        ),
    ),
    "beneficiary": (
        Case(
            "R-4",
            ErrorCode.POLICY_NOT_PERMITTED,
            Example({"beneficiary_agency": "us-ut-dps"}),
            Example({"beneficiary_agency": "us-fed-ice"}),
        ),
    ),
}

OF_THE_POLICY: Mapping[str, tuple[Case, ...]] = {
    "a policy is in force": (
        Case("R-1", ErrorCode.POLICY_MISSING, Example(), Example(gallery="US-CA")),
    ),
    "it can be read": (
        Case("R-1", ErrorCode.POLICY_INVALID, Example(), Example(problem="it is not signed")),
    ),
    "it has begun": (
        Case(
            "R-1",
            ErrorCode.POLICY_NOT_YET_EFFECTIVE,
            Example(now=datetime(2026, 1, 1, 7, 0, tzinfo=UTC), trained=date(2025, 12, 1)),
            Example(now=datetime(2026, 1, 1, 6, 59, 59, tzinfo=UTC), trained=date(2025, 12, 1)),
        ),
    ),
    "it has not run out": (
        Case(
            "R-1",
            ErrorCode.POLICY_EXPIRED,
            Example(now=datetime(2028, 1, 1, 6, 59, 59, tzinfo=UTC), trained=date(2027, 12, 1)),
            Example(now=datetime(2028, 1, 1, 7, 0, tzinfo=UTC), trained=date(2027, 12, 1)),
        ),
    ),
    "the law does not forbid it": (
        Case(
            "R-1",
            ErrorCode.POLICY_FORBIDDEN,
            Example(),
            Example(
                law=(("prohibition: null", "prohibition: {citation: c, summary: it all}"),),
            ),
        ),
    ),
    "no rule forbids it": (
        Case(
            "R-4",
            ErrorCode.POLICY_FORBIDDEN,
            Example({"beneficiary_agency": "us-fed-x", "instrument": WARRANT}, law=(AGENCIES,)),
            Example({"beneficiary_agency": "us-fed-x"}, law=(AGENCIES,)),
        ),
    ),
    "a permit names the agency": (
        Case("R-1", ErrorCode.POLICY_NOT_PERMITTED, Example(), Example(agency="us-nv-lvmpd")),
    ),
    "a permit names the purpose": (
        Case(
            "R-1",
            ErrorCode.POLICY_NOT_PERMITTED,
            Example({"purpose": "missing_person", "role_sought": "missing"}),
            Example({"purpose": "licence_fraud"}),
        ),
    ),
    "a permit names the tier": (
        Case(
            "R-1",
            ErrorCode.POLICY_NOT_PERMITTED,
            Example({"offence": {"statute": "theft", "tier": "felony"}}),
            Example({"offence": {"statute": "theft", "tier": "misdemeanor"}}),
        ),
    ),
    "the tier is the state's": (
        Case(
            "R-7",
            ErrorCode.POLICY_NOT_PERMITTED,
            Example({"offence": {"statute": "Utah Code 76-6-302", "tier": "infraction"}}),
            Example({"offence": {"statute": "Utah Code 76-6-206", "tier": "violent_felony"}}),
        ),
    ),
    "its evaluation does not fail": (
        Case(
            "R-1",
            ErrorCode.POLICY_ERROR,
            Example(),
            Example(
                cedar=CEDAR
                + "\nforbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };\n"
            ),
        ),
    ),
    "the gallery has a model": (
        Case("R-38", ErrorCode.MODEL_UNKNOWN, Example(), Example(model=False)),
    ),
    "the state permits emergencies": (
        Case(
            "R-10",
            ErrorCode.EMERGENCY_NOT_PERMITTED,
            Example({"emergency": EMERGENCY}, law=(WARRANT_DEMANDED, EMERGENCY_PERMITTED)),
            Example({"emergency": EMERGENCY}, law=(WARRANT_DEMANDED,)),
        ),
    ),
}
EVALUATED = {**OF_EVERYBODY, **OF_THE_STATE, **OF_THE_POLICY}
EACH = [
    pytest.param(case, id=f"{name}-{number}")
    for name, cases in EVALUATED.items()
    for number, case in enumerate(cases)
]


def said(example: Example) -> Verdict:
    """What the gallery says to the example."""
    state = read_policy(example.cedar.encode(), utah(*example.law).encode(), "US-UT")
    policy = PolicyInForce("US-UT", 1, "d", None if example.problem else state, example.problem)
    shelf = PolicyShelf(1, {"US-UT": policy}, {"US-UT": MODEL} if example.model else {})
    claims = Claims(
        subject="account",
        person="olsen",
        agency=example.agency,
        roles=frozenset({Role.REQUESTER}),
        expires_at=example.now,
        token_id="t",
        training_completed=example.trained,
    )
    request = parse_request({**REQUEST, **example.changes, "galleries": [example.gallery]})
    return evaluate(Asked(request, claims, example.now), shelf)[0]


@pytest.mark.parametrize("case", EACH)
def test_each_guard_lets_its_example_through(case: Case) -> None:
    assert said(case.allowed).reasons == ()


@pytest.mark.parametrize("case", EACH)
def test_each_guard_refuses_its_other_example(case: Case) -> None:
    found = said(case.refused).reasons
    assert case.code in [reason.code for reason in found], found
    assert all(reason.message for reason in found)


# What is counted inside the transaction: one more than is allowed.
COUNTED: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "per_person_per_day": ({"person": "diaz"}, {}),
    "per_agency_per_day": ({"agency": "us-ut-dps"}, {"person": "diaz"}),
    "per_gallery_per_day": ({"after_days": 1}, {"agency": "us-ut-dps"}),
    "per_case": ({"case_number": "another"}, {"person": "diaz"}),
    "per_probe": ({"probe": "ab" * 32}, {"case_number": "another"}),
}


@pytest.mark.parametrize("quota", COUNTED)
def test_each_quota_lets_one_through_and_refuses_the_next(
    audit: AuditForTest, clock: SetClock, quota: str
) -> None:
    """R-9."""
    line = next(one for one in utah().splitlines() if one.strip().startswith(f"{quota}:"))
    put_in_force(audit, utah((line, f"  {quota}: 1")))
    allowed, refused = ({**one} for one in COUNTED[quota])
    assert _asked(audit, clock, {}).granted
    verdict = _asked(audit, clock, refused).galleries[0]
    assert [code for code, _ in verdict.reasons] == [ErrorCode.QUOTA_EXHAUSTED]
    assert _asked(audit, clock, allowed).granted


def _asked(audit: AuditForTest, clock: SetClock, changes: dict[str, Any]) -> Any:
    clock.pass_(days=changes.pop("after_days", 0))
    person = changes.pop("person", "olsen")
    agency = changes.pop("agency", "us-ut-slcpd")
    token = audit.token(person, Role.REQUESTER, agency=agency)
    return audit.authorize(token=token, **changes)


def test_a_suspension_refuses_an_emergency_and_nothing_else(
    audit: AuditForTest, clock: SetClock
) -> None:
    """R-10."""
    permit_emergencies(audit)
    assert audit.authorize(emergency=EMERGENCY).granted
    clock.pass_(hours=48)
    verdict = audit.authorize(emergency=EMERGENCY, case_number="b").galleries[0]
    assert [code for code, _ in verdict.reasons] == [ErrorCode.EMERGENCY_SUSPENDED]
    assert audit.authorize(instrument=WARRANT, case_number="c").granted


# No guard without an example.


def test_no_guard_lacks_an_example() -> None:
    assert set(OF_EVERYBODY) == {guard.__name__ for guard in guards.REQUEST_GUARDS}
    assert set(OF_THE_STATE) == {guard.__name__ for guard in guards_state.STATE_GUARDS}
    assert set(COUNTED) == {one.name for one in dataclasses.fields(Quotas)}


def test_no_code_of_the_law_lacks_an_example() -> None:
    codes = list(ErrorCode)
    first, last = codes.index(ErrorCode.POLICY_MISSING), codes.index(ErrorCode.QUOTA_EXHAUSTED)
    law = {*codes[first : last + 1], ErrorCode.TRAINING_MISSING, ErrorCode.TRAINING_EXPIRED}
    counted = {ErrorCode.QUOTA_EXHAUSTED, ErrorCode.EMERGENCY_SUSPENDED}
    shown = {case.code for cases in EVALUATED.values() for case in cases}
    assert law - counted == shown - {ErrorCode.MODEL_UNKNOWN}


def test_no_requirement_on_requests_lacks_an_example() -> None:
    """R-2 is told by the policy's form, R-8 by what the interfaces do not have."""
    shown = {case.requirement for cases in EVALUATED.values() for case in cases} | {"R-9"}
    assert shown >= {f"R-{n}" for n in (1, 3, 4, 5, 6, 7, 9, 10, 11, 12)}


def test_every_purpose_says_whom_it_is_after() -> None:
    """R-6, R-7: a purpose added to the vocabulary without this would let everybody through."""
    assert set(guards._SOUGHT) == set(Purpose)
    assert all(guards._SOUGHT.values())


def test_what_a_state_permits_lifts_no_rule_above_it() -> None:
    """R-3, R-5, R-6, R-11, R-12 under a policy that permits its police everything."""
    wide = CEDAR.split('@id("utah-people')[0]
    for narrow, everything in (
        (
            'context.purpose == "criminal_investigation"',
            f"[{_all(Purpose)}].contains(context.purpose)",
        ),
        ('["violent_felony", "felony"]', f"[{_all(OffenceTier)}]"),
        ('["reasonable_suspicion", "probable_cause"]', f"[{_all(Suspicion)}]"),
    ):
        assert narrow in wide
        wide = wide.replace(narrow, everything)
    roles = utah().split("roles_sought: ")[1].split("\n")[0]
    law = (AGENCIES, (roles, f"[{', '.join(RoleSought)}]"))
    tried = 0
    for case in (one for cases in OF_EVERYBODY.values() for one in cases):
        example = dataclasses.replace(case.refused, cedar=wide, law=law)
        if example.changes.get("instrument") == JUDGE and "offence" not in example.changes:
            continue  # the judge has signed, and this policy permits what a judge has signed
        assert case.code in [reason.code for reason in said(example).reasons], case
        tried += 1
    assert tried > 15


def _all(vocabulary: type[StrEnum]) -> str:
    return ", ".join(f'"{word}"' for word in vocabulary)
