"""Canonical JSON: RFC 8785, restricted to what has one spelling everywhere.

No floats (numbers are where implementations differ), integers within ±(2^53 - 1), keys that are
strings, no lone surrogates, and at most `MAX_DEPTH` levels. What decodes here encodes to the very
same bytes, so a digest of the bytes is a digest of the meaning.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import TypeAlias

from onrecord.kernel.errors import ErrorCode, OnRecordError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64


def encode(value: object) -> bytes:
    """The canonical bytes of `value`; tuples are written as lists.

    Raises `OnRecordError(REQUEST_MALFORMED)` for a float, an integer beyond ±(2^53 - 1), a lone
    surrogate, a key that is not a string, any other type, or more than `MAX_DEPTH` levels.
    """
    try:
        text = _ENCODER.encode(value)
        # Reading it again shows what the encoder turns into something else, or lets through.
        if _READER.decode(text) == value and _sorted_alike(text) and _is_shallow(text, value):
            return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        pass  # what is wrong with it is told below
    # With its members in order and its types checked, the standard encoder writes what section 3
    # of RFC 8785 asks: the same seven short escapes, lower-case \u00xx, everything else as it is.
    ordered = _ordered(value, "", 0)
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), check_circular=False)
    return text.encode("utf-8")


def decode(data: bytes) -> Json:
    """The value whose canonical bytes are exactly `data`.

    Raises `OnRecordError(REQUEST_MALFORMED)` for anything else: not UTF-8, not JSON, duplicate
    keys, floats, spaces, another order of keys, another escape, `-0`.
    """
    try:
        text = data.decode("utf-8")
        read: Json = _READER.decode(text)
        if _ENCODER.encode(read) == text and _sorted_alike(text) and _is_shallow(text, read):
            return read
    except (ValueError, RecursionError):
        pass  # what is wrong with it is told below
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError) as error:
        raise _malformed("not canonical JSON: it cannot be parsed") from error
    canonical: Json = _ordered(value, "", 0)
    if encode(canonical) != data:
        raise _malformed("not canonical JSON: its canonical form has other bytes")
    return canonical


def digest(value: object) -> bytes:
    """SHA-256 of the canonical bytes (32 bytes). Raises as `encode`."""
    return hashlib.sha256(encode(value)).digest()


def _ordered(value: object, at: str, depth: int) -> Json:
    """A plain copy of `value` with keys sorted by their UTF-16 code units."""
    if depth > MAX_DEPTH:
        raise _malformed(f"nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise _malformed("an integer beyond 2^53 - 1", at)
        return int(value)
    if isinstance(value, str):
        _code_units(value, at)
        return str(value)
    if isinstance(value, list | tuple):
        return [_ordered(item, f"{at}[{n}]", depth + 1) for n, item in enumerate(value)]
    if isinstance(value, dict):
        keyed: list[tuple[bytes, str, object]] = []
        for key, item in value.items():
            if not isinstance(key, str):
                raise _malformed("a key that is not a string", at)
            keyed.append((_code_units(key, at), str(key), item))
        keyed.sort(key=lambda member: member[0])
        return {key: _ordered(item, f"{at}.{key}"[:200], depth + 1) for _, key, item in keyed}
    raise _malformed(f"a {type(value).__name__} has no canonical form", at)


def _code_units(text: str, at: str) -> bytes:
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise _malformed("text with a lone surrogate", at) from error


def _sorted_alike(text: str) -> bool:
    """Whether code points sort as UTF-16 code units do: no surrogate, nothing above them."""
    return text.isascii() or max(text) < "\ud800"


def _is_shallow(text: str, value: object) -> bool:
    if text.count("{") + text.count("[") <= MAX_DEPTH:  # each level opens with one of them
        return True
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return True
    return False


def _within(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _refuse_number(text: str) -> object:
    raise ValueError(f"not an integer: {text}")


def _integer(text: str) -> int:
    value = int(text)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ValueError("an integer beyond 2^53 - 1")
    return value


def _malformed(message: str, at: str = "") -> OnRecordError:
    return OnRecordError(ErrorCode.REQUEST_MALFORMED, message, field=at.lstrip(".")[:200] or None)


# The standard library's own encoder and parser, which is not Python, do the work wherever what they
# make is canonical; `_ordered`, twenty times slower, does it elsewhere and says what is wrong.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
)
_READER = json.JSONDecoder(
    parse_int=_integer, parse_float=_refuse_number, parse_constant=_refuse_number
)
