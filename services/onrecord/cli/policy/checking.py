"""`check`: whether a policy is in form, what it allows in words, and what it still lacks."""

import sys
from datetime import datetime
from pathlib import Path

import click

from onrecord.audit.core.answer_rows import listed, tiers_told
from onrecord.audit.core.authority import Authority
from onrecord.audit.core.canonical_form import Permit
from onrecord.audit.core.cedar_schema import PURPOSE, TIER
from onrecord.audit.core.policy import StatePolicy
from onrecord.audit.core.reasons import day, words
from onrecord.audit.core.shortcomings import Shortcoming, shortcomings
from onrecord.cli.policy.answer_text import say_emergency
from onrecord.cli.policy.layout import TOLD, as_json, heading, instant_of, line, titled
from onrecord.cli.policy.sources import Existing, read_source
from onrecord.kernel.vocabulary import OffenceTier


@click.command()
@click.argument("path", metavar="POLICY", type=Existing)
@click.option("--strict", is_flag=True, help=f"Exit with {TOLD} where anything is lacking.")
@click.option("--now", "at", metavar="INSTANT", help="Check as of another instant than now.")
@click.option("--json", "machine", is_flag=True, help="For machines.")
def check(path: Path, strict: bool, at: str | None, machine: bool) -> None:
    """Hold POLICY to the schema and the canonical form, and say in words what it allows.

    1 where it is refused, with the first thing that is wrong; 0 where it is in form, also where
    something is lacking.
    """
    now = instant_of(at)
    state = read_source(path).state
    lacking = shortcomings(state, now)
    if machine:
        as_json(_for_machines(state, lacking))
    else:
        _describe(state, now)
        for one in lacking:
            titled("lacks", one.message)
        line("It is in canonical form and fits the schema.", 0)
    if strict and lacking:
        sys.exit(TOLD)


def _describe(state: StatePolicy, now: datetime) -> None:
    authority = state.authority
    rests_on = authority.instrument
    heading(f"{authority.name} ({authority.jurisdiction})")
    voted = "voted on" if rests_on.legislature_voted else "not voted on"
    titled("rests on", f"{rests_on.citation} ({rests_on.kind}, {voted} by the legislature)")
    titled("", rests_on.summary)
    titled("in force", _term(authority, now))
    titled("drivers", authority.notice_to_drivers)
    titled("legal review", authority.legal_review)
    if authority.prohibition is not None:
        prohibition = authority.prohibition
        titled("forbids", f"{prohibition.summary} ({prohibition.citation})")
    for permit in state.text.permits:
        titled("permits", permit.label)
        for text in _allowed(permit, authority):
            titled("", text)
    for forbid in state.text.forbids:
        told = f"{forbid.label}: {forbid.summary or 'no summary'}"
        titled("forbids", told + (f" ({forbid.citation})" if forbid.citation else ""))
    titled("sought", listed(sorted(authority.roles_sought)) if authority.roles_sought else "nobody")
    for purpose, least in authority.suspicion_minimum.items():
        titled("demands", f"at least {words(least)} for {words(purpose)}")
    for purpose, accepted in authority.instruments_required.items():
        titled("demands", f"a {listed(sorted(accepted), 'or')} for {words(purpose)}")
    say_emergency(authority)
    limits, quotas = authority.limits, authority.quotas
    titled("limits", f"lists of up to {limits.list_size}, grants of {limits.grant_minutes} min")
    titled(
        "quotas",
        f"a day {quotas.per_person_per_day} a person, {quotas.per_agency_per_day} an agency, "
        f"{quotas.per_gallery_per_day} in all; {quotas.per_case} a case, {quotas.per_probe} a "
        "probe",
    )
    titled("statutes", f"{len(authority.statutes)} listed with their tier")


def _term(authority: Authority, now: datetime) -> str:
    text = f"from {day(authority.effective)} until {day(authority.expires)}"
    if now >= authority.expires:
        return f"{text} (over)"
    return f"{text} (not yet)" if now < authority.effective else text


def _allowed(permit: Permit, authority: Authority) -> list[str]:
    told = [f"to {listed(authority.agencies[one].name for one in sorted(permit.agencies))}"]
    for attribute, taken in permit.conditions.items():
        if attribute == TIER:
            told.append(f"in cases of {tiers_told(one for one in OffenceTier if one in taken)}")
        else:
            title = "for" if attribute == PURPOSE else f"with {words(attribute)}"
            told.append(f"{title} {listed(sorted(taken), 'or')}")
    return told


def _for_machines(state: StatePolicy, lacking: tuple[Shortcoming, ...]) -> dict[str, object]:
    authority = state.authority
    return {
        "jurisdiction": authority.jurisdiction,
        "instrument": {
            "type": authority.instrument.kind,
            "citation": authority.instrument.citation,
        },
        "effective": authority.effective.isoformat(),
        "expires": authority.expires.isoformat(),
        "legal_review": authority.legal_review,
        "permits": [
            {
                "id": permit.label,
                "agencies": sorted(permit.agencies),
                "conditions": {name: sorted(taken) for name, taken in permit.conditions.items()},
            }
            for permit in state.text.permits
        ],
        "forbids": [
            {"id": one.label, "citation": one.citation, "summary": one.summary}
            for one in state.text.forbids
        ],
        "lacks": [{"what": one.what, "message": one.message} for one in lacking],
    }
