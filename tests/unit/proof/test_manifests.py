"""R-42: what a state has signed is what is enrolled, chunk by chunk, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import canonical, manifests
from onrecord.proof.authority import key_name
from onrecord.proof.manifests import ManifestHeader, Row
from onrecord.proof.merkle import EMPTY_ROOT, MemoryHashes, leaf_hash, root, root_of
from onrecord.proof.notes import NoteSigner

ROWS = [Row(f"UT-{number}", f"{number:064x}", f"faces/{number}.jpg") for number in range(10)]
UTAH = NoteSigner.generate(key_name("US-UT"))


def header(rows: list[Row] = ROWS, chunk_rows: int = 4) -> ManifestHeader:
    pieces = [rows[start : start + chunk_rows] for start in range(0, len(rows), chunk_rows)]
    return ManifestHeader(
        gallery="US-UT",
        act=ManifestAct.ENROL,
        created=datetime(2026, 11, 23, tzinfo=UTC),
        rows=len(rows),
        chunk_rows=chunk_rows,
        chunks=tuple(manifests.chunk_root(piece) for piece in pieces),
    )


def refused(code: ErrorCode, attempt: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        attempt()
    assert caught.value.code is code, caught.value
    return caught.value


@given(st.integers(0, 70))
def test_the_root_of_a_stream_is_that_of_the_tree(count: int) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(count)]
    tree = MemoryHashes()
    for leaf in leaves:
        tree.append(leaf)
    assert root_of(leaves) == (root(tree, count) if count else EMPTY_ROOT)


def test_what_a_state_signed_is_believed_as_it_stands() -> None:
    signed = header()
    opened = manifests.verify_manifest(
        signed.encode(), manifests.sign_manifest(signed, UTAH), [UTAH.verifier]
    )
    assert opened == signed
    for chunk in range(3):
        first = opened.first_row(chunk) - 1
        manifests.check_chunk(opened, chunk, ROWS[first : first + opened.rows_in(chunk)])
    assert (opened.first_row(2), opened.rows_in(2)) == (9, 2)


def test_another_key_is_no_signature_of_the_state() -> None:
    signed, stranger = header(), NoteSigner.generate(key_name("US-UT"))
    note = manifests.sign_manifest(signed, stranger)
    refused(
        ErrorCode.SIGNATURE_INVALID,
        lambda: manifests.verify_manifest(signed.encode(), note, [UTAH.verifier]),
    )


def test_another_states_key_does_not_speak_for_this_one() -> None:
    vermont = NoteSigner.generate(key_name("US-VT"))
    signed = header()
    note = manifests.sign_manifest(signed, vermont)
    refused(
        ErrorCode.SIGNATURE_INVALID,
        lambda: manifests.verify_manifest(signed.encode(), note, [vermont.verifier]),
    )


def test_a_signature_is_over_one_manifest_and_not_another() -> None:
    note = manifests.sign_manifest(header(), UTAH)
    other = replace(header(), created=datetime(2026, 11, 24, tzinfo=UTC))
    refused(
        ErrorCode.SIGNATURE_INVALID,
        lambda: manifests.verify_manifest(other.encode(), note, [UTAH.verifier]),
    )


@pytest.mark.parametrize(
    "changed",
    [
        [ROWS[0], ROWS[1], ROWS[2]],
        [*ROWS[:4], ROWS[4]],
        [ROWS[1], ROWS[0], ROWS[2], ROWS[3]],
        [replace(ROWS[0], record_id="UT-99"), *ROWS[1:4]],
        [replace(ROWS[0], image_sha256="f" * 64), *ROWS[1:4]],
        [replace(ROWS[0], path="faces/other.jpg"), *ROWS[1:4]],
    ],
    ids=["one short", "one more", "order", "record", "image", "path"],
)
def test_rows_that_changed_since_are_refused_with_their_chunk(changed: list[Row]) -> None:
    error = refused(ErrorCode.MANIFEST_CHANGED, lambda: manifests.check_chunk(header(), 0, changed))
    assert (error.field, error.details) == ("rows", {"chunk": 0})


def test_a_row_is_a_leaf_of_its_chunk() -> None:
    tree = MemoryHashes()
    for row in ROWS[:4]:
        tree.append(row.leaf)
    assert ROWS[0].leaf == leaf_hash(ROWS[0].line)
    assert header().chunks[0] == root(tree, 4).hex()


def test_a_chunk_has_as_many_rows_as_fit_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line and its end count; the refusal says how many would have fitted."""
    size = sum(len(row.line) + 1 for row in ROWS[:4])
    signed = header()
    monkeypatch.setattr(manifests, "MAX_CHUNK_BYTES", size)
    manifests.check_chunk(signed, 0, ROWS[:4])
    monkeypatch.setattr(manifests, "MAX_CHUNK_BYTES", size - 1)
    for attempt, chunk in (
        (lambda: manifests.chunk_root(ROWS[:4]), 0),
        (lambda: manifests.chunk_root(ROWS[:4], 7), 7),
        (lambda: manifests.check_chunk(signed, 1, ROWS[4:8]), 1),
    ):
        error = refused(ErrorCode.FIELD_TOO_LONG, attempt)
        assert error.field == "chunk_rows"
        assert error.details == {"chunk": chunk, "limit": size - 1, "rows": 3}
        assert "fewer than 4 rows" in error.message


def test_the_longest_chunk_and_the_shortest_list_are_read() -> None:
    most = replace(header(), chunk_rows=manifests.MAX_CHUNK_ROWS, chunks=header().chunks[:1])
    assert manifests.read_header(most.encode()) == most
    one = header(ROWS[:1], 1)
    assert manifests.read_header(one.encode()) == one


@pytest.mark.parametrize("field", ["rows", "chunk_rows"])
def test_true_is_no_count_though_it_would_fit(field: str) -> None:
    said: Any = canonical.decode(header(ROWS[:1], 1).encode())
    said[field] = True
    refused(ErrorCode.MANIFEST_INVALID, partial(manifests.read_header, canonical.encode(said)))


def test_there_is_no_chunk_beyond_the_last() -> None:
    for chunk in (3, -1):
        error = refused(
            ErrorCode.NOT_FOUND, partial(manifests.check_chunk, header(), chunk, ROWS[:4])
        )
        assert error.field == "chunk"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "onrecord.manifest/v2"),
        ("gallery", "Utah"),
        ("act", "search"),
        ("created", "yesterday"),
        ("rows", 0),
        ("rows", True),
        ("rows", 13),
        ("chunk_rows", manifests.MAX_CHUNK_ROWS + 1),
        ("chunks", []),
        ("chunks", ["xyz"]),
        ("chunks", "abc"),
        ("chunks", "a" * 64),
        ("chunks", [5, 5, 5]),
        ("chunks", ["a" * 64, "b" * 64, "x" * 64]),
        ("chunks", ["a" * 64, "b" * 64, None]),
        ("rows", "10"),
        ("chunk_rows", True),
        ("more", 1),
    ],
)
def test_a_header_that_is_none_is_refused(field: str, value: object) -> None:
    said: Any = canonical.decode(header().encode())
    said[field] = value
    refused(ErrorCode.MANIFEST_INVALID, lambda: manifests.read_header(canonical.encode(said)))


def test_a_header_that_is_not_canonical_or_too_large_is_refused() -> None:
    spaced = header().encode().replace(b":", b": ", 1)
    refused(ErrorCode.MANIFEST_INVALID, lambda: manifests.read_header(spaced))
    most = b" " * manifests.MAX_HEADER_BYTES
    for content, told in ((most + b" ", "bytes"), (most, "canonical")):
        error = refused(ErrorCode.MANIFEST_INVALID, partial(manifests.read_header, content))
        assert told in error.message


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(noise: bytes) -> None:
    refused(ErrorCode.MANIFEST_INVALID, lambda: manifests.read_header(noise))
