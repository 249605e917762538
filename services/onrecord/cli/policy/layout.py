"""How the commands set their text: headings, wrapped lines, tables. Colours only on a terminal."""

import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from onrecord.cli.ledger_lines import printable
from onrecord.kernel.errors import ErrorCode, OnRecordError

TOLD = 3
"""Exit status: understood, done, and the answer is the one to be told of."""

_WIDEST = 110
_INDENT = 2


def heading(text: str) -> None:
    click.echo(click.style(printable(text), bold=True))


def line(text: str, indent: int = _INDENT, hang: int = 0) -> None:
    """A text wrapped to the terminal; its further lines hang in by `hang`."""
    width = min(shutil.get_terminal_size((100, 24)).columns, _WIDEST)
    started = " " * indent
    click.echo(
        textwrap.fill(
            printable(text),
            width=max(width, indent + hang + 30),
            initial_indent=started,
            subsequent_indent=started + " " * hang,
            break_on_hyphens=False,
            break_long_words=False,
        )
    )


def titled(title: str, text: str, width: int = 13, indent: int = _INDENT) -> None:
    """`title        text`, the text wrapped under itself."""
    line(f"{title:<{width}}{text}" if title else " " * width + text, indent, hang=width)


def table(head: Sequence[str], body: Iterable[Sequence[object]], indent: int = _INDENT) -> None:
    """Columns as wide as their words; numbers to the right."""
    told = [[printable(str(cell)) for cell in row] for row in body]
    right = [all(row[at].lstrip("+-").isdigit() for row in told) for at in range(len(head))]
    widths = [max(len(row[at]) for row in [list(head), *told]) for at in range(len(head))]
    for number, row in enumerate([list(head), *told]):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        text = " " * indent + "  ".join(cells).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)


def good(word: str) -> str:
    return click.style(word, fg="green", bold=True)


def bad(word: str) -> str:
    return click.style(word, fg="red", bold=True)


def as_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def instant_of(text: str | None) -> datetime:
    """The instant given, or now. Raises FIELD_INVALID."""
    if text is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_instant(text) from error
    if instant.tzinfo is None:
        raise _no_instant(text)
    return instant


def _no_instant(text: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.FIELD_INVALID,
        f"{text!r} is not an instant with its zone, such as 2026-11-23T12:00:00Z",
    )
