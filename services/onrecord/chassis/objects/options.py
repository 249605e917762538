"""How a command reaches an object store: options, better given by the environment."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

_P = ParamSpec("_P")
_R = TypeVar("_R")


def object_options(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """`endpoint`, `region`, `access_key` and `secret_key`."""
    for option in (
        click.option(
            "--endpoint",
            envvar="ONRECORD_OBJECTS_ENDPOINT",
            default="",
            help="The S3 endpoint (ONRECORD_OBJECTS_ENDPOINT); default: AWS's own.",
        ),
        click.option(
            "--region", envvar="ONRECORD_OBJECTS_REGION", default="us-east-1", show_default=True
        ),
        click.option(
            "--access-key",
            envvar="ONRECORD_OBJECTS_ACCESS_KEY",
            default="",
            help="ONRECORD_OBJECTS_ACCESS_KEY; default: what the platform gives.",
        ),
        click.option(
            "--secret-key",
            envvar="ONRECORD_OBJECTS_SECRET_KEY",
            default="",
            help="ONRECORD_OBJECTS_SECRET_KEY; it is better kept there.",
        ),
    ):
        command = option(command)
    return command
