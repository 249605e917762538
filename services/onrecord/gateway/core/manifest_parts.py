"""What arrives of a manifest: rows as JSON lines, and portraits by row number."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from onrecord.contracts.field_reading import invalid
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.manifests import MAX_CHUNK_ROWS, Row

_COLUMNS: Final = 3
ABSENT: Final = (
    ErrorCode.IMAGE_MISSING,
    ErrorCode.IMAGE_HASH_MISMATCH,
    ErrorCode.IMAGE_EMPTY,
    ErrorCode.IMAGE_TOO_LARGE,
)
"""Why a client brings no portrait for a row. Nothing else is its to say."""


@dataclass(frozen=True, slots=True)
class BroughtRows:
    """By row number: a portrait (encoded image), or why there is none."""

    portraits: Mapping[int, bytes] = field(repr=False, hash=False)
    problems: Mapping[int, ErrorCode] = field(hash=False)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted({*self.portraits, *self.problems}))


def read_rows(lines: Iterable[bytes]) -> tuple[Row, ...]:
    """A chunk's rows, each a line `["record id", "sha256", "path"]`.

    What the fields hold is the state's: their hash is compared with what it signed, and the plane
    says which rows it does not take. Raises REQUEST_MALFORMED with the line, FIELD_TOO_LONG.
    """
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(rows) == MAX_CHUNK_ROWS:
            raise OnRecordError(
                ErrorCode.FIELD_TOO_LONG,
                f"a chunk has at most {MAX_CHUNK_ROWS} rows",
                field="rows",
                details={"limit": MAX_CHUNK_ROWS},
            )
        rows.append(_row(line, number))
    if not rows:
        raise OnRecordError(ErrorCode.FIELD_MISSING, "there are no rows", field="rows")
    return tuple(rows)


def read_problems(document: Mapping[str, object]) -> dict[int, ErrorCode]:
    """Row number to code, as a client says them. Raises FIELD_INVALID."""
    found: dict[int, ErrorCode] = {}
    for name, value in document.items():
        number = row_number(name)
        if number is None:
            raise invalid("problems", f"names the row {name[:20]!r}, which is no row number")
        code = next((one for one in ABSENT if one.value == value), None)
        if code is None:
            known = ", ".join(one.value for one in ABSENT)
            raise invalid(f"problems.{number}", f"must be one of: {known}")
        found[number] = code
    return found


def row_number(name: str) -> int | None:
    """A row's number as the name of a part: digits without a leading zero."""
    if not name.isascii() or not name.isdigit() or name.startswith("0") or len(name) > 12:
        return None
    return int(name)


def _row(line: bytes, number: int) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if (
        not isinstance(value, list)
        or len(value) != _COLUMNS
        or not all(isinstance(one, str) for one in value)
    ):
        raise OnRecordError(
            ErrorCode.REQUEST_MALFORMED,
            f'line {number} is not ["record id", "sha256", "path"]',
            field="rows",
            details={"line": number},
        )
    return Row(*value)
