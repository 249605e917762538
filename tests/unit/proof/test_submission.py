"""R-20, R-24: what a log hands to a witness has one spelling, and nothing else is read."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import MAX_SIZE
from onrecord.proof.submission import (
    MAX_PROOF_LINES,
    MAX_SUBMISSION_BYTES,
    Submission,
    parse_size,
    parse_submission,
)
from tests.builders.ledger import MemoryLedger

HASH = bytes(range(32))
LINE = base64.b64encode(HASH).decode() + "\n"


@pytest.fixture
def note() -> str:
    ledger = MemoryLedger()
    for number in range(5):
        ledger.append({"n": number})
    return ledger.checkpoint()


def body(note: str, lines: str = LINE, head: str = "old 3\n") -> bytes:
    return f"{head}{lines}\n{note}".encode()


def refused(read: Callable[[Any], object], given: object) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        read(given)
    return caught.value.code


def test_what_was_written_is_what_is_read(note: str) -> None:
    for old, proof in ((0, ()), (3, (HASH, HASH[::-1]))):
        submission = Submission(old, proof, note)
        assert parse_submission(submission.encode()) == submission
    assert submission.encode() == body(note, LINE + base64.b64encode(HASH[::-1]).decode() + "\n")
    assert submission.checkpoint.size == 5


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        ("3\n", LINE),
        ("new 3\n", LINE),
        ("old 03\n", LINE),
        ("old -1\n", LINE),
        ("old\n", LINE),
        ("old old 3\n", LINE),
        ("old 3\n", "not base64\n"),
        ("old 3\n", base64.b64encode(HASH[:31]).decode() + "\n"),
        ("old 3\n", base64.b64encode(HASH + b"x").decode() + "\n"),
        ("old 3\n", LINE.replace("\n", "\r\n")),
        ("old 3\n", LINE * (MAX_PROOF_LINES + 1)),
    ],
)
def test_another_spelling_is_none(note: str, head: str, lines: str) -> None:
    code = refused(parse_submission, body(note, lines, head))
    assert code is ErrorCode.PROOF_INVALID


def test_the_longest_proof_there_can_be_is_read(note: str) -> None:
    assert len(parse_submission(body(note, LINE * MAX_PROOF_LINES)).proof) == MAX_PROOF_LINES


def test_it_has_an_empty_line_and_a_checkpoint(note: str) -> None:
    for broken in (b"old 3\n" + LINE.encode(), b"", b"\xff\xfe\n\n" + note.encode()):
        assert refused(parse_submission, broken) is ErrorCode.PROOF_INVALID
    without = body("no note at all")
    assert refused(parse_submission, without) is ErrorCode.SIGNATURE_INVALID
    extended = body(note.replace("\n\n", "\nan extension\n\n"))
    assert refused(parse_submission, extended) is ErrorCode.PROOF_INVALID


def test_it_is_bounded_before_it_is_read(note: str) -> None:
    """Of two that are broken in the same way, the larger is refused for its size."""
    start = body(note)
    fits = start + b"x" * (MAX_SUBMISSION_BYTES - len(start))
    assert refused(parse_submission, fits) is ErrorCode.SIGNATURE_INVALID
    assert refused(parse_submission, fits + b"x") is ErrorCode.PROOF_INVALID


def test_a_size_has_one_spelling_and_a_largest() -> None:
    assert [parse_size(text) for text in ("0", "7", str(MAX_SIZE))] == [0, 7, MAX_SIZE]
    for text in ("", "00", "+1", "1.0", " 1", "1\n", "x", str(MAX_SIZE + 1), "9" * 30):
        assert refused(parse_size, text) is ErrorCode.PROOF_INVALID
