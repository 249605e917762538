"""Requests out of a ledger's bodies: read here, not verified; `ledger verify` does that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from onrecord.audit.core.replaying import REQUESTS
from onrecord.cli.ledger_source import read_bodies
from onrecord.proof.entry import parse_body


def requests_in(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and body of each request, granted or refused, in order."""
    for index, _, data in read_bodies(path):
        body, _, kind = parse_body(data)
        if kind in REQUESTS:
            yield index, body


def request_at(path: Path, wanted: int) -> dict[str, Any]:
    """The request that stands at an index."""
    for index, body in requests_in(path):
        if index == wanted:
            return body
    raise click.UsageError(f"entry {wanted} is not a request, or its body is not in {path}")
