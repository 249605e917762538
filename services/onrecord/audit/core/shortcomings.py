"""What a policy that is in form still lacks: said to its authors, before its readers say it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from onrecord.audit.core.canonical_form import Permit
from onrecord.audit.core.cedar_schema import PURPOSE
from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.reasons import day, words
from onrecord.kernel.vocabulary import Purpose, RoleSought

EXPIRY_NEAR = timedelta(days=90)
LONG_TERM = timedelta(days=5 * 366)
UNFILLED = "TO BE FILLED IN"
"""What a skeleton holds where a state must write something."""

_NEEDED_ROLE = {
    Purpose.IDENTIFY_VICTIM: RoleSought.VICTIM,
    Purpose.IDENTIFY_WITNESS: RoleSought.WITNESS,
    Purpose.MISSING_PERSON: RoleSought.MISSING,
    Purpose.DECEASED_IDENTIFICATION: RoleSought.DECEASED,
    Purpose.UNIDENTIFIED_PERSON: RoleSought.UNIDENTIFIED,
}


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """`what` in a word, for machines; `message` for the author."""

    what: str
    message: str


def shortcomings(state: StatePolicy, now: datetime) -> tuple[Shortcoming, ...]:
    """Everything that is lacking, the gravest first. It may be signed and activated all the same:
    what must not be is refused when the policy is read.
    """
    return (*_unfilled(state), *_law(state), *_dates(state, now), *_rules(state))


def _unfilled(state: StatePolicy) -> list[Shortcoming]:
    authority = state.authority
    places = {
        "name": authority.name,
        "instrument.citation": authority.instrument.citation,
        "instrument.summary": authority.instrument.summary,
        "notice_to_drivers": authority.notice_to_drivers,
    }
    return [
        Shortcoming("unfilled", f"{place} is still to be filled in")
        for place, text in places.items()
        if UNFILLED in text
    ]


def _law(state: StatePolicy) -> list[Shortcoming]:
    authority, found = state.authority, []
    if authority.legal_review == "required":
        found.append(
            Shortcoming("legal_review", "no lawyer of the state has reviewed it (legal_review)")
        )
    if authority.instrument.kind == "none":
        found.append(
            Shortcoming("instrument", "it rests on no statute and no agreement: it cannot permit")
        )
    elif not authority.instrument.legislature_voted and state.text.permits:
        found.append(Shortcoming("vote", "the legislature has not voted on what it permits"))
    notice = authority.notice_to_drivers.casefold()
    if state.text.permits and notice.startswith(("none", "no notice")):
        found.append(Shortcoming("notice", "drivers have not been told"))
    return found


def _dates(state: StatePolicy, now: datetime) -> list[Shortcoming]:
    begins, ends = state.authority.effective, state.authority.expires
    if now >= ends:
        return [Shortcoming("expired", f"it ran out on {day(ends)}: every request is refused")]
    if ends - now <= EXPIRY_NEAR:
        left = (ends - now).days
        return [
            Shortcoming(
                "expiry_near",
                f"it runs out on {day(ends)}, in {left} days; then every request is refused",
            )
        ]
    if now < begins:
        return [Shortcoming("not_yet", f"it takes effect on {day(begins)}, not before")]
    if ends - begins > LONG_TERM:
        return [Shortcoming("long_term", "it lasts more than five years without being looked at")]
    return []


def _rules(state: StatePolicy) -> list[Shortcoming]:
    authority, permits = state.authority, state.text.permits
    if not permits:
        return []
    found = []
    if not authority.roles_sought:
        found.append(Shortcoming("roles_sought", "nobody may be sought, so no permit can be used"))
    for permit in permits:
        found += _never(state, permit)
    if not authority.statutes:
        found.append(
            Shortcoming("statutes", "it lists no statutes: an offence has the tier it is declared")
        )
    if any(getattr(authority.quotas, name) == 0 for name in authority.quotas.__slots__):
        found.append(Shortcoming("quotas", "a quota is 0: every search is refused"))
    unused = sorted(set(authority.groups) - _groups_in_use(state))
    if unused:
        found.append(Shortcoming("groups", f"no permit reaches the group {', '.join(unused)}"))
    return found


def _never(state: StatePolicy, permit: Permit) -> list[Shortcoming]:
    found = []
    for word in sorted(permit.conditions[PURPOSE]):
        purpose = Purpose(word)
        role = _NEEDED_ROLE.get(purpose)
        if role is not None and role not in state.authority.roles_sought:
            found.append(
                Shortcoming(
                    "roles_sought",
                    f"{permit.label} permits {words(purpose)}, but a {words(role)} may not be "
                    "sought (roles_sought)",
                )
            )
        demanded = state.authority.instruments_required.get(purpose)
        if purpose is Purpose.IMMIGRATION_ENFORCEMENT and demanded is None:
            found.append(
                Shortcoming(
                    "immigration",
                    f"{permit.label} permits immigration enforcement and demands no instrument of "
                    "its own; a judge's warrant is demanded everywhere",
                )
            )
    return found


def _groups_in_use(state: StatePolicy) -> set[str]:
    named = [permit.agencies for permit in state.text.permits]
    return {
        group
        for group, members in state.authority.groups.items()
        if any(set(members) <= agencies for agencies in named)
    }
