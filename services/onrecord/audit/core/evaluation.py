"""What each gallery's own policy says to a request (law 5: default deny, per gallery)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from onrecord.audit.core import guards, guards_state
from onrecord.audit.core.authority import Quotas
from onrecord.audit.core.canonical_form import Permit
from onrecord.audit.core.cedar_schema import DECLARED, EMERGENCY, NOT_DECLARED, PURPOSE, TIER
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.policy import StatePolicy, unknown_agency
from onrecord.audit.core.reasons import Reason, day, words
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import InstrumentType, OffenceTier, Purpose

_STOPS = (KeyboardInterrupt, SystemExit)


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The bundle a state activated last: readable (`state`), or why it is not (`problem`)."""

    jurisdiction: str
    version: int
    digest: str
    state: StatePolicy | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PolicyShelf:
    """All policies in force and the model each gallery is searched with, as of one `epoch`."""

    epoch: int
    policies: Mapping[str, PolicyInForce]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EmergencyTerms:
    """On which terms a gallery lets a search go first (R-10).

    `instruments`: what the follow-up must name. `waived`: why it would have refused otherwise.
    """

    followup_hours: int
    instruments: frozenset[InstrumentType]
    waived: tuple[ErrorCode, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gallery says: granted where there are no reasons against it.

    `until` is when the policy runs out: a verdict does not outlive it. `emergency` is None unless
    it is granted as one.
    """

    gallery: str
    policy: str | None
    model_id: str | None
    list_size: int
    grant_minutes: int
    quotas: Quotas | None
    until: datetime | None
    reasons: tuple[Reason, ...]
    emergency: EmergencyTerms | None = None

    @property
    def granted(self) -> bool:
        return not self.reasons

    def refused(self, reason: Reason) -> "Verdict":
        return replace(self, reasons=(*self.reasons, reason))


Told = Callable[[str, BaseException], None]
"""Told which rule or gallery failed while it was evaluated, and how."""


def _untold(_: str, __: BaseException) -> None:
    """For whoever has nobody to tell."""


def evaluate(asked: Asked, shelf: PolicyShelf, told: Told = _untold) -> tuple[Verdict, ...]:
    """One verdict for each gallery of the request, in its order.

    Whatever fails is a refusal (law 5): a rule that stands above the states', in every gallery;
    a state's own, in its gallery.
    """
    found = (_reason(guard, asked, told) for guard in guards.REQUEST_GUARDS)
    against_all = tuple(reason for reason in found if reason is not None)
    return tuple(
        _verdict(asked, gallery, shelf, against_all, told) for gallery in asked.request.galleries
    )


def _reason(guard: Callable[[Asked], Reason | None], asked: Asked, told: Told) -> Reason | None:
    try:
        return guard(asked)
    except _STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a refusal
        told(guard.__name__, error)
        message = "A rule that stands above every state's law failed, so nothing is allowed."
        return Reason(ErrorCode.POLICY_ERROR, message)


def _verdict(
    asked: Asked,
    gallery: str,
    shelf: PolicyShelf,
    against_all: tuple[Reason, ...],
    told: Told,
) -> Verdict:
    try:
        return _decided(asked, gallery, shelf, against_all)
    except _STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - Cedar's panics are no Exceptions
        told(gallery, error)
        message = f"The policy of {gallery} failed while it was evaluated, so it refuses."
        reasons = (*against_all, Reason(ErrorCode.POLICY_ERROR, message))
        return Verdict(gallery, None, None, asked.request.list_size, 0, None, None, reasons)


def _decided(
    asked: Asked, gallery: str, shelf: PolicyShelf, against_all: tuple[Reason, ...]
) -> Verdict:
    policy = shelf.policies.get(gallery)
    state = None if policy is None else policy.state
    verdict = Verdict(
        gallery=gallery,
        policy=None if policy is None else policy.digest,
        model_id=shelf.models.get(gallery),
        list_size=asked.request.list_size,
        grant_minutes=0,
        quotas=None,
        until=None,
        reasons=(*against_all, *_policy_state(gallery, policy, asked.now)),
    )
    if state is None or len(verdict.reasons) > len(against_all):
        return verdict
    limits = state.authority.limits
    own, terms = _state_says(asked, state, lifted=not against_all)
    reasons = against_all + own
    if verdict.model_id is None:
        message = f"No face model is active for the gallery of {state.authority.name}."
        reasons += (Reason(ErrorCode.MODEL_UNKNOWN, message),)
    return replace(
        verdict,
        list_size=min(asked.request.list_size, limits.list_size),
        grant_minutes=limits.grant_minutes,
        quotas=state.authority.quotas,
        until=state.authority.expires,
        reasons=reasons,
        emergency=terms,
    )


def _state_says(
    asked: Asked, state: StatePolicy, lifted: bool
) -> tuple[tuple[Reason, ...], EmergencyTerms | None]:
    """The state's reasons against the request; where it is let go as an emergency, on what terms.

    An emergency is asked for only where the state would refuse without it, and, unless `lifted`,
    not at all: it lifts nothing that stands above the states.
    """
    reasons = _state_reasons(asked, state)
    if not reasons or asked.request.emergency is None or not lifted:
        return reasons, None
    rule, purpose = state.authority.emergency, asked.request.purpose
    if rule is None or purpose not in rule.purposes:
        name = state.authority.name
        message = f"{name} permits no emergency search for the purpose {words(purpose)}."
        return (*reasons, Reason(ErrorCode.EMERGENCY_NOT_PERMITTED, message)), None
    left = _state_reasons(replace(asked, as_emergency=True), state)
    if left:
        return left, None
    demanded = state.authority.instruments_required.get(purpose, frozenset())
    instruments = (demanded - {InstrumentType.NONE}) or rule.instruments
    waived = tuple(dict.fromkeys(reason.code for reason in reasons))
    return (), EmergencyTerms(rule.followup_hours, instruments, waived)


def _policy_state(gallery: str, policy: PolicyInForce | None, now: datetime) -> tuple[Reason, ...]:
    """R-1: a policy that is active, readable and in its time."""
    if policy is None:
        message = f"{gallery} has no policy in force, so nothing is allowed there."
        return (Reason(ErrorCode.POLICY_MISSING, message),)
    if policy.state is None:
        message = f"The policy of {gallery} cannot be used: {policy.problem}"
        return (Reason(ErrorCode.POLICY_INVALID, message),)
    authority = policy.state.authority
    rests_on = f"{authority.name}'s policy ({authority.instrument.citation})"
    if now < authority.effective:
        message = f"{rests_on} takes effect on {day(authority.effective)}."
        return (Reason(ErrorCode.POLICY_NOT_YET_EFFECTIVE, message),)
    if now >= authority.expires:
        message = f"{rests_on} expired on {day(authority.expires)} and was not renewed."
        return (Reason(ErrorCode.POLICY_EXPIRED, message),)
    return ()


def _state_reasons(asked: Asked, state: StatePolicy) -> tuple[Reason, ...]:
    forbidden = guards_state.prohibition(asked, state.authority)
    if forbidden is not None:
        return (forbidden,)
    found = (guard(asked, state.authority) for guard in guards_state.STATE_GUARDS)
    reasons = tuple(reason for reason in found if reason is not None)
    # Where a named guard has already said what is wrong, "not permitted" would add nothing.
    return reasons or _ask(asked, state)


def _ask(asked: Asked, state: StatePolicy) -> tuple[Reason, ...]:
    authority = state.authority
    context = context_of(asked, state)
    answer = state.ask(asked.claims.agency, context)
    if answer.errors:
        message = f"{authority.name}'s policy failed while it was evaluated, so it refuses."
        return (Reason(ErrorCode.POLICY_ERROR, message),)
    if answer.forbids:
        return tuple(
            Reason(
                ErrorCode.POLICY_FORBIDDEN,
                f"{authority.name}'s policy forbids "
                + (forbid.summary or f"this (rule {forbid.label})")
                + (f" ({forbid.citation})" if forbid.citation else "")
                + ".",
            )
            for forbid in answer.forbids
        )
    if answer.permitted:
        return ()
    return (_why_not(asked, state, context),)


def context_of(asked: Asked, state: StatePolicy) -> dict[str, str]:
    """What a state's policies are shown of a request: every attribute of the schema."""
    request = asked.request
    agencies = state.authority.agencies
    agency = agencies.get(asked.claims.agency) or unknown_agency(asked.claims.agency)
    named = request.beneficiary_agency
    for_whom = agencies.get(named) or unknown_agency(named)
    return {
        PURPOSE: request.purpose.value,
        TIER: state.authority.tier_of(request.offence.statute, request.offence.tier).value,
        "role_sought": request.role_sought.value,
        "suspicion": request.suspicion.value,
        "federal_ground": request.federal_ground.value,
        "instrument": request.instrument.type.value,
        "probe_source": request.probe.source.value,
        "beneficiary_agency": named,
        "beneficiary_level": for_whom.level,
        "beneficiary_kind": for_whom.kind,
        "agency_level": agency.level,
        "agency_kind": agency.kind,
        EMERGENCY: DECLARED if asked.as_emergency else NOT_DECLARED,
    }


def _why_not(asked: Asked, state: StatePolicy, context: Mapping[str, str]) -> Reason:
    """Read off the permits what they would have taken: agency, then purpose, then tier."""
    code, name, agency = ErrorCode.POLICY_NOT_PERMITTED, state.authority.name, asked.claims.agency
    ours = [permit for permit in state.text.permits if agency in permit.agencies]
    if not ours:
        return Reason(code, f"{name}'s policy does not name the agency {agency}.")
    purpose = Purpose(context[PURPOSE])
    ours = [permit for permit in ours if purpose.value in permit.conditions[PURPOSE]]
    if not ours:
        if purpose is Purpose.IMMIGRATION_ENFORCEMENT:
            message = f"{name}'s policy does not permit immigration enforcement."
            return Reason(ErrorCode.IMMIGRATION_REFUSED, message)
        return Reason(code, f"{name}'s policy does not permit {agency} a {words(purpose)}.")
    tier = OffenceTier(context[TIER])
    if not any(tier.value in permit.conditions[TIER] for permit in ours):
        return Reason(code, f"{name}'s policy permits {_tiers(ours)}; {_tier_of(asked, state)}.")
    return Reason(code, f"{name}'s policy does not permit this combination of circumstances.")


def _tiers(permits: list[Permit]) -> str:
    taken = {word for permit in permits for word in permit.conditions[TIER]}
    return " and ".join(words(tier) for tier in OffenceTier if tier.value in taken) + " cases only"


def _tier_of(asked: Asked, state: StatePolicy) -> str:
    offence = asked.request.offence
    listed = state.authority.listed_tier(offence.statute)
    if listed is None:
        return f"the request declares {words(offence.tier)}"
    return f"{offence.statute} is listed by the state as {words(listed)}"
