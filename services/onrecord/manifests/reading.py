"""Lists of records as states keep them: CSV or Parquet, the same rows either way.

Columns by name: `record_id`, `image_sha256` and `path` to enrol, `record_id` alone to delete; other
columns are passed over. A list is read as often as it is asked for and never held as a whole.
What a field may hold is the plane's to judge, row by row; only what is no list is refused here.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof.manifests import Row

COLUMNS: Final = {
    ManifestAct.ENROL: ("record_id", "image_sha256", "path"),
    ManifestAct.DELETE: ("record_id",),
}
_LONGEST_FIELD: Final = 1024 * 1024
_PARQUET: Final = b"PAR1"
_BATCH: Final = 8192


class RowSource(Protocol):
    """A list that can be read again and again."""

    def rows(self) -> Iterator[Row]:
        """Every row in order. Raises MANIFEST_INVALID with the number of the row, from 1."""
        ...


def open_list(path: Path, act: ManifestAct) -> RowSource:
    """The list in a file; its content says which kind it is, not its name.

    Raises NOT_FOUND, and MANIFEST_INVALID where a column is missing.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(len(_PARQUET))
    except OSError as error:
        raise OnRecordError(ErrorCode.NOT_FOUND, f"{path} cannot be read") from error
    source = ParquetList(path, act) if begins == _PARQUET else CsvList(path, act)
    source.check()
    return source


class CsvList:
    """UTF-8, a header line, fields as RFC 4180 quotes them."""

    def __init__(self, path: Path, act: ManifestAct) -> None:
        self._path = path
        self._wanted = COLUMNS[act]

    def check(self) -> None:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            self._places(self._reader(file))

    def rows(self) -> Iterator[Row]:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = self._reader(file)
            places = self._places(reader)
            number = 0
            while True:
                number += 1
                line = _next_line(reader, number)
                if line is None:
                    return
                try:
                    yield _row([line[place] for place in places])
                except IndexError as error:
                    raise _invalid(f"row {number} has too few fields", number) from error

    @staticmethod
    def _reader(file: Any) -> Any:
        csv.field_size_limit(_LONGEST_FIELD)
        return csv.reader(file, strict=True)

    def _places(self, reader: Any) -> list[int]:
        header = _next_line(reader, 0)
        if header is None:
            raise _invalid("the list is empty", 0)
        _check_columns(header, self._wanted)
        return [header.index(name) for name in self._wanted]


class ParquetList:
    """Read some thousand rows at a time. Needs the extra `manifests` (pyarrow)."""

    def __init__(self, path: Path, act: ManifestAct) -> None:
        self._path = path
        self._wanted = COLUMNS[act]

    def check(self) -> None:
        _check_columns(self._open()[1], self._wanted)

    def rows(self) -> Iterator[Row]:
        number = 0
        for columns in self._columns():
            for fields in zip(*columns, strict=True):
                number += 1
                if not all(isinstance(one, str) for one in fields):
                    raise _invalid(f"row {number} holds something other than text", number)
                yield _row(list(fields))

    def _columns(self) -> Iterator[list[list[Any]]]:
        """The columns that are wanted, some thousand rows of them at a time."""
        from pyarrow import ArrowException

        done = 0
        try:
            for batch in self._open()[0].iter_batches(_BATCH, columns=list(self._wanted)):
                yield [batch.column(name).to_pylist() for name in self._wanted]
                done += batch.num_rows
        except (ArrowException, OSError, LookupError, ValueError) as error:
            # Its last bytes alone were read when it was opened; the rest may be anything.
            raise _invalid(f"it cannot be read beyond row {done}", done + 1) from error

    def _open(self) -> tuple[Any, list[str]]:
        """The file and the names of its columns."""
        from pyarrow import ArrowException, parquet

        try:
            file = parquet.ParquetFile(self._path)
            return file, list(file.schema_arrow.names)
        except (ArrowException, OSError, LookupError, ValueError) as error:
            raise _invalid("it is not a Parquet file that can be read", 0) from error


def _next_line(reader: Any, number: int) -> list[str] | None:
    """The next line that is not blank."""
    try:
        for line in reader:
            if line:
                "".join(line).encode()  # what was not UTF-8 stands in it as half a pair
                return list(line)
    except (csv.Error, UnicodeEncodeError) as error:
        raise _invalid(f"row {number} cannot be read as CSV in UTF-8", number) from error
    return None


def _check_columns(found: list[str], wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise _invalid(f"the list has no column {missing[0]}", 0)


def _row(fields: list[str]) -> Row:
    record_id, *more = fields
    image_sha256, path = more or ("", "")
    return Row(record_id, image_sha256, path)


def _invalid(why: str, number: int) -> OnRecordError:
    return OnRecordError(
        ErrorCode.MANIFEST_INVALID, f"the list is refused: {why}", details={"row": number}
    )
