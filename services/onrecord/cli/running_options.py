"""How an installation on one folder runs: options that `up` and `up-processes` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from onrecord.chassis.throttle import GIVE_WAY_SECONDS
from onrecord.cli.witness_options import witness_options

_Command = TypeVar("_Command", bound=Callable[..., Any])

models_option = click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("model_repository"),
    show_default=True,
    help="Built by `onrecord models build SET`.",
)


def running_options(command: _Command) -> _Command:
    """The port, the ledger's name, how work is shared out, and which witnesses are asked."""
    command = witness_options(command)
    for option in (
        click.option(
            "--throttle-seconds",
            type=click.FloatRange(0, 60),
            default=GIVE_WAY_SECONDS,
            show_default=True,
            help="How long enrolling gives way to searches, before each piece of work; 0: never.",
        ),
        click.option(
            "--inference-threads",
            type=click.IntRange(1, 64),
            default=1,
            show_default=True,
            help="Threads a model may use for one call.",
        ),
        click.option(
            "--origin", default="localhost/onrecord", show_default=True, help="The ledger's name."
        ),
        click.option("--port", default=8420, show_default=True, help="0 takes a free one."),
    ):
        command = option(command)
    return command
