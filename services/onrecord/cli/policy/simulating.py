"""`simulate`: past requests put to a proposed policy."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from onrecord.audit.core.reasons import words
from onrecord.audit.core.replaying import Counts, Decision, Replay, Replayed, Summary, summarise
from onrecord.cli.policy.bodies import bodies_options, requests_in
from onrecord.cli.policy.layout import TOLD, as_json, bad, good, heading, line, table
from onrecord.cli.policy.sources import Existing, read_source

_HEAD = ("", "asked", "were granted", "would be", "newly granted", "newly refused")


@click.command()
@click.argument("path", metavar="POLICY", type=Existing)
@bodies_options
@click.option("--entries", default=20, show_default=True, help="How many entries to list at most.")
@click.option("--exit-code", "wants_code", is_flag=True, help=f"Exit with {TOLD} on a change.")
@click.option("--json", "machine", is_flag=True, help="For machines; lists every entry.")
def simulate(
    path: Path,
    bodies: Path | None,
    url: str | None,
    token: str | None,
    entries: int,
    wants_code: bool,
    machine: bool,
) -> None:
    """Replay past requests, granted and refused, against a proposed POLICY of one state.

    Each is evaluated and its quotas are counted as audit does it, as if the proposed policy had
    been in force all along. People ask otherwise under another law; the past shows only what they
    asked under this one.
    """
    state = read_source(path).state
    replay = Replay(state)
    found = summarise(replay.put(index, body) for index, body in requests_in(bodies, url, token))
    if machine:
        as_json(_for_machines(found))
    else:
        authority = state.authority
        heading(f"{authority.name} ({authority.jurisdiction}): {path} on {bodies or url}")
        _say(found, entries)
    if wants_code and found.changed:
        sys.exit(TOLD)


def _say(found: Summary, entries: int) -> None:
    if not found.all.asked:
        line("No request in these bodies asks for this gallery.")
        return
    table(_HEAD, [_cells("all", found.all)])
    for title, by in (("by agency", found.by_agency), ("by purpose", found.by_purpose)):
        click.echo()
        named = [
            _cells(words(name) if by is found.by_purpose else name, by[name]) for name in sorted(by)
        ]
        table((title, *_HEAD[1:]), named)
    if not found.changed:
        line("\nNo request would have ended otherwise.".strip(), 0)
        return
    click.echo()
    for one in found.changed[:entries]:
        _say_entry(one)
    if len(found.changed) > entries:
        line(f"... and {len(found.changed) - entries} more (--entries, or --json for all)")


def _say_entry(one: Replayed) -> None:
    request = one.request
    verdict = good("would be granted") if one.would_be.granted else bad("would be refused")
    click.echo(f"  {one.index:>6}  {one.time}  {one.agency}  {verdict}")
    about = f"{words(request.purpose)}, {words(request.offence.tier)}"
    if request.offence.statute:
        about += f" ({request.offence.statute})"
    line(f"{about}: {_because(one)}", 10)


def _because(one: Replayed) -> str:
    codes = one.was.codes if one.would_be.granted else one.would_be.codes
    return ("was refused for " if one.would_be.granted else "for ") + ", ".join(codes)


def _cells(name: str, counts: Counts) -> tuple[object, ...]:
    return (
        name,
        counts.asked,
        counts.was_granted,
        counts.would_be_granted,
        counts.gained,
        counts.lost,
    )


def _for_machines(found: Summary) -> dict[str, object]:
    return {
        "all": asdict(found.all),
        "by_agency": {name: asdict(one) for name, one in sorted(found.by_agency.items())},
        "by_purpose": {name: asdict(one) for name, one in sorted(found.by_purpose.items())},
        "changed": [
            {
                "index": one.index,
                "time": one.time,
                "agency": one.agency,
                "purpose": one.request.purpose.value,
                "was": _decision(one.was),
                "would_be": _decision(one.would_be),
            }
            for one in found.changed
        ],
    }


def _decision(one: Decision) -> dict[str, object]:
    return {"granted": one.granted, "codes": list(one.codes)}
