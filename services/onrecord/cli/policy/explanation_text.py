"""An explanation, set as text and for machines."""

from collections.abc import Sequence
from typing import Any

import click

from onrecord.audit.core.answer_rows import listed
from onrecord.audit.core.explaining import Explanation, PermitReading, PolicyReading
from onrecord.audit.core.reasons import day, words
from onrecord.cli.policy.layout import bad, good, titled
from onrecord.contracts.audit import GalleryDecision
from onrecord.contracts.requests import SearchRequest


def say(one: Explanation, request: SearchRequest) -> None:
    """One gallery: the verdict, what decided it, and how each permit was read."""
    verdict = one.verdict
    told = good("GRANTED") if verdict.granted else bad("REFUSED")
    click.echo(f"\n{click.style(verdict.gallery, bold=True)}  {told}")
    for reason in one.above:
        titled("above all law", f"{reason.message} [{reason.code.value}]", 15)
    for reason in one.own:
        titled("its own law", f"{reason.message} [{reason.code.value}]", 15)
    if one.reading is None:
        return
    authority = one.reading.authority
    titled(
        "rests on",
        f"{authority.instrument.citation}, {day(authority.effective)} to {day(authority.expires)}",
        15,
    )
    if verdict.granted:
        titled("allows", f"a list of {verdict.list_size} for {verdict.grant_minutes} minutes", 15)
    if verdict.emergency is not None:
        terms = verdict.emergency
        titled(
            "emergency",
            f"it waives {listed(code.value for code in terms.waived)}; within "
            f"{terms.followup_hours} hours {listed(sorted(terms.instruments), 'or')} must follow",
            15,
        )
    _say_tier(one.reading, request)
    for reading in one.reading.permits:
        _say_permit(reading, verdict.granted)
    for forbid in one.reading.forbids:
        titled("forbid", f"{forbid.label} applies: it forbids {forbid.summary}", 15)
    silent = one.reading.forbids_in_all - len(one.reading.forbids)
    if silent:
        titled("forbid", f"{silent} other{'s do' if silent > 1 else ' does'} not apply", 15)


def say_recorded(one: Explanation, recorded: Sequence[GalleryDecision]) -> None:
    """What the ledger says of this gallery, and whether it says the same."""
    for decision in recorded:
        if decision.gallery != one.verdict.gallery:
            continue
        told = "granted" if decision.granted else "refused"
        codes = [code for code, _ in decision.reasons]
        now = [reason.code.value for reason in one.verdict.reasons]
        same = decision.granted == one.verdict.granted and codes == now
        text = f"{told}{': ' if codes else ''}{', '.join(codes)}"
        titled("in the ledger", text if same else f"{text}, which differs: {_why(decision)}", 15)


def _why(decision: GalleryDecision) -> str:
    under = decision.policy
    return (
        "another policy was in force, or a quota was used up"
        if under is None
        else f"it was decided under the policy {under[:16]}…, or a quota was used up"
    )


def _say_tier(reading: PolicyReading, request: SearchRequest) -> None:
    listed_tier = reading.authority.listed_tier(request.offence.statute)
    if listed_tier is not None and listed_tier is not request.offence.tier:
        titled(
            "tier",
            f"the state lists {request.offence.statute} as {words(listed_tier)}; the request "
            f"declares {words(request.offence.tier)}, which does not count",
            15,
        )


def _say_permit(reading: PermitReading, granted: bool) -> None:
    label = reading.permit.label
    if reading.applies:
        said = "applies" if granted else "would apply by itself"
        titled("permit", f"{label} {said}", 15)
        return
    why = [] if reading.names_agency else ["it does not name the agency"]
    why += [
        f"it takes {words(miss.attribute)} {listed(sorted(miss.taken), 'or')}, and this is "
        f"{words(miss.given)}"
        for miss in reading.misses
    ]
    titled("permit", f"{label} does not apply, because {'; '.join(why)}", 15)


def for_machines(one: Explanation) -> dict[str, Any]:
    """The same, for machines."""
    said: dict[str, Any] = {
        "gallery": one.verdict.gallery,
        "granted": one.verdict.granted,
        "above": [{"code": r.code.value, "message": r.message} for r in one.above],
        "own": [{"code": r.code.value, "message": r.message} for r in one.own],
    }
    if one.reading is not None:
        said["shown"] = dict(one.reading.shown)
        said["permits"] = [
            {
                "id": reading.permit.label,
                "applies": reading.applies,
                "names_agency": reading.names_agency,
                "misses": [
                    {"attribute": miss.attribute, "given": miss.given, "taken": sorted(miss.taken)}
                    for miss in reading.misses
                ],
            }
            for reading in one.reading.permits
        ]
        said["forbids"] = [forbid.label for forbid in one.reading.forbids]
    return said
