"""Rules that hold for every gallery, each with its own code, and that no policy can lift.

R-3, R-5, R-6, R-7, R-11, R-12. Those of one state are in `guards_state`. A guard returns a reason,
or None where it has nothing against the request.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from onrecord.audit.core.immigration_law import cites_immigration_law
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
    RoleSought,
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
_NEEDS_OFFENCE = frozenset(
    {Purpose.CRIMINAL_INVESTIGATION, Purpose.LICENCE_FRAUD, Purpose.IMMIGRATION_ENFORCEMENT}
)
_COURT = frozenset(
    {
        InstrumentType.GRAND_JURY_SUBPOENA,
        InstrumentType.COURT_ORDER,
        InstrumentType.SEARCH_WARRANT,
        InstrumentType.JUDICIAL_WARRANT_IMMIGRATION,
    }
)
# Whom each purpose can be after. What needs no offence is never after a suspect: it would be a
# criminal investigation without its conditions.
_SOUGHT = {
    Purpose.CRIMINAL_INVESTIGATION: {RoleSought.SUSPECT, RoleSought.VICTIM, RoleSought.WITNESS},
    Purpose.IDENTIFY_VICTIM: {RoleSought.VICTIM, RoleSought.DECEASED, RoleSought.UNIDENTIFIED},
    Purpose.IDENTIFY_WITNESS: {RoleSought.WITNESS},
    Purpose.MISSING_PERSON: {RoleSought.MISSING, RoleSought.VICTIM, RoleSought.UNIDENTIFIED},
    Purpose.DECEASED_IDENTIFICATION: {RoleSought.DECEASED, RoleSought.UNIDENTIFIED},
    Purpose.UNIDENTIFIED_PERSON: {RoleSought.UNIDENTIFIED, RoleSought.DECEASED},
    Purpose.LICENCE_FRAUD: {RoleSought.SUSPECT, RoleSought.VICTIM},
    Purpose.IMMIGRATION_ENFORCEMENT: {RoleSought.SUSPECT, RoleSought.UNIDENTIFIED},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, who makes it, and when. `as_emergency`: what an emergency lets wait, waits."""

    request: SearchRequest
    claims: Claims
    now: datetime
    as_emergency: bool = False


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
    if request.purpose in _NEEDS_OFFENCE and request.offence.tier is OffenceTier.NONE:
        return Reason(
            ErrorCode.PURPOSE_PROHIBITED,
            f"A {words(request.purpose)} must name an offence. A search that names none could rest "
            "on religion, politics, lawful assembly, race or immigration status, which no state "
            "may allow.",
        )
    return None


def role_fits_purpose(asked: Asked) -> Reason | None:
    """R-6, R-7: nobody is sought as a suspect under a purpose that needs no offence."""
    request = asked.request
    fitting = _SOUGHT[request.purpose]
    if request.role_sought in fitting:
        return None
    named = " or ".join(sorted(words(one) for one in fitting))
    return Reason(
        ErrorCode.ROLE_SOUGHT_MISMATCH,
        f"A search for the purpose {words(request.purpose)} is for a {named}, not for a "
        f"{words(request.role_sought)}.",
    )


def immigration(asked: Asked) -> Reason | None:
    """R-5: immigration enforcement needs a judge's warrant wherever it is allowed at all."""
    request = asked.request
    if request.purpose is not Purpose.IMMIGRATION_ENFORCEMENT:
        if cites_immigration_law(request.offence.statute):
            return Reason(
                ErrorCode.IMMIGRATION_REFUSED,
                f"{request.offence.statute} is immigration law: a search for it is immigration "
                "enforcement and must say so.",
            )
        return None
    if request.instrument.type is InstrumentType.JUDICIAL_WARRANT_IMMIGRATION:
        return None
    return Reason(
        ErrorCode.IMMIGRATION_REFUSED,
        "Immigration enforcement is refused without a warrant signed by a judge.",
    )


def instrument_date(asked: Asked) -> Reason | None:
    """R-7: an instrument dated in the future is none."""
    named = asked.request.instrument
    tomorrow = (asked.now + timedelta(days=1)).date().isoformat()  # it is tomorrow somewhere
    if named.type is InstrumentType.NONE or named.date <= tomorrow:
        return None
    return Reason(
        ErrorCode.INSTRUMENT_REQUIRED,
        f"The {words(named.type)} is dated {named.date}, in the future.",
    )


REQUEST_GUARDS: tuple[Callable[[Asked], Reason | None], ...] = (
    training,
    probe_kind,
    federal_ground,
    prohibited_purpose,
    role_fits_purpose,
    immigration,
    instrument_date,
)


def _months_after(start: date, months: int) -> date:
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
