"""Rows of a file of bodies that grows while somebody reads it."""

from collections.abc import Iterator
from pathlib import Path

from onrecord.cli.ledger_source import MAX_LINE, parse_row
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.bodies import Row


def rows_from(path: Path, place: int) -> Iterator[tuple[int, Row]]:
    """The rows from byte `place` on, each with the place behind it.

    A last line without its end is being written, and is left for later. Where `place` is not, or
    is no longer, where a row begins, the file is read from its beginning. No file has no rows.
    Raises `OnRecordError(FIELD_INVALID)` for a line that is no row.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(max(0, place - 1))
        if place and file.read(1) != b"\n":
            place = 0
            file.seek(0)
        while (line := file.readline(MAX_LINE)).endswith(b"\n"):
            place += len(line)
            try:
                yield place, parse_row(line.removesuffix(b"\n"))
            except (OnRecordError, ValueError, TypeError) as error:
                message = f"{path.name}, before byte {place}: {error}"
                raise OnRecordError(ErrorCode.FIELD_INVALID, message) from error
        if len(line) == MAX_LINE:
            message = f"{path.name}: a line of more than {MAX_LINE} bytes"
            raise OnRecordError(ErrorCode.FIELD_INVALID, message)
