"""Reading messages that others wrote: what is missing or out of place is named by its path."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

from google.protobuf.message import Message

from onrecord.kernel.errors import ErrorCode, OnRecordError

_M = TypeVar("_M", bound=Message)
_E = TypeVar("_E", bound=StrEnum)
_V = TypeVar("_V")


def malformed(field: str, why: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.REQUEST_MALFORMED, f"a message is malformed: {why}", field=field or None
    )


@contextmanager
def within(field: str) -> Iterator[None]:
    """Put `field` in front of the path of whatever is found malformed inside."""
    try:
        yield
    except OnRecordError as error:
        if error.code is not ErrorCode.REQUEST_MALFORMED:
            raise
        path = f"{field}.{error.field}" if error.field else field
        raise OnRecordError(error.code, error.message, field=path) from error


def read_field(message: Message, field: str, read: Callable[[_M], _V]) -> _V:
    """The value of a message field that must be there."""
    if not message.HasField(field):
        raise malformed(field, f"{field} is missing")
    with within(field):
        return read(getattr(message, field))


def read_all(messages: Iterable[_M], field: str, read: Callable[[_M], _V]) -> tuple[_V, ...]:
    """The values of a repeated field, in order."""
    values: list[_V] = []
    for number, message in enumerate(messages):
        with within(f"{field}[{number}]"):
            values.append(read(message))
    return tuple(values)


def read_word(text: str, field: str, vocabulary: type[_E]) -> _E:
    """A word of a vocabulary."""
    try:
        return vocabulary(text)
    except ValueError as error:
        raise malformed(field, f"{text[:40]!r} is not a {vocabulary.__name__}") from error
