"""Taking fields out of a JSON object, strictly, with the path of whatever is at fault."""

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar

from onrecord.kernel.errors import ErrorCode, OnRecordError

Word = TypeVar("Word", bound=StrEnum)

# Characters that reorder the text around them: what a reader sees would not be what is written.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Fields:
    """An object's members: each must be taken, or be refused as unknown by `finish`."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            code = ErrorCode.FIELD_INVALID if path else ErrorCode.REQUEST_MALFORMED
            what = path or "the request"
            raise OnRecordError(code, f"{what} must be a JSON object", field=path or None)
        self._members: dict[Any, Any] = dict(value)
        self._path = path

    def at(self, name: str) -> str:
        """The path of one member, such as `probe.captured_at`."""
        return f"{self._path}.{name}" if self._path else name

    def names(self) -> tuple[str, ...]:
        """The members not taken yet."""
        return tuple(str(name) for name in self._members)

    def has(self, name: str) -> bool:
        return name in self._members

    def take(self, name: str) -> Any:
        """The member, which must be there and must not be null."""
        if name not in self._members:
            raise OnRecordError(
                ErrorCode.FIELD_MISSING, f"{self.at(name)} is missing", field=self.at(name)
            )
        value = self._members.pop(name)
        if value is None:
            raise invalid(self.at(name), "must not be null")
        return value

    def take_nullable(self, name: str) -> Any:
        """The member, or None where it is null or absent."""
        return self._members.pop(name, None)

    def text(self, name: str, longest: int, *, lines: bool = False, empty: bool = False) -> str:
        return read_text(self.take(name), self.at(name), longest, lines=lines, empty=empty)

    def word(self, name: str, vocabulary: type[Word]) -> Word:
        """One word of a fixed vocabulary."""
        value = self.take(name)
        try:
            return vocabulary(value)
        except ValueError as error:
            known = ", ".join(word.value for word in vocabulary)
            raise invalid(self.at(name), f"must be one of: {known}") from error

    def objects(self, name: str) -> "Fields":
        return Fields(self.take(name), self.at(name))

    def finish(self) -> None:
        """Raises FIELD_UNKNOWN for a member nobody asked for."""
        for name in self._members:
            path = self.at(str(name)[:64])
            raise OnRecordError(ErrorCode.FIELD_UNKNOWN, f"{path} is not a known field", field=path)


def read_text(
    value: object, path: str, longest: int, *, lines: bool = False, empty: bool = False
) -> str:
    """Text of at most `longest` characters without control characters.

    `lines` lets line feeds, tabs and the invisible characters through that some scripts need: it
    is for prose. In a case number they would make two cases that look like one. `empty` lets
    empty text through.
    Raises FIELD_INVALID and FIELD_TOO_LONG.
    """
    if not isinstance(value, str):
        raise invalid(path, "must be text")
    if len(value) > longest:
        raise OnRecordError(
            ErrorCode.FIELD_TOO_LONG,
            f"{path} has {len(value)} characters; at most {longest} are allowed",
            field=path,
            details={"length": len(value), "limit": longest},
        )
    allowed = "\n\t" if lines else ""
    refused = ("Cc", "Cs") if lines else ("Cc", "Cs", "Cf")
    for character in value:
        if unicodedata.category(character) in refused and character not in allowed:
            what = "control" if unicodedata.category(character) != "Cf" else "invisible"
            raise invalid(path, f"holds the {what} character U+{ord(character):04X}")
    if _REORDERING.search(value):
        raise invalid(path, "holds characters that reorder the text around them")
    if not empty and not value.strip():
        raise invalid(path, "must not be empty")
    return value


def unique_texts(values: Iterable[str], path: str) -> None:
    """Raises FIELD_INVALID where a value stands twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise invalid(path, f"names {value} twice")
        seen.add(value)


def invalid(path: str, why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.FIELD_INVALID, f"{path} {why}", field=path)
