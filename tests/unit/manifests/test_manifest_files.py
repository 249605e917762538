"""R-42: a list of any length becomes one signature, and a changed list is told by its chunk."""

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import open_list
from onrecord.manifests.signing import build_header, chunks_of, read_signed, write_signed
from onrecord.proof.authority import key_name
from onrecord.proof.manifests import MAX_CHUNK_BYTES, Row, verify_manifest
from onrecord.proof.notes import NoteSigner

CREATED = datetime(2026, 11, 23, tzinfo=UTC)
ROWS = [Row(f"UT-{number}", f"{number:064x}", f"faces/{number}, é.jpg") for number in range(11)]


def written(path: Path, rows: list[Row]) -> Path:
    lines = ["path,record_id,note,image_sha256"]
    lines += [f'"{row.path}",{row.record_id},x,{row.image_sha256}' for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8-sig")
    return path


def written_parquet(path: Path, rows: list[Row]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "image_sha256": [row.image_sha256 for row in rows],
            "record_id": [row.record_id for row in rows],
            "path": [row.path for row in rows],
        }
    )
    parquet.write_table(table, path)
    return path


def refused(code: ErrorCode, attempt: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        attempt()
    assert caught.value.code is code, caught.value
    return caught.value


def test_csv_and_parquet_with_the_same_rows_are_the_same_manifest(tmp_path: Path) -> None:
    sources = [
        open_list(written(tmp_path / "list.csv", ROWS), ManifestAct.ENROL),
        open_list(written_parquet(tmp_path / "list.bin", ROWS), ManifestAct.ENROL),
    ]
    headers = [
        build_header(source, gallery="US-UT", act=ManifestAct.ENROL, created=CREATED, chunk_rows=4)
        for source in sources
    ]
    assert headers[0] == headers[1]
    assert (headers[0].rows, len(headers[0].chunks)) == (11, 3)
    for source in sources:
        assert [row for _, rows in chunks_of(source, headers[0]) for row in rows] == ROWS


def test_what_was_signed_is_read_back_and_verified(tmp_path: Path) -> None:
    signer = NoteSigner.generate(key_name("US-UT"))
    path = written(tmp_path / "list.csv", ROWS)
    source = open_list(path, ManifestAct.ENROL)
    header = build_header(source, gallery="US-UT", act=ManifestAct.ENROL, created=CREATED)
    write_signed(path, header, signer)
    signed = read_signed(path)
    assert verify_manifest(signed.header, signed.signature, [signer.verifier]) == header
    refused(ErrorCode.NOT_FOUND, lambda: read_signed(tmp_path / "other.csv"))


@pytest.mark.parametrize(
    ("changed", "chunk"),
    [
        ([*ROWS[:5], Row("UT-99", "f" * 64, "x"), *ROWS[6:]], 1),
        (ROWS[:8], 2),
        (ROWS[:10], 2),
        ([*ROWS, ROWS[0]], 2),
        ([*ROWS[:4], *reversed(ROWS[4:])], 1),
        ([], 0),
    ],
    ids=["another row", "a chunk less", "a row less", "a row more", "another order", "none"],
)
def test_a_list_that_changed_between_two_runs_is_told_by_its_chunk(
    tmp_path: Path, changed: list[Row], chunk: int
) -> None:
    source = open_list(written(tmp_path / "list.csv", ROWS), ManifestAct.ENROL)
    header = build_header(
        source, gallery="US-UT", act=ManifestAct.ENROL, created=CREATED, chunk_rows=4
    )
    later = open_list(written(tmp_path / "list.csv", changed), ManifestAct.ENROL)
    error = refused(ErrorCode.MANIFEST_CHANGED, lambda: list(chunks_of(later, header)))
    assert error.details["chunk"] == chunk


def test_a_full_chunk_more_than_was_signed_is_refused(tmp_path: Path) -> None:
    source = open_list(written(tmp_path / "list.csv", ROWS[:8]), ManifestAct.ENROL)
    header = build_header(
        source, gallery="US-UT", act=ManifestAct.ENROL, created=CREATED, chunk_rows=4
    )
    later = open_list(written(tmp_path / "list.csv", ROWS), ManifestAct.ENROL)
    refused(ErrorCode.MANIFEST_CHANGED, lambda: list(chunks_of(later, header)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"record_id,path\nUT-1,a.jpg\n",
        b"PAR1 and nothing more",
        b"\xff\xfe\x00\x01",
    ],
    ids=["empty", "no hashes", "not parquet", "not text"],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow")
    path = tmp_path / "list"
    path.write_bytes(content)
    refused(ErrorCode.MANIFEST_INVALID, lambda: open_list(path, ManifestAct.ENROL))


@pytest.mark.parametrize(
    ("line", "row"),
    [("UT-2", 2), ('UT-2,"unclosed,', 2), ("UT-2,\udcff,a.jpg", 2)],
    ids=["short", "open quote", "not UTF-8"],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(
    tmp_path: Path, line: str, row: int
) -> None:
    path = tmp_path / "list.csv"
    text = f"record_id,image_sha256,path\nUT-1,{'0' * 64},a.jpg\n{line}\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    source = open_list(path, ManifestAct.ENROL)
    error = refused(ErrorCode.MANIFEST_INVALID, lambda: list(source.rows()))
    assert error.details["row"] == row


def test_a_record_id_of_ten_kilobytes_is_a_row_and_the_planes_to_refuse(tmp_path: Path) -> None:
    long = Row("U" * 10_240, "0" * 64, "a.jpg")
    source = open_list(written(tmp_path / "list.csv", [long]), ManifestAct.ENROL)
    assert list(source.rows()) == [long]


def test_a_list_to_delete_needs_ids_alone(tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    path.write_text("record_id\nUT-1\nUT-2\n", "utf-8")
    source = open_list(path, ManifestAct.DELETE)
    assert list(source.rows()) == [Row("UT-1", "", ""), Row("UT-2", "", "")]
    refused(ErrorCode.MANIFEST_INVALID, lambda: open_list(path, ManifestAct.ENROL))


class Generated:
    """A list that stands nowhere."""

    def __init__(self, count: int) -> None:
        self._count = count

    def rows(self) -> Iterator[Row]:
        for number in range(self._count):
            yield Row(f"UT-{number}", f"{number:064x}", f"{number}.jpg")


def test_memory_is_bounded_whatever_the_length() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        build_header(Generated(count), gallery="US-UT", act=ManifestAct.ENROL, created=CREATED)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1000)  # what is made once is made now
    # The rows themselves would take some twenty megabytes.
    assert peak(60_000) < 256 * 1024


class LongPaths:
    """A list of `count` rows whose paths are `path` characters long."""

    def __init__(self, count: int, path: int) -> None:
        self._count = count
        self._path = "é" * (path // 2)

    def rows(self) -> Iterator[Row]:
        return (Row(f"UT-{n:06d}", f"{n:064x}", self._path) for n in range(self._count))


def test_a_chunk_too_large_to_travel_is_refused_when_it_is_signed() -> None:
    """R-42: a chunk is one message. Said before the state signs, with what would have fitted."""
    source = LongPaths(60_000, 400)

    def built(chunk_rows: int) -> int:
        made = build_header(
            source,
            gallery="US-UT",
            act=ManifestAct.ENROL,
            created=CREATED,
            chunk_rows=chunk_rows,
        )
        return len(made.chunks)

    error = refused(ErrorCode.FIELD_TOO_LONG, lambda: built(60_000))
    assert error.field == "chunk_rows"
    assert error.details["chunk"] == 0
    assert error.details["limit"] == MAX_CHUNK_BYTES
    fits = int(error.details["rows"])
    assert refused(ErrorCode.FIELD_TOO_LONG, lambda: built(fits + 1)).details == error.details
    assert built(fits) == 2
