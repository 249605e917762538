"""R-42: what a state has signed is what is enrolled, chunk by chunk, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
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
    assert error.details["chunk"] == 0


def test_there_is_no_chunk_beyond_the_last() -> None:
    refused(ErrorCode.NOT_FOUND, lambda: manifests.check_chunk(header(), 3, ROWS[:4]))


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
    huge = b" " * (manifests.MAX_HEADER_BYTES + 1)
    refused(ErrorCode.MANIFEST_INVALID, lambda: manifests.read_header(huge))


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(noise: bytes) -> None:
    refused(ErrorCode.MANIFEST_INVALID, lambda: manifests.read_header(noise))
