"""Write `docs/authorities.md` and `docs/who-may-ask.md` from `policies/`.

The first shows the example authorities side by side and what they were checked against; the second
who may ask what, where: every combination of the vocabularies put to the evaluation that decides
requests. `--check` writes nothing and fails where a page is not what the policies say.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from onrecord.audit.core.answer_rows import (
    Row,
    instrument_needed,
    listed,
    rows,
    sought_told,
    suspicion_needed,
    tiers_told,
)
from onrecord.audit.core.answers import UNLISTED, answers, space_of
from onrecord.audit.core.policy import StatePolicy, read_policy
from onrecord.audit.core.reasons import day, words
from onrecord.kernel.vocabulary import InstrumentType, OffenceTier, Purpose, Suspicion

ROOT = Path(__file__).resolve().parents[1]
POLICIES = ROOT / "policies"
SIDE_BY_SIDE = ROOT / "docs" / "authorities.md"
MATRIX = ROOT / "docs" / "who-may-ask.md"

_MADE = "Made from `policies/` by `tools/authority_pages.py`; a test keeps it current.\n"
_NOT_ADVICE = (
    "The authorities are **examples**. Each has `legal_review: required`; none is legal advice, "
    "and none is in force anywhere.\n"
)
_CHECKED = {
    "text": "its words",
    "secondary": "only what others write; **not checked against the text**",
    "heading": "only that it exists; **not checked against the text**",
}
_SHORT_TIER = {
    OffenceTier.VIOLENT_FELONY: "V",
    OffenceTier.FELONY: "F",
    OffenceTier.MISDEMEANOR: "M",
    OffenceTier.INFRACTION: "I",
    OffenceTier.NONE: "-",
}


def main() -> None:
    states = read_states(POLICIES)
    sources = yaml.safe_load((POLICIES / "sources.yaml").read_text("utf-8"))
    pages = {SIDE_BY_SIDE: side_by_side(states, sources), MATRIX: matrix(states)}
    if sys.argv[1:] == ["--check"]:
        stale = [path.name for path, text in pages.items() if path.read_text("utf-8") != text]
        if stale:
            sys.exit(f"stale: {', '.join(stale)}; run tools/authority_pages.py")
        return
    for path, text in pages.items():
        path.write_text(text, "utf-8")


def read_states(folder: Path) -> list[StatePolicy]:
    """The example policies, by the names of their states."""
    found = [
        read_policy(
            (one / "policy.cedar").read_bytes(), (one / "authority.yaml").read_bytes(), one.name
        )
        for one in sorted(folder.iterdir())
        if one.is_dir()
    ]
    return sorted(found, key=lambda state: state.authority.name)


def side_by_side(states: Sequence[StatePolicy], sources: dict[str, Any]) -> str:
    """Instrument, vote, notice, term and limits of each; then what each was checked against."""
    lines = ["# Example authorities, side by side", "", _MADE, _NOT_ADVICE]
    head = (
        "state",
        "rests on",
        "voted",
        "drivers told",
        "in force",
        "least suspicion",
        "instrument demanded",
        "emergency",
        "a day: person, agency, gallery; case; probe",
        "list",
        "lead kept",
    )
    lines += table(head, (_cells(state) for state in states))
    lines += ["", "What each allows stands in [who may ask what](who-may-ask.md).", ""]
    lines += ["## What they rest on, and what was checked", ""]
    for state in states:
        lines += _checked(state, sources[state.authority.jurisdiction])
    return "\n".join(lines).rstrip() + "\n"


def matrix(states: Sequence[StatePolicy]) -> str:
    """One grid of all, then each state's rows."""
    found = {}
    for state in states:
        space = space_of(state)
        found[state.authority.jurisdiction] = rows(answers(state, space), space)
    lines = ["# Who may ask what, where", "", _MADE, _NOT_ADVICE]
    lines += [
        "Each cell: the offence tiers (V violent felony, F felony, M misdemeanor, I infraction, "
        "- none), then the least suspicion (RS reasonable suspicion, PC probable cause), then the "
        "instrument (CO court order, SW search warrant). Empty: refused. The answers suppose that "
        "the policy is in force, the person trained, the probe a photograph, no quota used up; "
        "emergencies stand under the states.",
        "",
    ]
    grid = []
    for state in states:
        name = state.authority.jurisdiction
        grid.append([state.authority.name, *(_cell(found[name], one) for one in Purpose)])
    lines += table(("state", *(words(one) for one in Purpose)), grid)
    for state in states:
        lines += _state(state, found[state.authority.jurisdiction])
    return "\n".join(lines).rstrip() + "\n"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    told = [head, ["---"] * len(head), *body]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in told]


def _cells(state: StatePolicy) -> list[str]:
    authority = state.authority
    quotas, limits = authority.quotas, authority.limits
    demanded = [
        f"{listed((one for one in InstrumentType if one in accepted), 'or')} for {words(purpose)}"
        for purpose, accepted in authority.instruments_required.items()
    ]
    least = [f"{words(one)} for {words(to)}" for to, one in authority.suspicion_minimum.items()]
    rule = authority.emergency
    return [
        f"{authority.name} ({authority.jurisdiction})",
        f"{authority.instrument.kind}: {authority.instrument.citation}",
        "yes" if authority.instrument.legislature_voted else "no",
        authority.notice_to_drivers,
        f"{day(authority.effective)} to {day(authority.expires)}",
        "; ".join(least) or "-",
        "; ".join(demanded) or "-",
        "-" if rule is None else f"follow-up in {rule.followup_hours} h",
        f"{quotas.per_person_per_day}, {quotas.per_agency_per_day}, {quotas.per_gallery_per_day}; "
        f"{quotas.per_case}; {quotas.per_probe}",
        str(limits.list_size),
        _years(authority.retention.lead_years),
    ]


def _years(count: int) -> str:
    return "1 year" if count == 1 else f"{count} years"


def _checked(state: StatePolicy, source: dict[str, Any]) -> list[str]:
    authority = state.authority
    lines = [f"### {authority.name}", "", authority.instrument.summary, ""]
    if authority.prohibition is not None:
        lines += [f"Forbids {authority.prohibition.summary}.", ""]
    body = [
        [one["citation"], one["says"], f"{_CHECKED[one['checked']]} ({one['at']})"]
        for one in source["sources"]
    ]
    lines += table(("source", "says, in short", "what was read on 23 November 2026"), body)
    lines += [
        "",
        f"**Not checked:** {source['not_checked']}.",
        "",
        "The example's own choices:",
        "",
    ]
    lines += [f"- {choice}" for choice in source["choices"]]
    return [*lines, ""]


def _cell(found: Sequence[Row], purpose: Purpose) -> str:
    cells = []
    for row in found:
        if purpose not in row.purposes:
            continue
        parts = [" ".join(_SHORT_TIER[one] for one in row.tiers)]
        least = row.suspicion[0]
        if least is not Suspicion.NONE:
            parts.append("RS" if least is Suspicion.REASONABLE_SUSPICION else "PC")
        if InstrumentType.NONE not in row.instruments:
            short = {InstrumentType.COURT_ORDER: "CO", InstrumentType.SEARCH_WARRANT: "SW"}
            parts.append("/".join(short.get(one, words(one)) for one in row.instruments))
        cells.append(" · ".join(parts))
    return "<br>".join(dict.fromkeys(cells))


def _state(state: StatePolicy, found: Sequence[Row]) -> list[str]:
    authority = state.authority
    term = f"{day(authority.effective)} to {day(authority.expires)}"
    lines = ["", f"## {authority.name}", "", f"{authority.instrument.citation}, {term}.", ""]
    if not found:
        why = [one.summary for one in state.text.forbids if one.summary]
        if authority.prohibition is not None:
            why = [f"{authority.prohibition.summary} ({authority.prohibition.citation})"]
        return [*lines, f"Nobody, for nothing: forbidden is {why[0]}." if why else "Nobody."]
    body = [
        [
            listed(authority.agencies[one].name for one in row.agencies),
            listed((words(one) for one in row.purposes), "or"),
            tiers_told(row.tiers),
            suspicion_needed(row) or "-",
            instrument_needed(row) or "-",
            sought_told(row.roles),
            _for_whom(state, row),
        ]
        for row in found
    ]
    head = ("who", "for what", "in cases of", "suspicion", "instrument", "to find", "for whom")
    lines += table(head, body)
    rule = authority.emergency
    if rule is not None:
        lines += [
            "",
            f"In an emergency the instrument may follow within {rule.followup_hours} hours, for "
            f"{listed((words(one) for one in Purpose if one in rule.purposes), 'or')}.",
        ]
    for forbid in state.text.forbids:
        lines += ["", f"Forbidden: {forbid.summary} ({forbid.citation or 'no citation'})."]
    return lines


def _for_whom(state: StatePolicy, row: Row) -> str:
    known = state.authority.agencies
    if set(row.beneficiaries) - {UNLISTED} == set(known):
        return "any agency listed"
    return listed((known[one].name for one in row.beneficiaries), "or")


if __name__ == "__main__":
    main()
