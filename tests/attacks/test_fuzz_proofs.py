"""R-20, R-24: no bytes make a reader of notes, checkpoints, proofs or tiles fail in another way
than by a refusal, and none but the signed ones verify.

Attacker: whoever is between a ledger and its reader, and can send anything.
"""

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.cli.ledger_source import read_bodies
from onrecord.kernel.times import SystemClock
from onrecord.proof.checkpoint import cosign, open_checkpoint, parse_checkpoint
from onrecord.proof.cosignatures import cosignatures_on
from onrecord.proof.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner, NoteVerifier, open_note, parse_note
from onrecord.proof.submission import Submission, parse_submission
from onrecord.proof.tiles import TileObject, decode_bundle, encode_bundle
from onrecord.witness.book import Book
from onrecord.witness.service import Witness
from tests.attacks.fuzzing import fuzzed, mutations, neighbours, read_or_refused
from tests.builders.ledger import MemoryLedger
from tests.builders.witnessing import grown, submission

LEDGER = grown(MemoryLedger(), 11)
KEY = LEDGER.key
WITNESS = NoteSigner.generate("witness.example/w1", COSIGNATURE_V1)
PLAIN = LEDGER.checkpoint()
NOTE = cosign(PLAIN, WITNESS, datetime(2026, 11, 23, 6, 30, tzinfo=UTC))
TEXT, _ = parse_note(NOTE)
LEAVES = [b'{"c":"%d","v":1}' % number for number in range(5)]
SUBMISSION = submission(LEDGER, 4).encode()


def text_of(data: bytes) -> str:
    """As it may come out of a database or a JSON text: half a pair of surrogates and all."""
    return data.decode("utf-8", "surrogatepass" if b"\xed\xa0" in data else "surrogateescape")


def lenient(data: bytes) -> str:
    try:
        return text_of(data)
    except UnicodeDecodeError:
        return data.decode("latin-1")


@fuzzed
@given(mutations(NOTE.encode()))
def test_a_note_opens_as_what_was_signed(data: bytes) -> None:
    opened = read_or_refused(lambda: open_note(lenient(data), [KEY, WITNESS.verifier]))
    assert opened is None or opened.text == TEXT


@fuzzed
@given(mutations(NOTE.encode()))
def test_a_parsed_note_is_the_note_again(data: bytes) -> None:
    parsed = read_or_refused(lambda: parse_note(lenient(data)))
    if parsed is not None:
        text, signatures = parsed
        assert f"{text}\n{''.join(one.line for one in signatures)}" == lenient(data)


@fuzzed
@given(mutations(NOTE.encode(), PLAIN.encode()))
def test_a_checkpoint_opens_as_what_was_signed(data: bytes) -> None:
    opened = read_or_refused(lambda: open_checkpoint(lenient(data), KEY, [WITNESS.verifier]))
    if opened is not None:
        assert opened.checkpoint == parse_checkpoint(TEXT)
        assert set(opened.witnessed_by) <= {WITNESS.name}
        assert not opened.witnessed_by or cosignatures_on(lenient(data), [WITNESS.verifier])


@fuzzed
@given(mutations(TEXT.encode()))
def test_a_checkpoint_has_one_spelling(data: bytes) -> None:
    parsed = read_or_refused(lambda: parse_checkpoint(lenient(data)))
    assert parsed is None or parsed.text() == lenient(data)


@fuzzed
@given(mutations(NOTE.encode()))
def test_a_cosignature_is_the_one_that_was_made(data: bytes) -> None:
    found = read_or_refused(lambda: cosignatures_on(lenient(data), [WITNESS.verifier]))
    assert not found or found == cosignatures_on(NOTE, [WITNESS.verifier])


@fuzzed
@given(mutations(KEY.text.encode(), WITNESS.verifier.text.encode()))
def test_a_verifier_key_has_one_spelling(data: bytes) -> None:
    key = read_or_refused(lambda: NoteVerifier.parse(lenient(data)))
    assert key is None or key.text == lenient(data)


@fuzzed
@given(mutations(WITNESS.text.encode()))
def test_a_private_key_has_one_spelling(data: bytes) -> None:
    key = read_or_refused(lambda: NoteSigner.parse(lenient(data)))
    assert key is None or key.text == lenient(data)


@fuzzed
@given(mutations(SUBMISSION))
def test_a_submission_has_one_spelling(data: bytes) -> None:
    read = read_or_refused(lambda: parse_submission(data))
    if read is not None:
        assert isinstance(read, Submission)
        assert read.encode() == data


def test_a_witness_answers_whatever_it_is_sent(tmp_path: Path) -> None:
    """It cosigns what the log has signed and nothing else, and answers all else with its code."""
    folder = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else tmp_path  # noqa: S108
    path = folder / f"onrecord-fuzz-{os.getpid()}.db"
    book = Book(path)
    witness = Witness(WITNESS, [KEY], book, SystemClock())
    honest = submission(LEDGER, 0, 4).encode()
    assert witness.add_checkpoint(honest).status == 200

    @fuzzed
    @given(mutations(SUBMISSION, honest))
    def sent(data: bytes) -> None:
        answer = read_or_refused(lambda: witness.add_checkpoint(data))
        assert answer.status in (200, 400, 403, 404, 409, 422)
        if answer.status == 200:
            assert parse_submission(data).checkpoint.text() in (TEXT, _text(4))

    try:
        sent()
        known = book.known(KEY.name)
        assert known.note.startswith((_text(4), TEXT))
    finally:
        book.close()
        for left in folder.glob(f"{path.name}*"):
            left.unlink()


def _text(size: int) -> str:
    return parse_note(LEDGER.checkpoint(size))[0]


def _hashes(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + 32] for at in range(0, len(data), 32))


INCLUSION = inclusion_proof(LEDGER.hashes, 6, 11)
LEAF = LEDGER.hashes.hash_at(0, 6)


@fuzzed
@given(mutations(b"".join(INCLUSION)), st.integers(-1, 12) | st.integers())
def test_an_inclusion_proof_proves_one_leaf_at_one_place(data: bytes, index: int) -> None:
    def verified() -> bool:
        verify_inclusion(LEAF, index, 11, _hashes(data), root(LEDGER.hashes, 11))
        return True

    if read_or_refused(verified):
        assert (index, _hashes(data)) == (6, INCLUSION)


CONSISTENCY = consistency_proof(LEDGER.hashes, 6, 11)


@fuzzed
@given(
    mutations(b"".join(CONSISTENCY)),
    st.sampled_from((6, 6, 6, 0, 5, 11, 12)) | st.integers(),
    st.booleans(),
)
def test_a_consistency_proof_proves_one_history(data: bytes, size: int, other: bool) -> None:
    old = leaf_hash(b"another history") if other else root(LEDGER.hashes, 6)

    def verified() -> bool:
        verify_consistency(size, old, 11, root(LEDGER.hashes, 11), _hashes(data))
        return True

    if read_or_refused(verified):
        assert (size, _hashes(data), other) == (6, CONSISTENCY, False)


@fuzzed
@given(mutations(encode_bundle(LEAVES)))
def test_a_bundle_of_entries_has_one_spelling(data: bytes) -> None:
    leaves = read_or_refused(lambda: decode_bundle(data))
    assert leaves is None or encode_bundle(leaves) == data


@fuzzed
@given(mutations(b"tile/0/x001/067", b"tile/entries/000.p/17", b"tile/63/x123/x456/789"))
def test_a_tile_has_one_path(data: bytes) -> None:
    tile = read_or_refused(lambda: TileObject.parse(lenient(data)))
    assert tile is None or tile.path == lenient(data)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_SPELT: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "checkpoint": (TEXT.encode(), lambda data: _bytes(parse_checkpoint(lenient(data)).text())),
    "submission": (SUBMISSION, lambda data: parse_submission(data).encode()),
    "verifier key": (
        KEY.text.encode(),
        lambda data: NoteVerifier.parse(lenient(data)).text.encode(),
    ),
    "bundle": (encode_bundle(LEAVES), lambda data: encode_bundle(decode_bundle(data))),
    "tile": (b"tile/3/x001/067.p/9", lambda data: TileObject.parse(lenient(data)).path.encode()),
}


@pytest.mark.parametrize("what", _SPELT)
def test_no_neighbour_is_a_second_spelling(what: str) -> None:
    """One bit or one byte away from a valid one: another thing, or nothing."""
    example, respelt = _SPELT[what]
    assert respelt(example) == example
    for data in neighbours(example):
        again = read_or_refused(lambda one=data: respelt(one))  # type: ignore[misc]
        assert again is None or again == data


def _line(index: int) -> bytes:
    nonce, body = LEDGER.bodies[index]
    encoded = base64.b64encode(body), index, base64.b64encode(nonce)
    return b'{"body":"%b","index":%d,"nonce":"%b"}\n' % encoded


def test_a_file_of_bodies_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "bodies.jsonl"
    known = {(index, *LEDGER.bodies[index]) for index in range(3)}

    @fuzzed
    @given(mutations(b"".join(_line(index) for index in range(3))))
    def read(data: bytes) -> None:
        file.write_bytes(data)
        rows: Any = read_or_refused(lambda: list(read_bodies(file)))
        assert rows is None or all(len(row) == 3 for row in rows)

    read()
    file.write_bytes(b"".join(_line(index) for index in range(3)))
    assert set(read_bodies(file)) == known


@pytest.mark.parametrize(
    "data",
    [
        b"\n" * 900_000,
        b"\xe2\x80\x94 a\n" * 150_000,
        TEXT.encode() + b"\n" + b"\xe2\x80\x94 a QUFBQUFBQUE=\n" * 40_000,
        b"a" * 999_000 + b"\n\n\xe2\x80\x94 ",
        b"9" * 900_000,
        b"[" * 900_000,
        b"{" * 50 + b'"a":' * 200_000,
        b'{"a":' * 60 + b"1" * 800_000,
        b"\x00\x00" * 400_000,
    ],
    ids=lambda data: f"{data[:6]!r}x{len(data)}",
)
def test_a_megabyte_takes_no_longer_than_reading_it(data: bytes) -> None:
    """Bounded time, whatever it is taken for."""
    text = lenient(data)
    for read in (
        lambda: open_note(text, [KEY, WITNESS.verifier]),
        lambda: open_checkpoint(text, KEY),
        lambda: parse_checkpoint(text),
        lambda: parse_submission(data),
        lambda: decode_bundle(data),
        lambda: NoteVerifier.parse(text),
        lambda: TileObject.parse(text),
    ):
        read_or_refused(read)
