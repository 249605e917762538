"""Which witnesses an installation on one folder asks: options that two commands share."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from onrecord.audit.core.witnessing import WitnessAddress, Witnessing

_Command = TypeVar("_Command", bound=Callable[..., Any])


def witness_options(command: _Command) -> _Command:
    """`--witness` and `--witness-quorum`, for `witnessing_of`."""
    for option in (
        click.option(
            "--witness-quorum",
            type=click.IntRange(1, 64),
            default=1,
            show_default=True,
            help="How many of them must have cosigned before a lead is no more UNWITNESSED.",
        ),
        click.option(
            "--witness",
            "witnesses",
            metavar='"VKEY URL"',
            multiple=True,
            help="A witness that is asked to cosign the ledger. May be given several times.",
        ),
    ):
        command = option(command)
    return command


def witnessing_of(witnesses: Sequence[str], quorum: int) -> Witnessing:
    """What the two options say. Raises `click.UsageError`."""
    try:
        addresses = tuple(WitnessAddress.parse(one) for one in witnesses)
        return Witnessing(addresses, quorum if addresses else 0)
    except ValueError as error:
        raise click.UsageError(f"--witness: {error}") from error
