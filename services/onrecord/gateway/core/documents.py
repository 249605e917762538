"""Reading JSON that came from outside, strictly: one meaning or none."""

import json
from typing import Any, NoReturn

from onrecord.kernel.errors import ErrorCode, OnRecordError

MAX_DEPTH = 32


def read_object(data: bytes, field: str) -> dict[str, Any]:
    """The JSON object in `data`.

    Raises REQUEST_MALFORMED at `field` for what is not UTF-8, not JSON, not an object, nested
    deeper than `MAX_DEPTH`, holds a key twice, NaN or a number that is not in JSON.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"{field} is not UTF-8", field) from error
    try:
        value = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise _malformed(f"{field} is nested too deeply", field) from error
    except ValueError as error:
        raise _malformed(f"{field} is not JSON: {_words(error)}", field) from error
    if not isinstance(value, dict):
        raise _malformed(f"{field} must be a JSON object", field)
    if _depth(value) > MAX_DEPTH:
        raise _malformed(f"{field} is nested too deeply", field)
    return value


def _depth(value: object) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(item, dict):
            waiting += [(child, level + 1) for child in item.values()]
        elif isinstance(item, list):
            waiting += [(child, level + 1) for child in item]
    return deepest


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, item in pairs:
        if name in members:
            raise ValueError(f"the key {name[:80]!r} stands twice")
        members[name] = item
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")


def _words(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return str(error)[:200]


def _malformed(message: str, field: str) -> OnRecordError:
    return OnRecordError(ErrorCode.REQUEST_MALFORMED, message, field=field)
