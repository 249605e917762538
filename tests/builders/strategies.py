"""Any value that may cross a contract, drawn from the contract's own types."""

import dataclasses
import types
import typing
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Union

import numpy as np
from hypothesis import strategies as st

from onrecord.contracts.images import AlignedCrop, Template
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry

_TEXT = st.text(max_size=12)
_BYTES = st.binary(max_size=12)
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_JSON_LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _TEXT
_JSON = st.recursive(
    _JSON_LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as contracts write it: values, vocabularies, tuples, unions."""
    special = _SPECIAL.get(hint)
    if special is not None:
        return special
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(one) for one in arguments])
    if origin in (Sequence, tuple):
        if origin is tuple and arguments[-1] is not Ellipsis:
            return st.tuples(*[values_of(one) for one in arguments])
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        names = [one.name for one in dataclasses.fields(hint) if one.init and one.compare]
        return st.builds(hint, **{name: values_of(hints[name]) for name in names})
    raise TypeError(f"no strategy for {hint}")


def plain(value: Any) -> Any:
    """A value as nested tuples that compare, arrays as type, shape and bytes."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes(), value.flags.writeable)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [getattr(value, one.name) for one in dataclasses.fields(value) if one.compare]
        return (type(value), *[plain(one) for one in fields])
    if isinstance(value, list | tuple):
        return tuple(plain(one) for one in value)
    return value


@st.composite
def _crops(draw: st.DrawFn) -> AlignedCrop:
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 5)), 3)
    seed = draw(st.integers(0, 2**32 - 1))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return AlignedCrop(draw(_TEXT), pixels, draw(values_of(Attestation)))


@st.composite
def _templates(draw: st.DrawFn) -> Template:
    # Any bits at all, NaN and infinity too: carrying is not judging.
    numbers = draw(st.lists(st.floats(width=32), min_size=1, max_size=6))
    return Template(
        draw(_TEXT),
        np.array(numbers, np.float32),
        draw(values_of(Attestation)),
        draw(values_of(Attestation)),
    )


# As precise as they are written.
_TIMES = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)).map(
    lambda time: time.replace(microsecond=time.microsecond // 10_000 * 10_000)
)
_SPECIAL: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    bytes: _BYTES,
    int: _INTEGERS,
    bool: st.booleans(),
    datetime: _TIMES,
    type(None): st.none(),
    dict[str, Any]: st.dictionaries(_TEXT, _JSON, max_size=3),
    dict[str, int]: st.dictionaries(_TEXT, _INTEGERS, max_size=3),
    AlignedCrop: st.deferred(_crops),
    Template: st.deferred(_templates),
    LoggedEntry: st.builds(
        LoggedEntry,
        body=_BYTES,
        nonce=_BYTES,
        index=st.integers(0, 2**64 - 1),
        inclusion=st.lists(_BYTES, max_size=3).map(tuple),
        checkpoint=_TEXT,
    ),
}
