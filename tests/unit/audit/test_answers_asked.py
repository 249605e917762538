"""R-1, R-3, R-5, R-7: what a small policy answers, case by case, and what changed between two."""

from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from onrecord.audit.core.answer_rows import Row
from onrecord.audit.core.answers import ANY, UNLISTED, Case, answers, space_of
from onrecord.audit.core.comparing import Difference, Term, compare
from onrecord.audit.core.policy import StatePolicy
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import InstrumentType, OffenceTier, Purpose, RoleSought, Suspicion
from tests.builders.policies import UTAH_YAML, example, utah

LISTED = ("us-ut-slcpd", "us-ut-dps", "us-ut-dld", "us-md-msp", UNLISTED)
HELD = {
    "purpose": ["criminal_investigation"],
    "offence_tier": ["felony"],
    "role_sought": ["suspect"],
    "suspicion": ["probable_cause"],
    "instrument": ["court_order"],
}
CASE = Case(
    agency="us-ut-slcpd",
    beneficiary="us-ut-slcpd",
    purpose="criminal_investigation",
    tier="felony",
    role="suspect",
    suspicion="probable_cause",
    instrument="court_order",
    ground=ANY,
    source=ANY,
)


def permit(principal: str = 'principal == Agency::"us-ut-slcpd"', **words: list[str] | None) -> str:
    """A permit held to one word of nearly everything; `words` replace some, None frees one."""
    held = {name: taken for name, taken in {**HELD, **words}.items() if taken is not None}
    conditions = " && ".join(
        "[{}].contains(context.{})".format(", ".join(f'"{one}"' for one in taken), name)
        for name, taken in held.items()
    )
    return (
        f'permit ({principal}, action == Action::"search", resource == Gallery::"US-UT") '
        f"when {{ {conditions} }};\n"
    )


@cache
def law(cedar: str, *changes: tuple[str, str]) -> StatePolicy:
    yaml = UTAH_YAML
    for old, new in changes:
        assert old in yaml, old
        yaml = yaml.replace(old, new)
    return utah(cedar=cedar, yaml=yaml)


def granted(state: StatePolicy) -> set[Case]:
    """The cases, with every agency and beneficiary that the one named stands for."""
    space = space_of(state)
    return {
        case._replace(agency=agency, beneficiary=beneficiary)
        for case in answers(state, space)
        for agency in space.agencies[case.agency]
        for beneficiary in space.beneficiaries[case.beneficiary]
    }


def expected(**words: tuple[str, ...]) -> set[Case]:
    axes: dict[str, tuple[str, ...]] = {name: (word,) for name, word in CASE._asdict().items()}
    axes["beneficiary"] = LISTED[:-1]
    return {Case(*values) for values in product(*(axes | words).values())}


def test_a_permit_of_one_case_grants_it_for_every_agency_that_is_listed() -> None:
    """R-4: for nobody else."""
    assert granted(law(permit())) == expected()
    assert granted(law("forbid (principal, action, resource);")) == set()


def test_what_a_permit_leaves_open_is_asked() -> None:
    """R-1, R-7."""
    assert granted(law(permit(suspicion=None))) == expected(
        suspicion=("reasonable_suspicion", "probable_cause")
    ), "the state's own minimum refuses the rest"
    assert granted(law(permit(role_sought=None))) == expected(role=("suspect", "victim"))
    assert granted(law(permit(instrument=None))) == expected(instrument=tuple(InstrumentType))
    missing = permit(
        purpose=["missing_person", "criminal_investigation"],
        offence_tier=["none", "felony"],
        role_sought=["missing", "suspect"],
        suspicion=None,
    )
    assert granted(law(missing)) == expected(
        suspicion=("reasonable_suspicion", "probable_cause")
    ) | expected(
        purpose=("missing_person",),
        tier=("none", "felony"),
        role=("missing",),
        suspicion=tuple(Suspicion),
    ), "a criminal investigation must name an offence"


def test_what_a_table_of_statutes_lists_changes_nothing_for_other_offences() -> None:
    """R-1, R-7: whatever a table lists, an offence beside it has the tier it is declared with."""
    listed = ("statutes:\n", 'statutes:\n  "-": infraction\n  "--": none\n')
    assert granted(law(permit(), listed)) == expected()
    none = permit(purpose=["missing_person"], offence_tier=["none"], role_sought=["missing"])
    assert granted(law(none, listed)) == expected(
        purpose=("missing_person",), tier=("none",), role=("missing",)
    )


def test_each_permit_is_asked_with_its_own_words() -> None:
    """R-1: two permits do not lend one another an agency or a word."""
    two = permit() + permit('principal == Agency::"us-ut-dps"', role_sought=["victim"])
    assert granted(law(two)) == expected() | expected(agency=("us-ut-dps",), role=("victim",))
    group = permit('principal in AgencyGroup::"law_enforcement"')
    assert granted(law(group)) == expected(agency=("us-ut-slcpd", "us-ut-dps", "us-md-msp"))


def test_what_a_forbid_takes_away_is_not_granted() -> None:
    """Law 5."""
    warrant = 'unless { context.instrument == "court_order" };'
    forbid = (
        f'forbid (principal, action, resource) when {{ context.role_sought == "victim" }} {warrant}'
    )
    found = granted(law(permit(role_sought=None, instrument=None) + forbid))
    assert found == expected(instrument=tuple(InstrumentType)) | expected(
        role=("victim",), instrument=("court_order",)
    )


def test_grounds_and_sources_are_asked_where_a_policy_speaks_of_them() -> None:
    """R-3."""
    grounds = permit(federal_ground=["b1", "b4", "b6"], probe_source=["other", "body_camera"])
    assert granted(law(grounds)) == expected(
        ground=("b1", "b4"), source=("other", "body_camera")
    ), "insurers' ground is not the police's"
    forbidden = permit() + (
        'forbid (principal, action, resource) when { context.federal_ground == "b1" };'
        'forbid (principal, action, resource) when { context.probe_source != "other" };'
    )
    assert granted(law(forbidden)) == expected(ground=("b4",), source=("other",))


INSURERS = (
    "\ngroups:",
    "\n  us-ut-ins: {name: Insurers, level: state, kind: insurance, jurisdiction: US-UT}\ngroups:",
)


def test_where_no_ground_is_an_agencys_nothing_is_granted() -> None:
    """R-3: an insurer has no ground for a criminal investigation, and one for fraud."""
    crime = permit('principal == Agency::"us-ut-ins"')
    assert granted(law(crime, INSURERS)) == set()
    fraud = permit('principal == Agency::"us-ut-ins"', purpose=["licence_fraud"])
    found = granted(law(fraud, INSURERS))
    assert found == expected(
        agency=("us-ut-ins",),
        purpose=("licence_fraud",),
        beneficiary=(*LISTED[:-1], "us-ut-ins"),
    )


MANY = (
    "\ngroups:",
    "".join(
        f"\n  us-ut-{name}: {{name: X, level: {level}, kind: {kind}, jurisdiction: {place}}}"
        for name, level, kind, place in (
            ("one", "local", "police", "US-UT"),
            ("two", "local", "police", "US-UT"),
            ("grouped", "local", "police", "US-UT"),
            ("level", "state", "police", "US-UT"),
            ("kind", "local", "court", "US-UT"),
            ("place", "local", "police", "US-NV"),
        )
    )
    + "\ngroups:\n  few: [us-ut-grouped]",
)


def test_who_is_alike_and_who_is_not() -> None:
    """R-4: agencies are asked together only where no policy could tell them apart."""
    state = law(permit('principal in AgencyGroup::"law_enforcement"'), MANY)
    space = space_of(state)
    assert space.agencies == {
        "us-md-msp": {"us-md-msp"},
        "us-ut-dld": {"us-ut-dld"},
        "us-ut-dps": {"us-ut-dps"},
        "us-ut-grouped": {"us-ut-grouped"},
        "us-ut-kind": {"us-ut-kind"},
        "us-ut-level": {"us-ut-level"},
        "us-ut-one": {"us-ut-one", "us-ut-two"},
        "us-ut-place": {"us-ut-place"},
        "us-ut-slcpd": {"us-ut-slcpd"},
    }
    assert space.beneficiaries == {
        "us-md-msp": {"us-md-msp"},
        "us-ut-dld": {"us-ut-dld"},
        "us-ut-dps": {"us-ut-dps", "us-ut-level"},
        "us-ut-grouped": {"us-ut-grouped", "us-ut-one", "us-ut-two", "us-ut-slcpd"},
        "us-ut-kind": {"us-ut-kind"},
        "us-ut-place": {"us-ut-place"},
        UNLISTED: {UNLISTED},
    }
    named = law(permit('principal == Agency::"us-ut-two"'), MANY)
    assert space_of(named).agencies["us-ut-one"] == {"us-ut-one"}
    assert space_of(state, named).agencies["us-ut-one"] == {"us-ut-one"}
    assert space_of(named, state).agencies == space_of(state, named).agencies
    by_name = law(
        permit()
        + 'forbid (principal, action, resource) when { context.beneficiary_agency == "us-nv-x" };',
        MANY,
    )
    alone = {name: {name} for name in [*by_name.authority.agencies, UNLISTED]}
    assert space_of(by_name).beneficiaries == alone


def test_an_agency_that_only_one_of_two_lists_stands_alone() -> None:
    """R-4."""
    old, new = law(permit(), MANY), law(permit())
    assert set(space_of(old, new).agencies) > {"us-ut-one", "us-ut-place"}
    assert space_of(old, new).beneficiaries == space_of(new, old).beneficiaries
    assert space_of(new, old).grounds == space_of(new, old).sources == (ANY,)
    spoken = law(permit(federal_ground=["b1"]))
    assert space_of(new, spoken).grounds == ("b1", "b4", "b6", "b9")
    assert space_of(spoken, new).sources == (ANY,)


# Two policies.

ROW = Row(
    agencies=("us-ut-slcpd",),
    beneficiaries=("us-md-msp", "us-ut-dld", "us-ut-dps", "us-ut-slcpd"),
    purposes=(Purpose.CRIMINAL_INVESTIGATION,),
    tiers=(OffenceTier.FELONY,),
    roles=(RoleSought.SUSPECT,),
    suspicion=(Suspicion.PROBABLE_CAUSE,),
    instruments=(InstrumentType.COURT_ORDER,),
    grounds=(),
    sources=(),
)
NOTHING = Difference((), (), 0, 0, 0, ())


def test_what_a_new_policy_gains_and_loses_is_counted() -> None:
    """R-1."""
    old = law(permit(role_sought=["suspect", "victim"]))
    new = law(permit(suspicion=["probable_cause", "reasonable_suspicion"]))
    found = compare(old, new)
    assert found == Difference(
        gained=(replace(ROW, suspicion=(Suspicion.REASONABLE_SUSPICION,)),),
        lost=(replace(ROW, roles=(RoleSought.VICTIM,)),),
        cases_gained=4,
        cases_lost=4,
        cases_kept=4,
        terms=(),
    )
    assert not found.empty
    back = compare(new, old)
    assert (back.gained, back.lost) == (found.lost, found.gained)


def test_an_agency_that_only_one_of_two_policies_lists_is_compared() -> None:
    """R-4: what the old policy allowed it is lost, and what a new one allows it is gained."""
    insurers = 'principal == Agency::"us-ut-ins"'
    fraud = permit(insurers, purpose=["licence_fraud"])
    both, without = law(permit() + fraud, INSURERS), law(permit())
    found = compare(both, without)
    assert found.lost == (
        replace(ROW, beneficiaries=("us-ut-ins",)),
        replace(
            ROW,
            agencies=("us-ut-ins",),
            beneficiaries=("us-md-msp", "us-ut-dld", "us-ut-dps", "us-ut-ins", "us-ut-slcpd"),
            purposes=(Purpose.LICENCE_FRAUD,),
        ),
    )
    assert (found.cases_gained, found.cases_lost, found.cases_kept) == (0, 6, 4)
    back = compare(without, both)
    assert (back.gained, back.lost, back.cases_gained) == (found.lost, (), 6)


@pytest.mark.parametrize(
    ("what", "empty"),
    [
        (NOTHING, True),
        (replace(NOTHING, cases_kept=5), True),
        (replace(NOTHING, gained=(ROW,)), False),
        (replace(NOTHING, lost=(ROW,)), False),
        (replace(NOTHING, terms=(Term("list size", "1", "2"),)), False),
    ],
)
def test_where_a_difference_is_none(what: Difference, empty: bool) -> None:
    assert what.empty is empty


CHANGED = [
    ("  type: statute", "  type: agreement"),
    ("citation: Utah Code 77-23e", "citation: A-1"),
    ("legislature_voted: true", "legislature_voted: false"),
    ("notice_to_drivers: A notice is given at every licence office", "notice_to_drivers: By post"),
    ("effective: 2026-01-01T00", "effective: 2026-02-01T00"),
    ("expires: 2028-01-01T00", "expires: 2028-02-01T00"),
    ("legal_review: required", "legal_review: done"),
    ("prohibition: null", "prohibition: {citation: 2 X, summary: all}"),
    ("list_size: 30", "list_size: 31"),
    ("grant_minutes: 5", "grant_minutes: 4"),
    ("no_lead_days: 0", "no_lead_days: 1"),
    ("lead_years: 5", "lead_years: 6"),
    ("embargo_days: 90", "embargo_days: 91"),
    ("per_person_per_day: 20", "per_person_per_day: 21"),
    ("per_agency_per_day: 200", "per_agency_per_day: 201"),
    ("per_gallery_per_day: 2000", "per_gallery_per_day: 2001"),
    ("per_case: 10", "per_case: 11"),
    ("per_probe: 3", "per_probe: 4"),
    ("  Utah Code 76-6-302: violent_felony\n", ""),
    ("  Utah Code 76-6-202: felony\n", "  Utah Code 76-6-202: none\n  Nevada 1: felony\n"),
]


def test_every_term_beside_the_answers_is_compared() -> None:
    """R-2, R-7, R-9, R-29: in one order, and each by its name."""
    shut = "forbid (principal, action, resource);"
    terms = [
        Term("instrument", "statute: Utah Code 77-23e", "agreement: A-1"),
        Term("voted by the legislature", "yes", "no"),
        Term(
            "notice to drivers",
            "A notice is given at every licence office that a photo may be compared.",
            "By post that a photo may be compared.",
        ),
        Term("effective", "2026-01-01T00:00:00-07:00", "2026-02-01T00:00:00-07:00"),
        Term("expires", "2028-01-01T00:00:00-07:00", "2028-02-01T00:00:00-07:00"),
        Term("legal review", "required", "done"),
        Term("prohibition", "none", "2 X"),
        Term("list size", "30", "31"),
        Term("grant minutes", "5", "4"),
        Term("days kept without a lead", "0", "1"),
        Term("years kept with a lead", "5", "6"),
        Term("embargo days", "90", "91"),
        Term("per person per day", "20", "21"),
        Term("per agency per day", "200", "201"),
        Term("per gallery per day", "2000", "2001"),
        Term("per case", "10", "11"),
        Term("per probe", "3", "4"),
        Term("tier of utahcode76-6-302", "violent_felony", "-"),
        Term("tier of utahcode76-6-202", "felony", "none"),
    ]
    found = compare(law(shut), law(shut, *CHANGED))
    added = Term("tier of nevada1", "-", "felony")
    assert found == replace(NOTHING, terms=(*terms, added))
    back = compare(law(shut, *CHANGED), law(shut))
    assert {(one.name, one.new, one.old) for one in back.terms} == {
        (one.name, one.old, one.new) for one in (*terms, added)
    }
    assert compare(law(shut), law(shut)) == NOTHING


def test_policies_of_two_states_are_not_compared() -> None:
    with pytest.raises(OnRecordError) as caught:
        compare(example("US-UT"), example("US-VT"))
    assert caught.value.code is ErrorCode.POLICY_INVALID
    assert caught.value.message == "these are policies of two states, US-UT and US-VT"
