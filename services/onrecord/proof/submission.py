"""What a log hands to a witness, byte for byte (C2SP tlog-witness, `add-checkpoint`).

The text of 6 July 2026 (commit 95978ca), which is later than tag v1.0.0: a checkpoint of the same
size with another root is answered 422 there, and 409 by the tag. Both sides take both.
"""

import base64
import re
from dataclasses import dataclass

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import MAX_SIZE, Checkpoint, parse_checkpoint
from onrecord.proof.merkle import HASH_SIZE
from onrecord.proof.notes import decode_base64, parse_note

ADD_CHECKPOINT = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
MAX_PROOF_LINES = 63
MAX_SUBMISSION_BYTES = 64 * 1024
"""Ours has some 3 KiB; a checkpoint with every signature that a note may carry has room."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed checkpoint (`note`) and the proof that it extends the first `old_size` entries."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def encode(self) -> bytes:
        """The body of the request."""
        lines = "".join(base64.b64encode(one).decode("ascii") + "\n" for one in self.proof)
        return f"old {self.old_size}\n{lines}\n{self.note}".encode()

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says, its signatures unchecked. Raises as `parse_checkpoint`."""
        return parse_checkpoint(parse_note(self.note)[0])


def parse_submission(body: bytes) -> Submission:
    """The submission in the body of a request, its note parsed and its signatures unchecked.

    Raises `OnRecordError(PROOF_INVALID)` where it is not one, `SIGNATURE_INVALID` where the note
    is none. Stricter than asked: extension lines are refused, as in every checkpoint here.
    """
    if len(body) > MAX_SUBMISSION_BYTES:
        raise _malformed(f"more than {MAX_SUBMISSION_BYTES} bytes")
    try:
        head, blank, note = body.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError as error:
        raise _malformed("not UTF-8") from error
    first, *lines = head.split("\n")
    if not blank or not first.startswith("old "):
        raise _malformed("it has an old size, a proof, an empty line and a checkpoint")
    if len(lines) > MAX_PROOF_LINES:
        raise _malformed(f"more than {MAX_PROOF_LINES} lines of proof")
    submission = Submission(
        parse_size(first.removeprefix("old ")), tuple(_hash(line) for line in lines), note
    )
    _ = submission.checkpoint
    return submission


def parse_size(text: str) -> int:
    """A size in its one spelling. Raises `OnRecordError(PROOF_INVALID)`."""
    if _SIZE.fullmatch(text) is None or int(text) > MAX_SIZE:
        raise _malformed(f"not a size: {text[:40]!r}")
    return int(text)


def _hash(line: str) -> bytes:
    try:
        found = decode_base64(line)
    except ValueError as error:
        raise _malformed("a line of the proof is not base64") from error
    if len(found) != HASH_SIZE:
        raise _malformed(f"a line of the proof has {len(found)} bytes instead of {HASH_SIZE}")
    return found


def _malformed(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.PROOF_INVALID, f"not a submission: {message}")
