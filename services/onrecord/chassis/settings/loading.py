"""File and environment into settings; what is wrong with them, all at once.

The environment overrides the file. What nobody knows is refused, in either: a misspelt setting
that is silently left at its default is found when it is too late. (In Kubernetes, switch
`enableServiceLinks` off: it invents variables that begin like ours.)
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from onrecord.kernel.errors import ErrorCode, OnRecordError

CONFIG_VARIABLE = "ONRECORD_CONFIG"

S = TypeVar("S", bound=BaseSettings)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `name`: the setting, or '' for the file as a whole."""

    name: str
    says: str


def load(kind: type[S], config: Path | None = None) -> S:
    """The settings. Raises SETTINGS_INVALID that names the first field and says all problems."""
    read, problems = examine(kind, config)
    if read is None or problems:
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID,
            "; ".join(f"{one.name}: {one.says}" if one.name else one.says for one in problems),
            field=problems[0].name or None,
        )
    return read


def examine(kind: type[S], config: Path | None = None) -> tuple[S | None, list[Problem]]:
    """The settings, where they can be read, and what is wrong with them."""
    path = config or _named_by_environment()
    try:
        given = _file(path) if path else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [Problem("", f"{path} cannot be read: {_reason(error)}")]
    problems = [
        Problem(name, f"there is no such setting (environment variable {variable})")
        for variable, name in _unknown_variables(kind, os.environ)
    ]
    try:
        return kind(**given), problems
    except ValidationError as error:
        return None, [*problems, *(_problem(kind, given, one) for one in error.errors())]


def _named_by_environment() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else None


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _unknown_variables(
    kind: type[BaseSettings], environ: Mapping[str, str]
) -> list[tuple[str, str]]:
    prefix = str(kind.model_config.get("env_prefix", ""))
    found = [(one, one.removeprefix(prefix).lower()) for one in environ if one.startswith(prefix)]
    return sorted(one for one in found if one[1] not in kind.model_fields)


def _problem(kind: type[BaseSettings], given: Mapping[str, Any], error: Any) -> Problem:
    # Never the value: it may be a secret.
    at = [str(part) for part in error["loc"]]
    name, inner = (at[0] if at else ""), at[1:]
    variable = f"{kind.model_config.get('env_prefix', '')}{name.upper()}"
    if error["type"] == "extra_forbidden":
        says = "there is no such setting"
    elif error["type"] == "missing":
        return Problem(name, f"must be given, in the file or as {variable}")
    else:
        says = str(error["msg"]).removeprefix("Value error, ")
        says = f"item {'.'.join(inner)}: {says}" if inner else says
    where = f"environment variable {variable}" if variable in os.environ else "file"
    return Problem(name, f"{says} ({where})" if name in given or variable in os.environ else says)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    return str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
