"""What a policy answers, over everything that can be asked: the vocabularies are finite.

Every answer comes from `evaluate`, the function that audit decides with. What is left out cannot
be granted: a permit in canonical form names the agencies, purposes, tiers and words it is limited
to, and where no permit reaches nothing is allowed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from typing import NamedTuple

from onrecord.audit.core.authority import Authority
from onrecord.audit.core.canonical_form import Permit
from onrecord.audit.core.cedar_schema import PURPOSE, TIER, WORDS
from onrecord.audit.core.evaluation import PolicyInForce, PolicyShelf, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import Answer, StatePolicy, unknown_agency
from onrecord.contracts.request_parsing import parse_request
from onrecord.contracts.requests import Instrument, Offence, SearchRequest
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeSource,
    Purpose,
    Role,
    RoleSought,
    Suspicion,
)

UNLISTED = "any-other-agency"
"""Stands for every agency that the authority does not list."""

ANY = ""
"""On the axes `ground` and `source`: the policies do not speak of it, so it decides nothing."""

_MODEL = "any"


class Case(NamedTuple):
    """Something that can be asked: who, for whom, for what, sought as what, on which footing."""

    agency: str
    beneficiary: str
    purpose: str
    tier: str
    role: str
    suspicion: str
    instrument: str
    ground: str
    source: str


@dataclass(frozen=True, slots=True)
class Space:
    """The cases to be asked. One agency stands for all that no policy tells apart.

    `agencies` and `beneficiaries` map the one to all it stands for.
    """

    agencies: Mapping[str, frozenset[str]] = field(hash=False)
    beneficiaries: Mapping[str, frozenset[str]] = field(hash=False)
    grounds: tuple[str, ...]
    sources: tuple[str, ...]


def space_of(*policies: StatePolicy) -> Space:
    """The space in which each of the policies can be asked, and compared with the others."""
    spoken = frozenset().union(*(one.text.spoken_of for one in policies))
    listed = sorted({name for one in policies for name in one.authority.agencies})
    return Space(
        agencies=_alike(listed, [_as_principal(one) for one in policies]),
        beneficiaries=_alike([*listed, UNLISTED], [_as_beneficiary(one) for one in policies]),
        grounds=_words("federal_ground") if "federal_ground" in spoken else (ANY,),
        sources=_words("probe_source") if "probe_source" in spoken else (ANY,),
    )


def answers(state: StatePolicy, space: Space) -> frozenset[Case]:
    """The cases of the space that the policy grants, as if it were in force."""
    asking = _Asking(state)
    reached = {case for permit in state.text.permits for case in _within(permit, space)}
    return frozenset(case for case in reached if asking.granted(case))


class _Asking:
    """Puts cases to the evaluation."""

    def __init__(self, state: StatePolicy) -> None:
        authority = state.authority
        remembering = _Remembering(
            state.authority, state.text, state.policies, state.entities, state.schema
        )
        gallery = authority.jurisdiction
        in_force = PolicyInForce(gallery, 1, "", remembering)
        self._shelf = PolicyShelf(0, {gallery: in_force}, {gallery: _MODEL})
        self._now = authority.effective
        self._statute = _unlisted(authority)
        self._any = parse_request(_any_request(gallery, self._now))
        today = self._now.date().isoformat()
        self._instruments = {
            one.value: Instrument(one)
            if one is InstrumentType.NONE
            else Instrument(one, "any", "any", today)
            for one in InstrumentType
        }
        self._claims: dict[str, Claims] = {}

    def granted(self, case: Case) -> bool:
        """Whether it is granted; on any federal ground, where the policies speak of none."""
        for ground in _words("federal_ground") if case.ground == ANY else (case.ground,):
            asked = Asked(self._request(case, ground), self._claims_of(case.agency), self._now)
            (verdict,) = evaluate(asked, self._shelf)
            if all(one.code is not ErrorCode.FEDERAL_GROUND_MISSING for one in verdict.reasons):
                return verdict.granted
        return False

    def _request(self, case: Case, ground: str) -> SearchRequest:
        probe, tier = self._any.probe, OffenceTier(case.tier)
        if case.source != ANY:
            probe = replace(probe, source=ProbeSource(case.source))
        return replace(
            self._any,
            purpose=Purpose(case.purpose),
            role_sought=RoleSought(case.role),
            offence=Offence("" if tier is OffenceTier.NONE else self._statute, tier),
            suspicion=Suspicion(case.suspicion),
            federal_ground=FederalGround(ground),
            beneficiary_agency=case.beneficiary,
            instrument=self._instruments[case.instrument],
            probe=probe,
        )

    def _claims_of(self, agency: str) -> Claims:
        if agency not in self._claims:
            self._claims[agency] = Claims(
                subject="anybody",
                person="anybody",
                agency=agency,
                roles=frozenset({Role.REQUESTER}),
                expires_at=self._now,
                token_id="",
                training_completed=self._now.date(),
            )
        return self._claims[agency]


@dataclass(frozen=True, slots=True)
class _Remembering(StatePolicy):
    """Asks Cedar once for all contexts that differ only in what no policy speaks of."""

    asked: dict[tuple[str, ...], Answer] = field(default_factory=dict, compare=False, repr=False)

    def ask(self, agency: str, context: Mapping[str, str]) -> Answer:
        key = (agency, *(context[name] for name in sorted(self.text.spoken_of)))
        if key not in self.asked:
            self.asked[key] = StatePolicy.ask(self, agency, context)
        return self.asked[key]


def _unlisted(authority: Authority) -> str:
    """A statute that the state's table does not list: what is listed has its tier from there."""
    statute = "-"
    while authority.listed_tier(statute) is not None:
        statute += "-"
    return statute


def _within(permit: Permit, space: Space) -> Iterator[Case]:
    """Every case of the space that the permit could reach."""
    held_to = permit.conditions
    axes = (
        [one for one in space.agencies if space.agencies[one] & permit.agencies],
        list(space.beneficiaries),
        sorted(held_to[PURPOSE]),
        sorted(held_to[TIER]),
        sorted(held_to.get("role_sought", _words("role_sought"))),
        sorted(held_to.get("suspicion", _words("suspicion"))),
        sorted(held_to.get("instrument", _words("instrument"))),
        _reached(space.grounds, held_to.get("federal_ground")),
        _reached(space.sources, held_to.get("probe_source")),
    )
    for values in product(*axes):
        yield Case(*values)


def _reached(words: tuple[str, ...], taken: frozenset[str] | None) -> tuple[str, ...]:
    return words if taken is None else tuple(one for one in words if one in taken)


def _alike(
    names: Sequence[str], seen_as: Sequence[Mapping[str, object]]
) -> dict[str, frozenset[str]]:
    """Names that every one of `seen_as` sees as the same, under the first of them."""
    classes: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        classes.setdefault(tuple(one.get(name) for one in seen_as), []).append(name)
    return {members[0]: frozenset(members) for members in classes.values()}


def _as_principal(state: StatePolicy) -> dict[str, object]:
    authority = state.authority
    return {
        name: (
            agency.level,
            agency.kind,
            agency.jurisdiction,
            frozenset(group for group, members in authority.groups.items() if name in members),
            name if name in state.text.agencies_named else "",
        )
        for name, agency in authority.agencies.items()
    }


def _as_beneficiary(state: StatePolicy) -> dict[str, object]:
    by_name = "beneficiary_agency" in state.text.spoken_of
    listed = state.authority.agencies
    return {
        name: (agency.level, agency.kind, agency.jurisdiction, name in listed, by_name and name)
        for name, agency in [*listed.items(), (UNLISTED, unknown_agency(UNLISTED))]
    }


def _words(attribute: str) -> tuple[str, ...]:
    return tuple(sorted(WORDS[attribute] or ()))


def _any_request(gallery: str, now: datetime) -> dict[str, object]:
    return {
        "case_number": "any",
        "purpose": Purpose.MISSING_PERSON.value,
        "role_sought": RoleSought.MISSING.value,
        "offence": {"statute": "", "tier": OffenceTier.NONE.value},
        "suspicion": Suspicion.NONE.value,
        "federal_ground": FederalGround.B1.value,
        "beneficiary_agency": UNLISTED,
        "narrative": "any",
        "instrument": {"type": InstrumentType.NONE.value},
        "probe": {
            "kind": "photograph",
            "source": ProbeSource.SURVEILLANCE_STILL.value,
            "authority": "any",
            "captured_at": now.isoformat(),
        },
        "galleries": [gallery],
    }
