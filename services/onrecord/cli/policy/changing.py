"""`diff`: a change of law as a change of answers."""

import sys
from pathlib import Path

import click

from onrecord.audit.core.comparing import Difference, compare
from onrecord.cli.policy.answer_text import say_rows
from onrecord.cli.policy.layout import TOLD, as_json, heading, line
from onrecord.cli.policy.sources import Existing, read_source


@click.command()
@click.argument("old", type=Existing)
@click.argument("new", type=Existing)
@click.option("--exit-code", "wants_code", is_flag=True, help=f"Exit with {TOLD} on a difference.")
@click.option("--json", "machine", is_flag=True, help="For machines.")
def diff(old: Path, new: Path, wants_code: bool, machine: bool) -> None:
    """Say what NEW allows that OLD does not, and the other way round.

    Both are asked everything that can be asked, so a rule that was written anew and means the same
    is no difference, and one word that matters is.
    """
    before, after = read_source(old).state, read_source(new).state
    found = compare(before, after)
    if machine:
        as_json(_for_machines(found))
    else:
        known = {**before.authority.agencies, **after.authority.agencies}
        heading(f"{after.authority.name} ({after.authority.jurisdiction}): {old} to {new}")
        if found.gained:
            line("Newly allowed:")
            say_rows(found.gained, known, "+")
        if found.lost:
            line("No longer allowed:")
            say_rows(found.lost, known, "-")
        for term in found.terms:
            line(f"{term.name}: {term.old} -> {term.new}", hang=2)
        line(_total(found), 0)
    if wants_code and not found.empty:
        sys.exit(TOLD)


def _total(found: Difference) -> str:
    if found.empty:
        return f"No difference: both answer alike in all of {found.cases_kept} cases allowed."
    return (
        f"{found.cases_gained} cases gained, {found.cases_lost} lost, {found.cases_kept} allowed "
        f"before and after; {len(found.terms)} terms changed."
    )


def _for_machines(found: Difference) -> dict[str, object]:
    return {
        "gained": [row.to_json() for row in found.gained],
        "lost": [row.to_json() for row in found.lost],
        "cases": {
            "gained": found.cases_gained,
            "lost": found.cases_lost,
            "kept": found.cases_kept,
        },
        "terms": [{"name": one.name, "old": one.old, "new": one.new} for one in found.terms],
    }
