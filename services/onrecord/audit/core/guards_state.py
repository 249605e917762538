"""Rules that apply one state's signed data, each with its own code. What holds everywhere is in
`guards`.
"""

from collections.abc import Callable

from onrecord.audit.core.authority import Authority
from onrecord.audit.core.guards import Asked, federal_ground
from onrecord.audit.core.reasons import Reason, words
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import FederalGround, Purpose, Suspicion

_SUSPICION = (Suspicion.NONE, Suspicion.REASONABLE_SUSPICION, Suspicion.PROBABLE_CAUSE)
_INSURANCE, _EMPLOYER, _IMMIGRATION = "insurance", "employer", "immigration"

# 18 USC 2721(b): whose ground each is. (1) is any government agency's; (4) is for whoever takes
# part in proceedings; (6) is insurers' alone, (9) employers' and their insurers'.
_PROCEEDINGS = frozenset({"police", "prosecutor", "court", _IMMIGRATION})


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
    rule = state.emergency
    if asked.as_emergency and rule is not None and rule.waives_suspicion:
        return None
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
    if accepted is None or asked.as_emergency or request.instrument.type in accepted:
        return None
    named = " or ".join(sorted(words(one) for one in accepted))
    return Reason(
        ErrorCode.INSTRUMENT_REQUIRED,
        f"{state.name} demands a {named} for {words(request.purpose)}.",
    )


def ground_fits_agency(asked: Asked, state: Authority) -> Reason | None:
    """R-3: a ground is somebody's; an agency cannot borrow another kind's."""
    agency = state.agencies.get(asked.claims.agency)
    if agency is None or federal_ground(asked) is not None:
        return None  # the policy names it not, or the ground is refused already
    ground = asked.request.federal_ground
    if _may_rest_on(ground, agency.kind):
        return None
    return Reason(
        ErrorCode.FEDERAL_GROUND_MISSING,
        f"18 USC 2721(b)({ground.value[1:]}) is not a ground for {agency.name}, which "
        f"{state.name} lists as {words(agency.kind)}.",
    )


def immigration_agency(asked: Asked, state: Authority) -> Reason | None:
    """R-5: what an immigration agency asks, or has asked for it, is immigration enforcement."""
    if asked.request.purpose is Purpose.IMMIGRATION_ENFORCEMENT:
        return None
    for name in (asked.claims.agency, asked.request.beneficiary_agency):
        agency = state.agencies.get(name)
        if agency is not None and agency.kind == _IMMIGRATION:
            return Reason(
                ErrorCode.IMMIGRATION_REFUSED,
                f"{agency.name} enforces immigration law, so a search by or for it is immigration "
                "enforcement and must say so.",
            )
    return None


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
    ground_fits_agency,
    immigration_agency,
    beneficiary,
)


def _may_rest_on(ground: FederalGround, kind: str) -> bool:
    if ground is FederalGround.B4:
        return kind in _PROCEEDINGS
    if ground is FederalGround.B6:
        return kind == _INSURANCE
    if ground is FederalGround.B9:
        return kind in (_EMPLOYER, _INSURANCE)
    return kind not in (_EMPLOYER, _INSURANCE)
