"""`explain`: what decided one request, and why, gallery by gallery."""

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from onrecord.audit.core.explaining import Explanation
from onrecord.audit.core.explaining import explain as explain_request
from onrecord.audit.core.guards import Asked
from onrecord.audit.core.requesting import read_decisions
from onrecord.cli.policy.bodies import bodies_options, request_at
from onrecord.cli.policy.explanation_text import for_machines, say, say_recorded
from onrecord.cli.policy.layout import TOLD, as_json, heading, instant_of, line
from onrecord.cli.policy.sources import Existing, ExistingFile, read_sources, shelf_of
from onrecord.contracts.audit import GalleryDecision
from onrecord.contracts.request_parsing import parse_request
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import parse_time
from onrecord.kernel.vocabulary import Role


@click.command()
@click.argument("request_file", metavar="[REQUEST]", type=ExistingFile, required=False)
@click.option(
    "--policy",
    "paths",
    type=Existing,
    multiple=True,
    required=True,
    help="A policy, a bundle, or a folder of policies. May be given several times.",
)
@bodies_options
@click.option("--entry", type=int, help="The index of a request in the bodies.")
@click.option("--agency", help="Whose token asks; for an entry, the entry says.")
@click.option("--trained", metavar="DATE", help="When the person asking was trained.")
@click.option("--now", "at", metavar="INSTANT", help="As of another instant than now.")
@click.option("--exit-code", "wants_code", is_flag=True, help=f"Exit with {TOLD} on a refusal.")
@click.option("--json", "machine", is_flag=True, help="For machines.")
def explain(
    request_file: Path | None,
    paths: tuple[Path, ...],
    bodies: Path | None,
    url: str | None,
    token: str | None,
    entry: int | None,
    agency: str | None,
    trained: str | None,
    at: str | None,
    wants_code: bool,
    machine: bool,
) -> None:
    """Say what decides a request, and why: a JSON file, or an entry of a ledger's bodies.

    The evaluation is the one that audit uses. Quotas are counted when a request is written, so
    they are told only where an entry tells them.
    """
    recorded: tuple[GalleryDecision, ...] = ()
    if request_file is not None and agency is not None and entry is None:
        sent, now = _read_json(request_file), instant_of(at)
    elif entry is not None and request_file is None:
        body = request_at(entry, bodies, url, token)
        sent, recorded = dict(body["request"]), read_decisions(body)
        now = parse_time(str(body["time"])) if at is None else instant_of(at)
        agency = str(body["by"]["agency"])
    else:
        raise click.UsageError("give REQUEST with --agency, or --entry with its bodies")
    request = parse_request(sent)
    claims = _claims(agency, _trained(trained, recorded, now), now)
    found = explain_request(Asked(request, claims, now), shelf_of(read_sources(paths)))
    if machine:
        as_json([for_machines(one) for one in found])
    else:
        heading(f"{agency} asks {', '.join(request.galleries)} as of {now.isoformat()}")
        for one in found:
            say(one, request)
            say_recorded(one, recorded)
        line("Quotas are not counted here: that is done when a request is written.", 0)
    if wants_code and not all(_granted(one) for one in found):
        sys.exit(TOLD)


def _granted(one: Explanation) -> bool:
    return one.verdict.granted


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise OnRecordError(ErrorCode.REQUEST_MALFORMED, f"{path} is not JSON") from error


def _trained(text: str | None, recorded: tuple[GalleryDecision, ...], now: datetime) -> date | None:
    """When the person was trained; an entry tells it only by what it refused."""
    if text is not None:
        return instant_of(f"{text}T00:00:00+00:00").date()
    codes = {code for decision in recorded for code, _ in decision.reasons}
    missing = {ErrorCode.TRAINING_MISSING.value, ErrorCode.TRAINING_EXPIRED.value}
    return now.date() if recorded and not codes & missing else None


def _claims(agency: str, trained: date | None, now: datetime) -> Claims:
    return Claims(
        subject="-",
        person="-",
        agency=agency,
        roles=frozenset({Role.REQUESTER}),
        expires_at=now,
        token_id="-",  # noqa: S106 - no token is presented here
        training_completed=trained,
    )
