"""What decided, and why, for one request: the evaluation's own verdicts, and how they came about.

Nothing here decides anything: the verdicts are `evaluate`'s, and beside them stands what each rule
was shown and what it asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from onrecord.audit.core.authority import Authority
from onrecord.audit.core.canonical_form import Forbid, Permit
from onrecord.audit.core.evaluation import PolicyShelf, Verdict, context_of, evaluate
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.reasons import Reason
from onrecord.kernel.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Miss:
    """An attribute of the request that a permit does not take."""

    attribute: str
    given: str
    taken: frozenset[str]


@dataclass(frozen=True, slots=True)
class PermitReading:
    """One permit held against the request. It applies where it names the agency and misses nothing.

    `decided`: Cedar named it as what allowed the search.
    """

    permit: Permit
    names_agency: bool
    misses: tuple[Miss, ...]
    decided: bool

    @property
    def applies(self) -> bool:
        return self.names_agency and not self.misses


@dataclass(frozen=True, slots=True)
class PolicyReading:
    """What a state's policies were shown, and what each of them said to it."""

    authority: Authority
    shown: Mapping[str, str] = field(hash=False)
    permits: tuple[PermitReading, ...]
    forbids: tuple[Forbid, ...]
    """Those that decided, out of `forbids_in_all`."""
    forbids_in_all: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """One gallery's verdict, and where it comes from.

    `above`: reasons that stand above every state's law. `own`: reasons of this state. `reading` is
    None where the state has no policy that can be read.
    """

    verdict: Verdict
    above: tuple[Reason, ...]
    own: tuple[Reason, ...]
    reading: PolicyReading | None


def explain(asked: Asked, shelf: PolicyShelf) -> tuple[Explanation, ...]:
    """Each gallery's verdict explained, in the order of the request."""
    # Where no state has a policy, what is left beside that is what stands above all of them.
    lawless = evaluate(asked, PolicyShelf(shelf.epoch, {}, {}))
    above = frozenset(
        reason
        for verdict in lawless
        for reason in verdict.reasons
        if reason.code is not ErrorCode.POLICY_MISSING
    )
    return tuple(_explained(asked, verdict, shelf, above) for verdict in evaluate(asked, shelf))


def _explained(
    asked: Asked, verdict: Verdict, shelf: PolicyShelf, above: frozenset[Reason]
) -> Explanation:
    policy = shelf.policies.get(verdict.gallery)
    state = None if policy is None else policy.state
    return Explanation(
        verdict=verdict,
        above=tuple(one for one in verdict.reasons if one in above),
        own=tuple(one for one in verdict.reasons if one not in above),
        reading=None if state is None else _reading(asked, verdict, state),
    )


def _reading(asked: Asked, verdict: Verdict, state: StatePolicy) -> PolicyReading:
    if verdict.emergency is not None:
        asked = replace(asked, as_emergency=True)
    shown = context_of(asked, state)
    agency = asked.claims.agency
    said = state.ask(agency, shown)
    return PolicyReading(
        authority=state.authority,
        shown=shown,
        permits=tuple(
            PermitReading(
                permit=permit,
                names_agency=agency in permit.agencies,
                misses=tuple(
                    Miss(name, shown[name], taken)
                    for name, taken in permit.conditions.items()
                    if shown[name] not in taken
                ),
                decided=permit in said.permits,
            )
            for permit in state.text.permits
        ),
        forbids=said.forbids,
        forbids_in_all=len(state.text.forbids),
    )
