"""Checkpoints (C2SP tlog-checkpoint) and the cosignatures of witnesses (C2SP tlog-cosignature).

A checkpoint is the signed head of the ledger: origin, number of entries, root hash. Extension
lines are refused: nobody who watches the log could audit them.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.merkle import HASH_SIZE
from onrecord.proof.notes import (
    COSIGNATURE_V1,
    ED25519,
    NoteSigner,
    NoteVerifier,
    cosigned_message,
    decode_base64,
    open_note,
    parse_note,
    sign_note,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
MAX_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `root` (32 bytes) over the first `size` entries of the log `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was published, beside what it says."""

    note: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose log signature, and whose witnesses named here, have been checked."""

    checkpoint: Checkpoint
    note: str
    witnessed_by: tuple[str, ...]


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Raises `OnRecordError(PROOF_INVALID)`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise _malformed("a checkpoint has three lines: origin, size, root")
    origin, size, encoded = lines[:3]
    if _SIZE.fullmatch(size) is None or int(size) > MAX_SIZE:
        raise _malformed(f"not the size of a log: {size[:40]!r}")
    try:
        root = decode_base64(encoded)
    except ValueError as error:
        raise _malformed("the root is not base64") from error
    if len(root) != HASH_SIZE:
        raise _malformed(f"a root has {HASH_SIZE} bytes, not {len(root)}")
    return Checkpoint(origin, int(size), root)


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The signed note. The signer's name must be the origin (`ValueError`)."""
    if signer.name != checkpoint.origin:
        raise ValueError(f"the key of {signer.name} cannot sign for {checkpoint.origin}")
    parse_checkpoint(checkpoint.text())
    return sign_note(checkpoint.text(), [signer])


def open_checkpoint(
    note: str, key: NoteVerifier, witnesses: Sequence[NoteVerifier] = ()
) -> OpenedCheckpoint:
    """Check the log's own signature and the cosignatures of those witnesses that are given.

    `witnessed_by` names the given witnesses that have cosigned; one that has not is simply not
    named. Raises `OnRecordError(SIGNATURE_INVALID)` where the log has not signed or a line that
    claims to be by a known key is not, `PROOF_INVALID` where the text is not a checkpoint or is
    of another log than the key's.
    """
    if key.algorithm != ED25519 or any(w.algorithm != COSIGNATURE_V1 for w in witnesses):
        raise ValueError("a log signs with type 0x01 and a witness with type 0x04")
    opened = open_note(note, [key, *witnesses])
    if key not in opened.verified:
        raise OnRecordError(
            ErrorCode.SIGNATURE_INVALID, f"the checkpoint is not signed by the log {key.name}"
        )
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != key.name:
        raise _malformed(f"a checkpoint of {checkpoint.origin!r}, not of {key.name!r}")
    witnessed = tuple(known.name for known in opened.verified if known != key)
    return OpenedCheckpoint(checkpoint, note, witnessed)


def cosign(note: str, signer: NoteSigner, time: datetime) -> str:
    """The note with a witness's cosignature/v1 line added, made at `time` (whole seconds).

    Raises as `cosignature`, and `ValueError` for a time without a zone.
    """
    if time.tzinfo is None:
        raise ValueError("a cosignature's time needs a zone")
    text, _ = parse_note(note)
    return note + cosignature(text, signer, int(time.timestamp()))


def cosignature(text: str, signer: NoteSigner, time: int) -> str:
    """The line with which a witness cosigns a checkpoint's text at `time`, in seconds since 1970.

    The witness has made sure of consistency before. Raises as `parse_checkpoint`, and
    `ValueError` for a key that is not a cosigning key.
    """
    if signer.algorithm != COSIGNATURE_V1:
        raise ValueError("a witness cosigns with a key of type 0x04")
    parse_checkpoint(text)
    signature = signer.private.sign(cosigned_message(text, time))
    return signer.line(time.to_bytes(8, "big") + signature)


def _malformed(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.PROOF_INVALID, message)
