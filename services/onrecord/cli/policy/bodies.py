"""Requests out of a ledger's bodies: read here, not verified; `ledger verify` does that."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from onrecord.audit.core.replaying import REQUESTS
from onrecord.cli.ledger_source import read_bodies
from onrecord.cli.policy.sources import ExistingFile
from onrecord.proof.entry import parse_body

_F = TypeVar("_F", bound=Callable[..., Any])


def bodies_options(command: _F) -> _F:
    """`--bodies`, or `--url` with `--token`: where the bodies are."""
    token = click.option(
        "--token", envvar="ONRECORD_TOKEN", help="An auditor's own token, with --url."
    )
    url = click.option("--url", help="A gateway, whose bodies an auditor may read.")
    file = click.option(
        "--bodies", type=ExistingFile, help="A ledger's bodies.jsonl, as auditors have it."
    )
    return file(url(token(command)))


def requests_in(
    bodies: Path | None, url: str | None, token: str | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and body of each request, granted or refused, in order."""
    if (bodies is None) == (url is None):
        raise click.UsageError("give --bodies, or --url with --token")
    found = _of_gateway(url, token) if bodies is None else _of_file(bodies)
    for index, data in found:
        body, _, kind = parse_body(data)
        if kind in REQUESTS:
            yield index, body


def request_at(
    wanted: int, bodies: Path | None, url: str | None, token: str | None
) -> dict[str, Any]:
    """The request that stands at an index."""
    for index, body in requests_in(bodies, url, token):
        if index == wanted:
            return body
    raise click.UsageError(f"entry {wanted} is not a request, or its body is not there")


def _of_file(path: Path) -> Iterator[tuple[int, bytes]]:
    for index, _, data in read_bodies(path):
        yield index, data


def _of_gateway(url: str | None, token: str | None) -> Iterator[tuple[int, bytes]]:
    from onrecord.client import ClientError, OnRecordClient

    if url is None or not token:
        raise click.UsageError("--url needs an auditor's --token")
    with OnRecordClient(url, token) as client:
        try:
            for one in client.bodies():
                yield one.index, one.body
        except ClientError as error:
            raise click.ClickException(f"{error.code}: {error.message}") from error
