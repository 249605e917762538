"""Rules that hold before and beside any state's policy, each with its own code.

Request guards hold for every gallery and no policy can lift them (R-3, R-5, R-6, R-11, R-12).
State guards apply the signed data of one state. A guard returns a reason, or None where it has
nothing against the request.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from onrecord.audit.core.authority import Authority
from onrecord.audit.core.reasons import Reason, day, words
from onrecord.contracts.requests import SearchRequest
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.identity import Claims
from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeKind,
    Purpose,
    Suspicion,
)

TRAINING_MONTHS = 12

# 18 USC 2721(b): what each ground can carry here. (1) is a government agency's functions; (4) is
# process and orders of a court; (6) and (9) are insurers' and employers' uses, of which a public
# agency has only the hunt for fraud.
_ANY = frozenset(Purpose)
_GROUNDS = {
    FederalGround.B1: _ANY,
    FederalGround.B4: _ANY,
    FederalGround.B6: frozenset({Purpose.LICENCE_FRAUD}),
    FederalGround.B9: frozenset({Purpose.LICENCE_FRAUD}),
}
_COURT = frozenset(
    {
        InstrumentType.GRAND_JURY_SUBPOENA,
        InstrumentType.COURT_ORDER,
        InstrumentType.SEARCH_WARRANT,
        InstrumentType.JUDICIAL_WARRANT_IMMIGRATION,
    }
)
_SUSPICION = (Suspicion.NONE, Suspicion.REASONABLE_SUSPICION, Suspicion.PROBABLE_CAUSE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, who makes it, and when."""

    request: SearchRequest
    claims: Claims
    now: datetime


def training(asked: Asked) -> Reason | None:
    """R-12: face comparison training within the last twelve months."""
    return training_problem(asked.claims.training_completed, asked.now.date())


def training_problem(completed: date | None, today: date) -> Reason | None:
    """What is wrong with somebody's training, if anything."""
    if completed is None:
        return Reason(
            ErrorCode.TRAINING_MISSING,
            "The person asking has no face comparison training on record.",
        )
    if completed > today:
        return Reason(
            ErrorCode.TRAINING_MISSING,
            f"The training of the person asking is dated {day(completed)}, in the future.",
        )
    if today > _months_after(completed, TRAINING_MONTHS):
        return Reason(
            ErrorCode.TRAINING_EXPIRED,
            f"The person asking was last trained on {day(completed)}, more than "
            f"{TRAINING_MONTHS} months ago.",
        )
    return None


def probe_kind(asked: Asked) -> Reason | None:
    """R-11: only a photograph of a real person."""
    kind = asked.request.probe.kind
    if kind is ProbeKind.PHOTOGRAPH:
        return None
    named = {
        ProbeKind.SKETCH: "a sketch",
        ProbeKind.COMPOSITE: "a composite",
        ProbeKind.LOOKALIKE: "a picture of a look-alike",
        ProbeKind.GENERATED: "a generated face",
    }[kind]
    return Reason(
        ErrorCode.PROBE_KIND_REFUSED,
        f"The image is declared to be {named}. Only photographs of the person sought may be used.",
    )


def federal_ground(asked: Asked) -> Reason | None:
    """R-3: 18 USC 2721(b) lets the photo out only on a ground that fits the purpose."""
    request = asked.request
    ground = request.federal_ground
    paragraph = f"18 USC 2721(b)({ground.value[1:]})"
    if request.purpose not in _GROUNDS[ground]:
        return Reason(
            ErrorCode.FEDERAL_GROUND_MISSING,
            f"Federal law releases licence photos only on named grounds; {paragraph} does not "
            f"cover {words(request.purpose)}.",
        )
    if ground is FederalGround.B4 and request.instrument.type not in _COURT:
        return Reason(
            ErrorCode.FEDERAL_GROUND_MISSING,
            f"{paragraph} covers what a court has ordered, and the request names no order.",
        )
    return None


def prohibited_purpose(asked: Asked) -> Reason | None:
    """R-6: nobody is searched for who they are or what they believe.

    The vocabulary has no such purpose, so it can only hide behind one that names no offence.
    """
    request = asked.request
    needs_offence = (Purpose.CRIMINAL_INVESTIGATION, Purpose.LICENCE_FRAUD)
    if request.purpose in needs_offence and request.offence.tier is OffenceTier.NONE:
        return Reason(
            ErrorCode.PURPOSE_PROHIBITED,
            f"A {words(request.purpose)} must name an offence. A search that names none could rest "
            "on religion, politics, lawful assembly, race or immigration status, which no state "
            "may allow.",
        )
    return None


def immigration(asked: Asked) -> Reason | None:
    """R-5: immigration enforcement needs a judge's warrant wherever it is allowed at all."""
    request = asked.request
    if request.purpose is not Purpose.IMMIGRATION_ENFORCEMENT:
        return None
    if request.instrument.type is InstrumentType.JUDICIAL_WARRANT_IMMIGRATION:
        return None
    return Reason(
        ErrorCode.IMMIGRATION_REFUSED,
        "Immigration enforcement is refused without a warrant signed by a judge.",
    )


REQUEST_GUARDS: tuple[Callable[[Asked], Reason | None], ...] = (
    training,
    probe_kind,
    federal_ground,
    prohibited_purpose,
    immigration,
)


def prohibition(asked: Asked, state: Authority) -> Reason | None:
    """A law of the state that forbids face search over its licence photos."""
    del asked
    if state.prohibition is None:
        return None
    return Reason(
        ErrorCode.POLICY_FORBIDDEN,
        f"{state.name} law ({state.prohibition.citation}) forbids {state.prohibition.summary}.",
    )


def role_sought(asked: Asked, state: Authority) -> Reason | None:
    """R-7: a state permits each role by name."""
    role = asked.request.role_sought
    if role in state.roles_sought:
        return None
    permitted = ", ".join(words(one) for one in sorted(state.roles_sought)) or "nobody"
    return Reason(
        ErrorCode.ROLE_SOUGHT_NOT_PERMITTED,
        f"{state.name} does not permit searching for a {words(role)} (permitted: {permitted}).",
    )


def suspicion(asked: Asked, state: Authority) -> Reason | None:
    """The least suspicion the state demands for a purpose."""
    request = asked.request
    least = state.suspicion_minimum.get(request.purpose, Suspicion.NONE)
    if _SUSPICION.index(request.suspicion) >= _SUSPICION.index(least):
        return None
    stated = "no suspicion" if request.suspicion is Suspicion.NONE else words(request.suspicion)
    return Reason(
        ErrorCode.SUSPICION_TOO_LOW,
        f"{state.name} demands at least {words(least)} for a {words(request.purpose)}; the "
        f"request states {stated}.",
    )


def instrument(asked: Asked, state: Authority) -> Reason | None:
    """The legal instrument the state demands for a purpose."""
    request = asked.request
    accepted = state.instruments_required.get(request.purpose)
    if accepted is None or request.instrument.type in accepted:
        return None
    named = " or ".join(sorted(words(one) for one in accepted))
    return Reason(
        ErrorCode.INSTRUMENT_REQUIRED,
        f"{state.name} demands a {named} for {words(request.purpose)}.",
    )


def beneficiary(asked: Asked, state: Authority) -> Reason | None:
    """R-4: whom the search is for must be somebody the state's authority knows."""
    named = asked.request.beneficiary_agency
    if named in state.agencies:
        return None
    return Reason(
        ErrorCode.POLICY_NOT_PERMITTED,
        f"The search is for {named}, which {state.name}'s authority does not name.",
    )


STATE_GUARDS: tuple[Callable[[Asked, Authority], Reason | None], ...] = (
    role_sought,
    suspicion,
    instrument,
    beneficiary,
)


def _months_after(start: date, months: int) -> date:
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
