"""R-1, R-2: what the authors of a policy are told that it lacks, word for word, gravest first."""

from datetime import datetime, timedelta
from functools import cache

import pytest

from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.shortcomings import EXPIRY_NEAR, LONG_TERM, shortcomings
from tests.builders.audit import START
from tests.builders.policies import UTAH_CEDAR, UTAH_YAML, example, utah

Change = tuple[str, str]
REVIEWED = ("legal_review: required", "legal_review: done by counsel")
VOTED = ("legislature_voted: true", "legislature_voted: false")
NOTICE = "A notice is given at every licence office that a photo may be compared."
NO_STATUTES = (
    UTAH_YAML[UTAH_YAML.index("statutes:\n") : UTAH_YAML.index("quotas:\n")],
    "statutes: {}\n",
)
SUMMARY = UTAH_YAML[UTAH_YAML.index("  summary: >-") : UTAH_YAML.index("notice_to_drivers")]
ROLES = "roles_sought: [suspect, victim, missing, deceased, unidentified]"
EXPIRES = "expires: 2028-01-01T00:00:00-07:00"
OTHERS = """
@id("others")
permit (
  principal in AgencyGroup::"law_enforcement",
  action == Action::"search",
  resource == Gallery::"US-UT"
)
when {
  ["identify_witness", "immigration_enforcement"].contains(context.purpose) &&
  ["felony"].contains(context.offence_tier)
};
"""
LAWLESS = 'forbid (principal, action, resource) when { context.purpose == "licence_fraud" };\n'


@cache
def law(*changes: Change, cedar: str = UTAH_CEDAR) -> StatePolicy:
    """Utah's law, reviewed, with each text replaced."""
    yaml = UTAH_YAML
    for old, new in (REVIEWED, *changes):
        assert old in yaml, old
        yaml = yaml.replace(old, new)
    return utah(cedar=cedar, yaml=yaml)


def told(state: StatePolicy, now: datetime = START) -> list[tuple[str, str]]:
    return [(one.what, one.message) for one in shortcomings(state, now)]


def test_a_whole_policy_lacks_nothing() -> None:
    assert told(law()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [("name: Utah\n", "name: TO BE FILLED IN\n")],
            [("unfilled", "name is still to be filled in")],
        ),
        (
            [("citation: Utah Code 77-23e", "citation: (TO BE FILLED IN)")],
            [("unfilled", "instrument.citation is still to be filled in")],
        ),
        (
            [(SUMMARY, "  summary: TO BE FILLED IN\n")],
            [("unfilled", "instrument.summary is still to be filled in")],
        ),
        (
            [(NOTICE, "TO BE FILLED IN")],
            [("unfilled", "notice_to_drivers is still to be filled in")],
        ),
        ([VOTED], [("vote", "the legislature has not voted on what it permits")]),
        ([(NOTICE, "None is given.")], [("notice", "drivers have not been told")]),
        ([(NOTICE, "NO NOTICE is given.")], [("notice", "drivers have not been told")]),
        ([(NOTICE, "One is given. None is needed.")], []),
        (
            [NO_STATUTES],
            [("statutes", "it lists no statutes: an offence has the tier it is declared")],
        ),
        (
            [("  law_enforcement: [", "  courts: [us-ut-dld]\n  law_enforcement: [")],
            [],
        ),
        (
            [
                (
                    "  law_enforcement: [",
                    "  zone: [us-ut-dld, us-ut-dps]\n  area: [us-md-msp, us-ut-dld]\n"
                    "  law_enforcement: [",
                )
            ],
            [("groups", "no permit reaches the group area, zone")],
        ),
        *(
            (
                [(f"{name}: ", f"{name}: 0 # ")],
                [("quotas", "a quota is 0: every search is refused")],
            )
            for name in (
                "per_person_per_day",
                "per_agency_per_day",
                "per_gallery_per_day",
                "per_case",
                "per_probe",
            )
        ),
        *(
            ([(f"{name}: ", f"{name}: 1 # ")], [])
            for name in ("per_person_per_day", "per_case", "per_probe")
        ),
    ],
)
def test_what_a_policy_lacks_is_told(
    changes: list[Change], expected: list[tuple[str, str]]
) -> None:
    assert told(law(*changes)) == expected


def test_no_review_is_told_before_all_but_what_is_unfilled() -> None:
    state = utah(yaml=UTAH_YAML.replace("name: Utah\n", "name: TO BE FILLED IN\n", 1))
    assert told(state) == [
        ("unfilled", "name is still to be filled in"),
        ("legal_review", "no lawyer of the state has reviewed it (legal_review)"),
    ]


def test_the_gravest_comes_first() -> None:
    quota = ("per_case: 10", "per_case: 0")
    found = told(
        law(VOTED, (NOTICE, "None, TO BE FILLED IN"), quota, NO_STATUTES), law().authority.expires
    )
    assert [what for what, _ in found] == [
        "unfilled",
        "vote",
        "notice",
        "expired",
        "statutes",
        "quotas",
    ]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (
            "suspect, victim, deceased, unidentified",
            "utah-people-in-danger-or-unknown permits missing person, but a missing may not be "
            "sought (roles_sought)",
        ),
        (
            "suspect, victim, missing, unidentified",
            "utah-people-in-danger-or-unknown permits deceased identification, but a deceased may "
            "not be sought (roles_sought)",
        ),
        (
            "suspect, victim, missing, deceased",
            "utah-people-in-danger-or-unknown permits unidentified person, but a unidentified may "
            "not be sought (roles_sought)",
        ),
        (
            "suspect, missing, deceased, unidentified",
            "utah-people-in-danger-or-unknown permits identify victim, but a victim may not be "
            "sought (roles_sought)",
        ),
    ],
)
def test_a_purpose_whose_role_may_not_be_sought(roles: str, expected: str) -> None:
    """R-7."""
    assert told(law((ROLES, f"roles_sought: [{roles}]"))) == [("roles_sought", expected)]


def test_a_suspect_is_no_purposes_only_role() -> None:
    """R-7."""
    roles = "roles_sought: [victim, missing, deceased, unidentified]"
    assert told(law((ROLES, roles))) == []


def test_where_nobody_may_be_sought() -> None:
    """R-7: said once for all of it, then for each purpose in the order of its words."""
    found = told(law((ROLES, "roles_sought: []")))
    assert found[0] == ("roles_sought", "nobody may be sought, so no permit can be used")
    assert [message.partition(",")[0].rpartition(" permits ")[2] for _, message in found[1:]] == [
        "deceased identification",
        "identify victim",
        "missing person",
        "unidentified person",
    ]


def test_immigration_enforcement_wants_an_instrument_of_its_own() -> None:
    """R-5; and a witness that may not be sought is told beside it, in the order of the words."""
    immigration = (
        "immigration",
        "others permits immigration enforcement and demands no instrument of its own; a judge's "
        "warrant is demanded everywhere",
    )
    witness = (
        "roles_sought",
        "others permits identify witness, but a witness may not be sought (roles_sought)",
    )
    assert told(law(cedar=UTAH_CEDAR + OTHERS)) == [witness, immigration]
    demanded = (
        "instruments_required: {}",
        "instruments_required: {immigration_enforcement: [judicial_warrant_immigration]}",
    )
    assert told(law(demanded, cedar=UTAH_CEDAR + OTHERS)) == [witness]
    elsewhere = (demanded[0], "instruments_required: {criminal_investigation: [search_warrant]}")
    assert told(law(elsewhere, cedar=UTAH_CEDAR + OTHERS)) == [witness, immigration]


def test_what_permits_nothing_needs_no_vote_and_no_notice() -> None:
    """R-2."""
    silent = (NOTICE, "None is given.")
    zero = ("per_case: 10", "per_case: 0")
    assert told(law(VOTED, silent, zero, NO_STATUTES, cedar=LAWLESS)) == []
    assert told(law(("type: statute", "type: none"), VOTED, cedar=LAWLESS)) == [
        ("instrument", "it rests on no statute and no agreement: it cannot permit")
    ]
    assert told(example("US-VT")) == [
        ("legal_review", "no lawyer of the state has reviewed it (legal_review)")
    ]


SECOND = timedelta(seconds=1)


def test_when_a_policy_runs_out() -> None:
    """R-1: on the day, within ninety days of it, and not before."""
    state = law()
    ends = state.authority.expires
    assert timedelta(days=90) == EXPIRY_NEAR
    ran_out = [("expired", "it ran out on 1 January 2028: every request is refused")]
    assert told(state, ends) == ran_out
    assert told(state, ends + timedelta(days=400)) == ran_out
    last = "it runs out on 1 January 2028, in {} days; then every request is refused"
    assert told(state, ends - SECOND) == [("expiry_near", last.format(0))]
    assert told(state, ends - EXPIRY_NEAR) == [("expiry_near", last.format(90))]
    assert told(state, ends - EXPIRY_NEAR - SECOND) == []


def test_when_a_policy_begins() -> None:
    """R-1."""
    state = law()
    begins = state.authority.effective
    early = [("not_yet", "it takes effect on 1 January 2026, not before")]
    assert told(state, begins - SECOND) == early
    assert told(state, begins) == []


def test_a_policy_that_nobody_looks_at_for_five_years() -> None:
    long_term = [("long_term", "it lasts more than five years without being looked at")]
    assert timedelta(days=1830) == LONG_TERM
    just = law((EXPIRES, "expires: 2031-01-05T00:00:00-07:00"))
    assert just.authority.expires - just.authority.effective == LONG_TERM
    assert told(just) == []
    longer = law((EXPIRES, "expires: 2031-01-05T00:00:01-07:00"))
    assert told(longer) == long_term
