"""`who`: which agencies could search a state's gallery, for what."""

from pathlib import Path

import click

from onrecord.audit.core.answer_rows import rows
from onrecord.audit.core.answers import answers, space_of
from onrecord.audit.core.reasons import day
from onrecord.cli.policy.answer_text import say_emergency, say_rows
from onrecord.cli.policy.layout import as_json, heading, instant_of, line
from onrecord.cli.policy.sources import Existing, read_sources


@click.command()
@click.argument("paths", metavar="POLICY...", type=Existing, nargs=-1, required=True)
@click.option("--agency", help="Only what this agency could ask.")
@click.option("--now", "at", metavar="INSTANT", help="As of another instant than now.")
@click.option("--json", "machine", is_flag=True, help="For machines.")
def who(paths: tuple[Path, ...], agency: str | None, at: str | None, machine: bool) -> None:
    """Say which agencies could search, for what, on which footing.

    Every combination of the vocabularies is put to the evaluation that decides requests; the
    answers are exact. They are told as if the policy were in force, the person asking trained, the
    probe a photograph and no quota used up.
    """
    now = instant_of(at)
    told = []
    for source in read_sources(paths).values():
        authority = source.state.authority
        space = space_of(source.state)
        granted = answers(source.state, space)
        if agency is not None:
            granted = frozenset(one for one in granted if agency in space.agencies[one.agency])
        found = rows(granted, space)
        in_force = authority.effective <= now < authority.expires
        told.append(
            {
                "jurisdiction": authority.jurisdiction,
                "in_force": in_force,
                "cases": len(granted),
                "rows": [row.to_json() for row in found],
            }
        )
        if machine:
            continue
        heading(f"{authority.name} ({authority.jurisdiction}): {authority.instrument.citation}")
        if not in_force:
            when = (
                f"It ran out on {day(authority.expires)}"
                if now >= authority.expires
                else f"It takes effect on {day(authority.effective)}"
            )
            line(f"{when}: nobody can search on this day. In force, it would allow:")
        if not found:
            line("Nobody, for nothing.")
        say_rows(found, authority.agencies, "-")
        say_emergency(authority)
    if machine:
        as_json(told)
    else:
        line("What this does not show: quotas, training, and the words of the narrative.", 0)
