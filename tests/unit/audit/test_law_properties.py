"""Laws that hold for every request and every policy (law 5, R-1): tried on many of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.audit.core import evaluation, guards, guards_state
from onrecord.audit.core.canonical_form import Permit
from onrecord.audit.core.cedar_schema import WORDS
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, Verdict, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.contracts.request_parsing import parse_request
from onrecord.contracts.requests import Emergency, Instrument
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeKind,
    ProbeSource,
    Purpose,
    Role,
    RoleSought,
    Suspicion,
)
from tests.builders.audit import MODEL, POLICIES, REQUEST, START
from tests.builders.laws import EMERGENCY, EMERGENCY_PERMITTED, WARRANT_DEMANDED, utah

MANY = settings(max_examples=250, deadline=None)
AGENCIES = ("us-ut-slcpd", "us-ut-dps", "us-ut-dld", "us-md-msp", "us-fed-ice", "us-xx-nobody")
ICE = (
    "\ngroups:",
    "\n  us-fed-ice: {name: ICE, level: federal, kind: immigration, jurisdiction: US-DC}\ngroups:",
)
STATES = ("US-UT", "US-NV", "US-CO")
SUSPICIONS = tuple(Suspicion)


def words(vocabulary: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([one.value for one in vocabulary])


def instruments() -> st.SearchStrategy[dict[str, str]]:
    named = {"issuer": "court", "number": "1", "date": "2026-11-20"}
    return words(InstrumentType).map(
        lambda kind: {"type": kind} | (named if kind != "none" else {})
    )


ANY: Mapping[str, st.SearchStrategy[Any]] = {
    "purpose": words(Purpose),
    "role_sought": words(RoleSought),
    "offence": st.fixed_dictionaries(
        {
            "statute": st.sampled_from(["Nevada 1", "Utah Code 76-6-206", "8 U.S.C. § 1326"]),
            "tier": words(OffenceTier),
        }
    ),
    "federal_ground": words(FederalGround),
    "beneficiary_agency": st.sampled_from(AGENCIES),
    "probe": st.fixed_dictionaries({"kind": words(ProbeKind), "source": words(ProbeSource)}).map(
        lambda drawn: {**REQUEST["probe"], **drawn}
    ),
    "agency": st.sampled_from(AGENCIES),
    "trained": st.sampled_from([None, date(2024, 1, 1), date(2026, 6, 1)]),
}
"""What a request may say otherwise than `REQUEST` does."""


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """Any request by anybody. Often all but a few of its facts are in order: a law that is tried on
    refusals alone would hold of anything.
    """
    others = st.lists(st.sampled_from(sorted(ANY)), unique=True, max_size=3)
    names = sorted(ANY) if draw(st.integers(0, 4)) == 0 else draw(others)
    said = {name: draw(ANY[name]) for name in names}
    claims = Claims(
        subject="account",
        person="olsen",
        agency=said.pop("agency", "us-ut-slcpd"),
        roles=frozenset({Role.REQUESTER}),
        expires_at=START,
        token_id="t",
        training_completed=said.pop("trained", date(2026, 6, 1)),
    )
    request = {
        **REQUEST,
        **said,
        "suspicion": draw(words(Suspicion)),
        "instrument": draw(instruments()),
        "emergency": draw(st.sampled_from([None, EMERGENCY])),
        "galleries": list(STATES),
    }
    return Asked(parse_request(request), claims, START)


def a_permit(chance: Random) -> str:
    """A permit in canonical form, as wide or narrow as can be written."""
    group = 'principal in AgencyGroup::"law_enforcement"'
    principal = chance.choice([group, f'principal == Agency::"{chance.choice(AGENCIES[:5])}"'])

    def some(attribute: str) -> set[str]:
        known = sorted(WORDS[attribute] or ())
        return set(chance.sample(known, chance.randint(1, len(known))))

    held_to = {"purpose": some("purpose"), "offence_tier": some("offence_tier")}
    if chance.random() < 0.5:
        held_to["suspicion"] = {one.value for one in SUSPICIONS[chance.randrange(3) :]}
    if chance.random() < 0.5:
        held_to["instrument"] = some("instrument") - {"none"} or {"court_order"}
    for name in ("role_sought", "federal_ground", "probe_source", "emergency"):
        if chance.random() < 0.25:
            held_to[name] = some(name)
    atoms = " &&\n  ".join(
        "[" + ", ".join(f'"{word}"' for word in sorted(taken)) + f"].contains(context.{name})"
        for name, taken in held_to.items()
    )
    return (
        f'permit (\n  {principal},\n  action == Action::"search",\n'
        f'  resource == Gallery::"GALLERY"\n)\nwhen {{\n  {atoms}\n}};\n'
    )


@lru_cache(maxsize=1)
def texts() -> tuple[str, ...]:
    """Policies to choose from: reading one takes longer than a thousand answers of it."""
    chance = Random(20261123)  # noqa: S311 - the same policies every time
    narrow = [a_permit(chance) for _ in range(60)]
    some = ["\n".join(chance.sample(narrow, chance.randint(1, 4))) for _ in range(8)]
    return (*some, *[EVERYTHING] * 6)


EVERYTHING = (
    'permit (\n  principal in AgencyGroup::"law_enforcement",\n  action == Action::"search",\n'
    '  resource == Gallery::"GALLERY"\n)\nwhen {\n  '
    + " &&\n  ".join(
        "["
        + ", ".join(f'"{word}"' for word in sorted(WORDS[name] or ()))
        + f"].contains(context.{name})"
        for name in ("purpose", "offence_tier")
    )
    + "\n};\n"
)
"""The widest permit that there can be: only rules beside it refuse."""


LAWS = (
    utah(ICE),
    utah(ICE, WARRANT_DEMANDED),
    utah(ICE, WARRANT_DEMANDED, EMERGENCY_PERMITTED),
    utah(
        ICE,
        WARRANT_DEMANDED,
        (EMERGENCY_PERMITTED[0], "emergency: {permitted: true, waives: [suspicion, instrument]}"),
    ),
)


@lru_cache(maxsize=4096)
def in_force(state: str, cedar: str, law: int) -> PolicyInForce:
    yaml = LAWS[law].replace("\njurisdiction: US-UT", f"\njurisdiction: {state}", 1)
    text = cedar.replace('Gallery::"GALLERY"', f'Gallery::"{state}"')
    read = read_policy(text.encode(), yaml.encode(), state)
    return PolicyInForce(state, 1, f"digest-{state}", read)


@st.composite
def shelves(draw: st.DrawFn, states: tuple[str, ...] = STATES) -> PolicyShelf:
    """Policies of some states, each with any permits and any of the laws; a model for each."""
    found = {}
    for state in states:
        if draw(st.integers(0, 5)):
            cedar = draw(st.sampled_from(texts()))
            found[state] = in_force(state, cedar, draw(st.sampled_from((2, 3, 0, 1))))
    return PolicyShelf(1, found, dict.fromkeys(states, MODEL))


def test_the_requests_tried_are_granted_often_enough_to_tell() -> None:
    """A property over refusals alone would hold of anything."""
    seen: list[Verdict] = []

    @given(asked(), shelves())
    @settings(max_examples=250, deadline=None, database=None, derandomize=True)
    def look(one: Asked, shelf: PolicyShelf) -> None:
        seen.extend(evaluate(one, shelf))

    look()
    assert sum(one.granted for one in seen) > 40
    assert sum(one.emergency is not None for one in seen) > 3


def granted(verdicts: tuple[Verdict, ...]) -> list[bool]:
    return [one.granted for one in verdicts]


@given(asked(), shelves())
@MANY
def test_no_permits_elsewhere_open_a_gallery(one: Asked, shelf: PolicyShelf) -> None:
    """R-1: what a gallery says is what it says alone, whatever the others permit."""
    together = {verdict.gallery: verdict for verdict in evaluate(one, shelf)}
    for state in STATES:
        alone = {state: shelf.policies[state]} if state in shelf.policies else {}
        only = replace(one, request=replace(one.request, galleries=(state,)))
        (verdict,) = evaluate(only, PolicyShelf(1, alone, shelf.models))
        assert verdict == together[state]
        assert state in shelf.policies or not verdict.granted


@given(asked(), shelves())
@MANY
def test_a_permit_is_what_a_grant_rests_on(one: Asked, shelf: PolicyShelf) -> None:
    """R-1: whatever is granted, one permit of that very state names agency, purpose and tier."""
    for verdict in evaluate(one, shelf):
        if verdict.granted:
            state = shelf.policies[verdict.gallery].state
            assert state is not None
            assert any(_reaches(permit, one, state) for permit in state.text.permits)


def _reaches(permit: Permit, one: Asked, state: StatePolicy) -> bool:
    offence = one.request.offence
    tier = state.authority.tier_of(offence.statute, offence.tier)
    return (
        one.claims.agency in permit.agencies
        and one.request.purpose.value in permit.conditions["purpose"]
        and tier.value in permit.conditions["offence_tier"]
    )


def _without_training(one: Asked) -> Asked:
    return replace(one, claims=replace(one.claims, training_completed=None))


def _changed(**fields: Any) -> Callable[[Asked], Asked]:
    return lambda one: replace(one, request=replace(one.request, **fields))


def _less_suspicion(one: Asked) -> Asked:
    lower = max(0, SUSPICIONS.index(one.request.suspicion) - 1)
    return replace(one, request=replace(one.request, suspicion=SUSPICIONS[lower]))


def _agency_unknown(one: Asked) -> Asked:
    return replace(one, claims=replace(one.claims, agency="us-xx-nobody"))


REMOVALS: Mapping[str, Callable[[Asked], Asked]] = {
    "training": _without_training,
    "suspicion": _less_suspicion,
    "all suspicion": _changed(suspicion=Suspicion.NONE),
    "instrument": _changed(instrument=Instrument(InstrumentType.NONE)),
    "emergency": _changed(emergency=None),
    "agency": _agency_unknown,
    "beneficiary": _changed(beneficiary_agency="us-xx-nobody"),
}


@given(asked(), shelves(), st.sampled_from(sorted(REMOVALS)))
@MANY
def test_removing_a_fact_never_turns_a_refusal_into_a_permit(
    one: Asked, shelf: PolicyShelf, removed: str
) -> None:
    """Nobody is better off for leaving out what speaks for the search."""
    before = granted(evaluate(one, shelf))
    after = granted(evaluate(REMOVALS[removed](one), shelf))
    assert all(was or not now for was, now in zip(before, after, strict=True))


@given(asked(), shelves(), st.sampled_from(STATES), st.sampled_from(["policy", "model"]))
@MANY
def test_removing_a_policy_or_a_model_closes_its_gallery_and_no_other(
    one: Asked, shelf: PolicyShelf, state: str, what: str
) -> None:
    policies = {name: p for name, p in shelf.policies.items() if (name, what) != (state, "policy")}
    models = {name: m for name, m in shelf.models.items() if (name, what) != (state, "model")}
    before = {v.gallery: v for v in evaluate(one, shelf)}
    after = {v.gallery: v for v in evaluate(one, PolicyShelf(1, policies, models))}
    assert not after.pop(state).granted
    assert all(before[name] == verdict for name, verdict in after.items())


@given(asked(), shelves())
@MANY
def test_what_stands_above_the_states_no_policy_lifts(one: Asked, shelf: PolicyShelf) -> None:
    """R-3, R-5, R-6, R-11, R-12: told without the code that decides it."""
    request = one.request
    forbidden = (
        request.probe.kind is not ProbeKind.PHOTOGRAPH
        or one.claims.training_completed != date(2026, 6, 1)
        or (
            request.purpose is Purpose.IMMIGRATION_ENFORCEMENT
            and request.instrument.type is not InstrumentType.JUDICIAL_WARRANT_IMMIGRATION
        )
        or (
            request.purpose is not Purpose.IMMIGRATION_ENFORCEMENT
            and (
                request.offence.statute.startswith("8 U.S.C.")
                or "us-fed-ice" in (one.claims.agency, request.beneficiary_agency)
            )
        )
        or (
            request.purpose in (Purpose.CRIMINAL_INVESTIGATION, Purpose.LICENCE_FRAUD)
            and request.offence.tier is OffenceTier.NONE
        )
        or (
            request.role_sought is RoleSought.SUSPECT
            and request.purpose
            not in (
                Purpose.CRIMINAL_INVESTIGATION,
                Purpose.LICENCE_FRAUD,
                Purpose.IMMIGRATION_ENFORCEMENT,
            )
        )
        or request.federal_ground in (FederalGround.B6, FederalGround.B9)
    )
    if forbidden:
        assert not any(granted(evaluate(one, shelf)))


@given(asked(), shelves())
@MANY
def test_an_emergency_is_used_only_where_it_is_needed_and_always_followed(
    one: Asked, shelf: PolicyShelf
) -> None:
    """R-10."""
    calm = evaluate(replace(one, request=replace(one.request, emergency=None)), shelf)
    for with_it, without in zip(evaluate(one, shelf), calm, strict=True):
        assert without.emergency is None
        if with_it.granted:
            assert (with_it.emergency is None) == without.granted
        if with_it.emergency is not None:
            assert one.request.emergency is not None
            assert one.request.purpose is not Purpose.IMMIGRATION_ENFORCEMENT
            assert with_it.emergency.instruments and with_it.emergency.followup_hours > 0
            assert InstrumentType.NONE not in with_it.emergency.instruments


# Whatever fails while it is evaluated is a refusal.

ORDINARY = parse_request({**REQUEST, "galleries": ["US-UT", "US-NV"]})


def everybody() -> tuple[Asked, PolicyShelf]:
    """A request that both of two states grant."""
    cedar = (POLICIES / "US-UT" / "policy.cedar").read_text().replace('"US-UT"', '"GALLERY"')
    shelf = PolicyShelf(
        1,
        {state: in_force(state, cedar, 0) for state in ("US-UT", "US-NV")},
        dict.fromkeys(("US-UT", "US-NV"), MODEL),
    )
    claims = Claims(
        subject="account",
        person="olsen",
        agency="us-ut-slcpd",
        roles=frozenset({Role.REQUESTER}),
        expires_at=START,
        token_id="t",
        training_completed=START.date() - timedelta(days=1),
    )
    asking = Asked(replace(ORDINARY, emergency=Emergency("now")), claims, START)
    assert granted(evaluate(asking, shelf)) == [True, True]
    return asking, shelf


class PanicError(BaseException):
    """As Cedar's own panics reach Python: not an `Exception`."""


FAULTS: tuple[type[BaseException], ...] = (ValueError, KeyError, RecursionError, PanicError)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", range(len(guards.REQUEST_GUARDS)))
def test_a_failing_rule_above_the_states_closes_every_gallery(
    monkeypatch: pytest.MonkeyPatch, at: int, fault: type[BaseException]
) -> None:
    asking, shelf = everybody()

    def failing(_: Asked) -> None:
        raise fault("injected")

    failing_guards = list(guards.REQUEST_GUARDS)
    failing_guards[at] = failing
    monkeypatch.setattr(guards, "REQUEST_GUARDS", tuple(failing_guards))
    told: list[tuple[str, BaseException]] = []
    verdicts = evaluate(asking, shelf, lambda *fault: told.append(fault))
    assert granted(verdicts) == [False, False]
    assert {one.code for v in verdicts for one in v.reasons} == {ErrorCode.POLICY_ERROR}
    assert [name for name, _ in told] == ["failing"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", range(len(guards_state.STATE_GUARDS)))
def test_a_failing_rule_of_the_states_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, at: int, fault: type[BaseException]
) -> None:
    asking, shelf = everybody()

    def failing(_: Asked, state: Any) -> None:
        if state.jurisdiction == "US-NV":
            raise fault("injected")

    failing_guards = list(guards_state.STATE_GUARDS)
    failing_guards[at] = failing
    monkeypatch.setattr(guards_state, "STATE_GUARDS", tuple(failing_guards))
    verdicts = evaluate(asking, shelf)
    assert granted(verdicts) == [True, False]
    assert [one.code for one in verdicts[1].reasons] == [ErrorCode.POLICY_ERROR]


def broken(state: StatePolicy) -> Iterator[StatePolicy]:
    """One part of it at a time is missing, or is something else."""
    for missing in ("authority", "policies", "entities"):
        for value in (None, 7):
            made = replace(state)
            object.__setattr__(made, missing, value)
            yield made


def test_a_policy_with_a_part_missing_is_a_refusal() -> None:
    """Law 5: in its own gallery alone."""
    asking, shelf = everybody()
    state = shelf.policies["US-NV"].state
    assert state is not None
    for made in broken(state):
        policies = {**shelf.policies, "US-NV": replace(shelf.policies["US-NV"], state=made)}
        told: dict[str, BaseException] = {}
        verdicts = evaluate(asking, replace(shelf, policies=policies), told.__setitem__)
        assert granted(verdicts) == [True, False]
        assert verdicts[1].reasons[-1].code is ErrorCode.POLICY_ERROR
        assert list(told) == ["US-NV"]


def test_whoever_stops_the_process_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, shelf = everybody()

    def stopping(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "_decided", stopping)
    with pytest.raises(KeyboardInterrupt):
        evaluate(asking, shelf)
