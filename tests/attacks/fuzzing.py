"""Bytes that an attacker makes of a valid example, or of nothing.

How many cases each parser is given is `CASES`: a few in `make test`, as many as
`ONRECORD_FUZZ_CASES` says otherwise (100,000 take some minutes a parser).
"""

import copy
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError

CASES = int(os.environ.get("ONRECORD_FUZZ_CASES", "150"))
SECONDS = 1.0
"""Of the processor's time that one input of a few KiB may take: a thousand times what it does."""

fuzzed = settings(
    max_examples=CASES,
    derandomize=CASES <= 1000,  # the same cases in every quick run; others in every long one
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

_WORDS = (
    b"\n",
    b"\n\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"=",
    b"+",
    b" ",
    b"\xe2\x80\x94 ",
    b"\xed\xa0\x80",
    b"0",
    b"-1",
    b"1e9",
    b"18446744073709551616",
    b"9" * 40,
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b'"\\ud800"',
    b"[" * 80,
)
_Step = tuple[str, int, int, bytes]
_steps = st.lists(
    st.tuples(
        st.sampled_from(("flip", "put", "drop", "cut", "twice", "swap", "word")),
        st.integers(0, 2**16 - 1),
        st.integers(0, 2**16 - 1),
        st.binary(min_size=1, max_size=4) | st.sampled_from(_WORDS),
    ),
    min_size=1,
    max_size=4,
)


def mutations(*examples: bytes) -> st.SearchStrategy[bytes]:
    """Valid examples with one to four things done to them; now and then arbitrary bytes."""
    made = st.builds(_mutated, st.sampled_from(examples), _steps)
    return st.one_of(made, made, made, st.binary(max_size=300))


def _mutated(data: bytes, steps: Sequence[_Step]) -> bytes:
    for what, first, second, word in steps:
        if not data:
            return word
        at, to = sorted((first % len(data), second % len(data)))
        if what == "flip":
            data = data[:at] + bytes([data[at] ^ (1 << (second % 8))]) + data[at + 1 :]
        elif what == "put":
            data = data[:at] + word + data[at:]
        elif what == "drop":
            data = data[:at] + data[to:]
        elif what == "cut":
            data = data[:at]
        elif what == "twice":
            data = data[:to] + data[at:to] + data[to:]
        elif what == "swap":
            middle = (at + to) // 2
            data = data[:at] + data[middle:to] + data[at:middle] + data[to:]
        else:
            data = data[:at] + word + data[at + len(word) :]
    return data


_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=6)
    | st.sampled_from(([], {}, [[]], [{}], {"": None}, "2026-11-23T06:30:00.00Z", "US-UT"))
)


def documents(valid: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A JSON object with one to three of its values, at any depth, taken away or replaced."""
    places = _places(valid, ())
    change = st.tuples(st.sampled_from(places), st.none() | st.tuples(_leaves))
    return st.lists(change, min_size=1, max_size=3).map(lambda made: _replaced(valid, made))


def _places(value: Any, at: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    found = [(*at, key) for key, _ in members]
    for key, inner in members:
        found += _places(inner, (*at, key))
    return found


def _replaced(
    valid: dict[str, Any], changes: Sequence[tuple[tuple[str | int, ...], tuple[Any] | None]]
) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(valid))
    for place, value in changes:
        inner: Any = document
        try:
            for key in place[:-1]:
                inner = inner[key]
            if isinstance(inner, dict) and not isinstance(place[-1], str):
                continue  # a list stood here before an earlier change
            if value is None:
                del inner[place[-1]]
            else:
                inner[place[-1]] = copy.deepcopy(value[0])
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return document


def read_or_refused(read: Callable[[], Any]) -> Any:
    """What was read; None where it was refused with a stable code. Any other end fails the test."""
    began = time.process_time()
    try:
        return read()
    except OnRecordError as error:
        assert isinstance(error.code, ErrorCode)
        assert error.code is not ErrorCode.INTERNAL
        assert len(error.message) < 4000, "what is refused is not repeated at length"
        return None
    finally:
        assert time.process_time() - began < SECONDS


def neighbours(example: bytes) -> Iterator[bytes]:
    """Every example that is one flipped bit, one dropped byte or one strange byte away."""
    for at in range(len(example)):
        for bit in range(8):
            yield example[:at] + bytes([example[at] ^ (1 << bit)]) + example[at + 1 :]
        yield example[:at] + example[at + 1 :]
        for strange in (b" ", b"=", b"\n", b"0", b"\x00"):
            yield example[:at] + strange + example[at:]
