"""What preflight finds, and how it is told."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """NOT_CHECKED: nobody can say; the reason is told, and the exit status stays 0."""

    OK = "ok"
    MISSING = "missing"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Result:
    """Of one thing. `command`: what makes it, or shows why it is missing; '' where none does."""

    status: Status
    says: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A result, of which process and which subject."""

    process: str
    subject: str
    result: Result


def ok(says: str) -> Result:
    return Result(Status.OK, says)


def missing(says: str, command: str = "") -> Result:
    return Result(Status.MISSING, says, command)


def not_checked(why: str, command: str = "") -> Result:
    return Result(Status.NOT_CHECKED, why, command)


def is_fit(found: Sequence[Checked]) -> bool:
    return not any(one.result.status is Status.MISSING for one in found)


def lines(one: Checked) -> Iterator[str]:
    """As a person reads it: a line, and the command under it."""
    result = one.result
    yield f"{result.status:<11}  {one.process}  {one.subject}: {result.says}"
    if result.command:
        yield f"{'':<11}  {result.command}"


def as_json(found: Sequence[Checked]) -> str:
    """As a program reads it."""
    checks = [
        {
            "process": one.process,
            "subject": one.subject,
            "status": one.result.status.value,
            "says": one.result.says,
            "command": one.result.command,
        }
        for one in found
    ]
    return json.dumps({"fit": is_fit(found), "checks": checks}, indent=2)
