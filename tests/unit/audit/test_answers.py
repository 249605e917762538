"""Who may ask what: the enumeration says what the evaluation says, and says it compactly (R-1)."""

import random
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.audit.core.answer_rows import instrument_needed, rows, suspicion_needed
from onrecord.audit.core.answers import ANY, UNLISTED, Case, answers, space_of
from onrecord.audit.core.boxes import boxes
from onrecord.audit.core.cedar_schema import WORDS
from onrecord.audit.core.comparing import compare
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import Purpose, Role
from tests.builders.audit import MODEL, POLICIES, REQUEST
from tests.builders.policies import UTAH_CEDAR, UTAH_YAML, example, replaced, utah

FEDERAL = replaced(
    UTAH_YAML,
    "  us-md-msp:\n",
    "  us-fbi:\n    {name: FBI, level: federal, kind: police, jurisdiction: US-DC}\n  us-md-msp:\n",
)
ODD = """
@id("odd")
permit (principal == Agency::"us-ut-dps", action == Action::"search", resource == Gallery::"US-UT")
when {
  ["criminal_investigation", "missing_person", "licence_fraud"].contains(context.purpose) &&
  ["violent_felony", "none", "felony"].contains(context.offence_tier) &&
  ["surveillance_still", "body_camera"].contains(context.probe_source) &&
  ["b1", "b4"].contains(context.federal_ground)
};
@id("not-for-two-at-once")
@summary("some")
forbid (principal, action, resource)
when { context.instrument == "court_order" && context.suspicion == "none" }
unless { context.beneficiary_agency == "us-ut-slcpd" || principal == Agency::"us-ut-dld" };
"""


def asked_directly(state: StatePolicy, case: Case) -> bool:
    """The case as an investigator would send it, put to the evaluation."""
    now = state.authority.effective + timedelta(hours=1)
    sent = {
        **REQUEST,
        "purpose": case.purpose,
        "role_sought": case.role,
        "offence": {"statute": "" if case.tier == "none" else "Nowhere 1", "tier": case.tier},
        "suspicion": case.suspicion,
        "federal_ground": case.ground,
        "beneficiary_agency": case.beneficiary,
        "instrument": {"type": "none"}
        if case.instrument == "none"
        else {"type": case.instrument, "issuer": "a", "number": "1", "date": f"{now:%Y-%m-%d}"},
        "probe": {**REQUEST["probe"], "source": case.source, "captured_at": now.isoformat()},
    }
    claims = Claims(
        "s", "p", case.agency, frozenset({Role.REQUESTER}), now, "t", training_completed=now.date()
    )
    gallery = state.authority.jurisdiction
    request = replace(parse_request(sent), galleries=(gallery,))
    shelf = PolicyShelf(1, {gallery: PolicyInForce(gallery, 1, "d", state)}, {gallery: MODEL})
    (verdict,) = evaluate(Asked(request, claims, now), shelf)
    return verdict.granted


@pytest.mark.parametrize(
    "state",
    [example("US-UT"), example("US-MD"), example("US-VT"), utah(yaml=FEDERAL), utah(cedar=ODD)],
    ids=["utah", "maryland", "vermont", "federal", "odd"],
)
def test_the_answers_are_the_evaluations(state: StatePolicy) -> None:
    """R-1: `who` says yes exactly where a request would be granted, in hundreds of random cases."""
    space = space_of(state)
    granted = answers(state, space)
    one_for = {name: one for one, names in space.beneficiaries.items() for name in names}
    who_for = {name: one for one, names in space.agencies.items() for name in names}
    choose = random.Random(7)  # noqa: S311 - which cases are tried
    agencies = [*state.authority.agencies, UNLISTED]
    seen = {True: 0, False: 0}
    near = [permit.conditions for permit in state.text.permits]
    for _ in range(400):
        held = choose.choice(near) if near and choose.random() < 0.8 else {}
        word = {
            name: choose.choice(sorted(held.get(name, WORDS[name] or ())))
            for name in WORDS
            if WORDS[name]
        }
        case = Case(
            choose.choice(agencies),
            choose.choice(agencies),
            word["purpose"],
            word["offence_tier"],
            word["role_sought"],
            word["suspicion"],
            word["instrument"],
            "b1" if space.grounds == (ANY,) else word["federal_ground"],
            word["probe_source"],
        )
        told = case._replace(
            agency=who_for.get(case.agency, UNLISTED),
            beneficiary=one_for[case.beneficiary],
            ground=ANY if space.grounds == (ANY,) else case.ground,
            source=ANY if space.sources == (ANY,) else case.source,
        )
        assert (told in granted) == asked_directly(state, case), case
        seen[told in granted] += 1
    assert seen[True] > 10 or not granted
    assert seen[False] > 20


def test_agencies_that_no_policy_tells_apart_are_asked_once() -> None:
    space = space_of(utah())
    assert any(len(alike) > 0 for alike in space.agencies.values())
    assert sorted(name for alike in space.agencies.values() for name in alike) == sorted(
        utah().authority.agencies
    )
    twin = replaced(
        UTAH_YAML,
        "  us-ut-dps:\n",
        "  us-ut-wvc:\n    {name: W, level: local, kind: police, jurisdiction: US-UT}\n"
        "  us-ut-dps:\n",
    ).replace("law_enforcement: [", "law_enforcement: [us-ut-wvc, ")
    alike = space_of(utah(yaml=twin)).agencies
    assert frozenset({"us-ut-slcpd", "us-ut-wvc"}) in alike.values()
    named = replaced(
        UTAH_CEDAR, 'principal == Agency::"us-ut-dld"', 'principal == Agency::"us-ut-wvc"'
    )
    apart = space_of(utah(cedar=named, yaml=twin)).agencies
    assert frozenset({"us-ut-slcpd"}) in apart.values()
    outside = twin.replace("law_enforcement: [us-ut-wvc, ", "law_enforcement: [")
    assert frozenset({"us-ut-slcpd"}) in space_of(utah(yaml=outside)).agencies.values()
    assert (
        frozenset({"us-ut-slcpd", "us-ut-wvc"}) in space_of(utah(yaml=twin)).beneficiaries.values()
    )
    by_name = (
        UTAH_CEDAR
        + """
@id("not-for-them")
forbid (principal, action, resource) when { context.beneficiary_agency == "us-ut-wvc" };
"""
    )
    told_apart = space_of(utah(cedar=by_name, yaml=twin)).beneficiaries
    assert frozenset({"us-ut-slcpd"}) in told_apart.values()


def test_a_policy_that_reads_the_context_as_a_whole_is_asked_everything() -> None:
    whole = (
        UTAH_CEDAR
        + """
@id("whole")
forbid (principal, action, resource)
when { context has probe_source && context.purpose == "licence_fraud" };
"""
    )
    assert utah(cedar=whole).text.spoken_of == frozenset(WORDS)
    assert utah().text.spoken_of < frozenset(WORDS)
    assert utah().text.agencies_named == {"us-ut-dld"}


WORD = st.sampled_from("abc")
CASES = st.frozensets(st.tuples(WORD, WORD, WORD), max_size=27)


@given(CASES, st.permutations([0, 1, 2]))
@settings(max_examples=200, deadline=None)
def test_boxes_hold_exactly_the_cases(cases: frozenset[tuple[str, ...]], order: list[int]) -> None:
    found = boxes(cases, order)
    unpacked = [case for box in found for case in product(*box)]
    assert len(unpacked) == len(set(unpacked))
    assert set(unpacked) == cases


def test_rows_are_few_and_say_what_is_needed() -> None:
    space = space_of(example("US-UT"))
    told = rows(answers(example("US-UT"), space), space)
    assert len(told) <= 8
    crimes = next(row for row in told if Purpose.CRIMINAL_INVESTIGATION in row.purposes)
    assert suspicion_needed(crimes) == "at least reasonable suspicion"
    assert instrument_needed(crimes) == ""
    assert crimes.agencies == ("us-md-msp", "us-ut-dps", "us-ut-slcpd")


def maine(old: str = "", new: str = "") -> StatePolicy:
    """Maine's policy, small enough to be asked everything often, with a word replaced."""
    files = [(POLICIES / "US-ME" / name).read_text() for name in ("policy.cedar", "authority.yaml")]
    assert old in "".join(files)
    cedar, yaml = (text.replace(old, new).encode() if old else text.encode() for text in files)
    return read_policy(cedar, yaml, "US-ME")


def test_a_policy_written_otherwise_that_means_the_same_is_no_difference() -> None:
    purpose = 'context.purpose == "criminal_investigation" &&'
    split = maine(purpose, '["criminal_investigation"].contains(context.purpose) &&')
    found = compare(maine(), split)
    assert found.empty
    assert found.cases_kept > 0


def test_one_word_of_law_is_a_difference_in_answers() -> None:
    narrower = maine('["violent_felony", "felony"]', '["violent_felony"]')
    found = compare(maine(), narrower)
    assert not found.gained
    (lost,) = found.lost
    assert [str(one) for one in lost.tiers] == ["felony"]
    assert lost.purposes == (Purpose.CRIMINAL_INVESTIGATION,)
    back = compare(narrower, maine())
    assert back.gained == found.lost
    assert not back.lost


def test_terms_beside_the_answers_are_compared_too() -> None:
    listed = maine("statutes: {}", "statutes: {17-A MRS 201: violent_felony}")
    found = compare(maine(), listed)
    assert not found.gained
    assert [(one.old, one.new) for one in found.terms] == [("-", "violent_felony")]


def test_two_states_are_not_compared() -> None:
    with pytest.raises(OnRecordError) as caught:
        compare(example("US-UT"), example("US-VT"))
    assert caught.value.code is ErrorCode.POLICY_INVALID


def test_what_rests_on_nothing_permits_nothing() -> None:
    """R-1, R-2: without an instrument there is no authority, whatever the permits say."""
    lawless = replaced(UTAH_YAML, "type: statute", "type: none")
    with pytest.raises(OnRecordError) as caught:
        utah(yaml=lawless)
    assert "rests on no instrument" in caught.value.message
