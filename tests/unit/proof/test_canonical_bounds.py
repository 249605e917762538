"""R-25: canonical JSON at its edges: depth, size, order, and where a refusal points."""

import json
from collections.abc import Callable

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical

DEPTH = canonical.MAX_DEPTH
LARGEST = 2**53 - 1


def nested(levels: int, innermost: object, *, objects: bool, lists: bool) -> object:
    """`innermost` within so many levels of objects, of lists, or of both by turns."""
    value = innermost
    for level in range(levels):
        value = {"k": value} if objects and (level % 2 or not lists) else [value]
    return value


def refused(act: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act()
    assert caught.value.code is ErrorCode.REQUEST_MALFORMED
    return caught.value


@pytest.mark.parametrize(("objects", "lists"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("innermost", [1, "\U0001f600"], ids=["quick", "careful"])
def test_as_many_levels_as_are_allowed_pass_and_no_more(
    objects: bool, lists: bool, innermost: object
) -> None:
    value = nested(DEPTH, innermost, objects=objects, lists=lists)
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert canonical.encode(value) == data
    assert canonical.decode(data) == value
    deeper = nested(DEPTH + 1, innermost, objects=objects, lists=lists)
    data = json.dumps(deeper, ensure_ascii=False, separators=(",", ":")).encode()
    for act in (lambda: canonical.encode(deeper), lambda: canonical.decode(data)):
        error = refused(act)
        assert "deeper than 64 levels" in error.message
        assert error.field is None


@pytest.mark.parametrize("beside", ["", "\U0001f600"], ids=["quick", "careful"])
def test_integers_are_those_that_every_implementation_holds(beside: str) -> None:
    for number in (LARGEST, -LARGEST, LARGEST - 1, 0, -1):
        value = [beside, number]
        data = f'["{beside}",{number}]'.encode()
        assert canonical.encode(value) == data
        assert canonical.decode(data) == value
    for number in (LARGEST + 1, -LARGEST - 1, 2**60, -(2**60)):
        error = refused(lambda number=number: canonical.encode([beside, number]))  # type: ignore[misc]
        assert "integer" in error.message
        assert error.field == "[1]"
        data = f'["{beside}",{number}]'.encode()
        assert refused(lambda data=data: canonical.decode(data)).field == "[1]"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (1.5, None),
        ([1.5], "[0]"),
        ([0, 1.5], "[1]"),
        ({"a": 1.5}, "a"),
        ({"a": [1, {"b": 2.5}]}, "a[1].b"),
        ({"a": {"b": [[2.5]]}}, "a.b[0][0]"),
        ({"": 1.5}, None),
        ({"XX": 1.5}, "XX"),
        ({1: "a"}, None),
        ({"a": {1: 2}}, "a"),
        ({"a": "\ud800"}, "a"),
        ({"a": {"\ud800": 1}}, "a"),
        ({"a": 2**53}, "a"),
        ({"a": b""}, "a"),
        ({"a": [{2.5}]}, "a[0]"),
        ({"x" * 300: 1.5}, "x" * 199),
        ({"x" * 300: {"y": 1.5}}, "x" * 199),
        ({"x" * 300: [1.5]}, "x" * 199 + "["),
        ({"x" * 300: [{"y": 1.5}]}, "x" * 199),
    ],
    ids=range(19),
)
def test_a_refusal_points_to_its_place_and_is_never_long(value: object, field: str | None) -> None:
    """R-25."""
    assert refused(lambda: canonical.encode(value)).field == field


def test_what_cannot_be_parsed_is_at_no_place_and_what_can_is_at_its_own() -> None:
    for number in (b"1.5", b"1e3", b"NaN", b"Infinity", b"-Infinity"):
        assert refused(lambda n=number: canonical.decode(b'{"a":' + n + b"}")).field is None  # type: ignore[misc]
    assert refused(lambda: canonical.decode(b'{"a":1,"a":1}')).field is None
    assert refused(lambda: canonical.decode(b'{"a":{"b":9007199254740992}}')).field == "a.b"
    assert refused(lambda: canonical.decode(b'{"a":"\\ud800"}')).field == "a"


def test_what_no_json_has_is_named_by_its_type() -> None:
    for value, name in ((b"", "bytes"), ({1, 2}, "set"), (1.0, "float"), (object(), "object")):
        message = refused(lambda value=value: canonical.encode(value)).message  # type: ignore[misc]
        assert message == f"a {name} has no canonical form"


ORDERED = ["", "\r", "1", "a", "\u0080", "\u20ac", "\ud7ff", "\U0001f600", "\ue000", "\uffff"]


def test_keys_stand_in_the_order_of_their_code_units_at_every_level() -> None:
    """RFC 8785, section 3.2.3: a character above U+FFFF stands before those from U+E000 on."""
    inner = dict.fromkeys(reversed(ORDERED), 0)
    data = canonical.encode({"z": [inner], **inner})
    members = ",".join(f"{json.dumps(key, ensure_ascii=False)}:0" for key in ORDERED)
    first, second = members.split('"\x80"')
    assert data.decode() == f'{{{first}"z":[{{{members}}}],"\x80"{second}}}'
    assert canonical.encode(canonical.decode(data)) == data


def test_numbers_and_texts_of_another_type_are_written_as_plain_ones() -> None:
    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "plain"

    ordered = canonical._ordered({Text("k"): (True, None, Text("v"))}, "", 0)
    assert ordered == {"plain": [True, None, "plain"]}


def test_the_digest_is_that_of_the_bytes_and_refuses_what_they_refuse() -> None:
    assert canonical.digest([1]).hex() == (
        "080a9ed428559ef602668b4c00f114f1a11c3f6b02a435f0bdc154578e4d7f22"
    )
    assert refused(lambda: canonical.digest([1.5])).field == "[0]"
