"""Canonical JSON: what `rfc8785` writes, nothing it should not take, one spelling each."""

import json
from enum import IntEnum, StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER)
    | st.text(st.characters(codec="utf-8"))
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=25,
)


@given(_VALUES)
def test_the_bytes_are_those_of_another_implementation(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(_VALUES)
def test_what_was_encoded_decodes_to_itself(value: Any) -> None:
    assert canonical.decode(canonical.encode(value)) == value


def test_keys_are_sorted_by_utf16_code_units_not_code_points() -> None:
    """RFC 8785, section 3.2.3: the example whose order differs by code point."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    decoded = canonical.decode(canonical.encode(dict.fromkeys(names, 0)))
    assert isinstance(decoded, dict)
    assert list(decoded) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_escapes_are_the_short_ones_and_lower_case() -> None:
    text = '\u20ac$\x0f\nA\'B"\\\\"/\x7f\u2028'
    expected = '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\u2028"'
    assert canonical.encode(text) == expected.encode()


class _Colour(StrEnum):
    RED = "red"


class _Number(IntEnum):
    TWO = 2


def test_enumerations_and_tuples_are_written_as_what_they_are() -> None:
    assert canonical.encode({_Colour.RED: (_Number.TWO, _Colour.RED)}) == b'{"red":[2,"red"]}'


def _deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        {"similarity": 0.5},
        2**53,
        -(2**53),
        "\ud800",
        {"\udfff": 1},
        {1: "a"},
        {None: 1},
        b"bytes",
        {1, 2},
        _deep(canonical.MAX_DEPTH + 1),
    ],
    ids=repr,
)
def test_what_has_no_single_form_is_refused(value: object) -> None:
    with pytest.raises(OnRecordError) as refused:
        canonical.encode(value)
    assert refused.value.code is ErrorCode.REQUEST_MALFORMED


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(OnRecordError) as refused:
        canonical.encode({"a": [1, {"b": 2.5}]})
    assert refused.value.field == "a[1].b"


def test_the_deepest_that_is_allowed_passes() -> None:
    value = _deep(canonical.MAX_DEPTH)
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize(
    "value",
    ["[" * 3 * canonical.MAX_DEPTH, [[number] for number in range(2 * canonical.MAX_DEPTH)]],
    ids=["in a text", "beside one another"],
)
def test_many_brackets_are_not_many_levels(value: object) -> None:
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1,}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u000A"',
        b'"\\ud83d\\ude00"',
        b'"\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b'"\n"',
        b"'a'",
        b"[" * 100_000,
        b"[" * 65 + b"1" + b"]" * 65,
        b"1 2",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_any_other_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(OnRecordError) as refused:
        canonical.decode(data)
    assert refused.value.code is ErrorCode.REQUEST_MALFORMED


@given(_VALUES, st.data())
def test_a_changed_byte_never_decodes_to_the_same_value(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(canonical.encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        decoded = canonical.decode(bytes(encoded))
    except OnRecordError:
        return
    assert canonical.encode(decoded) == bytes(encoded)
    assert canonical.digest(decoded) != canonical.digest(value)


def test_digest_is_the_sha256_of_the_bytes() -> None:
    assert canonical.digest({}).hex() == (
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )


_LOOSE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**54), 2**54)
    | st.floats()
    | st.text(st.characters())  # surrogates too
    | st.just(-0.0),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.none(), inner)
    ),
    max_leaves=12,
)


@given(_LOOSE)
def test_the_quick_way_writes_and_refuses_as_the_careful_one(value: Any) -> None:
    """R-25: `encode` leaves to the standard library only what it writes canonically."""
    try:
        careful = canonical._ordered(value, "", 0)
    except OnRecordError:
        with pytest.raises(OnRecordError):
            canonical.encode(value)
    else:
        assert canonical.encode(value) == rfc8785.dumps(careful)


@given(_LOOSE, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (",", ": ")]))
def test_what_decodes_is_what_the_careful_way_writes(
    value: Any, escaped: bool, separators: tuple[str, str]
) -> None:
    try:
        data = json.dumps(value, ensure_ascii=escaped, separators=separators).encode()
    except (TypeError, UnicodeEncodeError):
        return
    try:
        decoded = canonical.decode(data)
    except OnRecordError:
        return
    assert rfc8785.dumps(canonical._ordered(decoded, "", 0)) == data
