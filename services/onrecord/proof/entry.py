"""An entry of the ledger with all that proves it: body, nonce, inclusion proof, checkpoint.

A leaf is a commitment (R-26): it holds the hash of nonce and body, so the tree can be public
while bodies stay behind auditor access, and a body's destruction breaks no proof.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.proof import canonical
from onrecord.proof.canonical import Json
from onrecord.proof.checkpoint import Checkpoint, open_checkpoint
from onrecord.proof.merkle import leaf_hash, verify_inclusion
from onrecord.proof.notes import NoteVerifier, decode_base64

NONCE_SIZE = 32
LEAF_VERSION = 1
# The canonical form of a leaf is this fixed: 32 bytes are 43 characters and one of padding.
_LEAF = re.compile(rb'\{"c":"([A-Za-z0-9+/]{43}=)","v":1\}')
_FIELDS = {"body", "nonce", "index", "inclusion", "checkpoint"}


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """What audit hands out for an entry; nothing in it is to be believed before `verify_entry`.

    `body` is canonical JSON, `nonce` 32 bytes, `inclusion` hashes of 32 bytes from the leaf
    upwards, `checkpoint` the signed note whose size and root the proof is for.
    """

    body: bytes
    nonce: bytes
    index: int
    inclusion: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, Json]:
        """A value for `canonical.encode`: bytes as base64."""
        return {
            "body": _encode(self.body),
            "nonce": _encode(self.nonce),
            "index": self.index,
            "inclusion": [_encode(part) for part in self.inclusion],
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def from_json(cls, value: object) -> "LoggedEntry":
        """What `to_json` wrote. Raises `OnRecordError(GRANT_MALFORMED)` for anything else."""
        if not isinstance(value, dict) or set(value) != _FIELDS:
            raise _malformed("a logged entry has body, nonce, index, inclusion and checkpoint")
        index, inclusion, note = value["index"], value["inclusion"], value["checkpoint"]
        if type(index) is not int or index < 0:
            raise _malformed("an index is a whole number, not negative")
        if not isinstance(inclusion, list) or len(inclusion) > 64:
            raise _malformed("an inclusion proof is a list of at most 64 hashes")
        if not isinstance(note, str):
            raise _malformed("a checkpoint is text")
        path = tuple(_decode(part) for part in inclusion)
        return cls(_decode(value["body"]), _decode(value["nonce"]), index, path, note)


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """An entry that stands in the ledger: its body may be believed to be what was logged."""

    index: int
    body: dict[str, Any]
    body_bytes: bytes
    time: datetime
    kind: str
    checkpoint: Checkpoint


def commitment(nonce: bytes, body: bytes) -> bytes:
    """SHA-256(nonce ‖ body), 32 bytes. The nonce's fixed length keeps the two apart."""
    if len(nonce) != NONCE_SIZE:
        raise ValueError(f"a nonce has {NONCE_SIZE} bytes")
    return hashlib.sha256(nonce + body).digest()


def leaf(nonce: bytes, body: bytes) -> bytes:
    """The leaf's bytes: canonical `{"c":"<base64 of the commitment>","v":1}`."""
    return b'{"c":"%b","v":%d}' % (base64.b64encode(commitment(nonce, body)), LEAF_VERSION)


def parse_leaf(data: bytes) -> bytes:
    """The commitment (32 bytes) in a leaf. Raises `OnRecordError(PROOF_INVALID)`."""
    match = _LEAF.fullmatch(data)
    if match is not None:
        try:
            return decode_base64(match[1].decode("ascii"))
        except ValueError:
            pass  # a second spelling of the same 32 bytes: refused as any other form
    raise OnRecordError(ErrorCode.PROOF_INVALID, "not a commitment of version 1")


def verify_entry(entry: LoggedEntry, key: NoteVerifier) -> VerifiedEntry:
    """Check that the entry stands in the log whose key is `key`.

    Raises `OnRecordError`: `GRANT_CHECKPOINT_INVALID` where the checkpoint is not that log's,
    `GRANT_NOT_IN_LEDGER` where the entry does not lead to its root, `GRANT_MALFORMED` where the
    body or nonce is not what the ledger writes.
    """
    try:
        checkpoint = open_checkpoint(entry.checkpoint, key).checkpoint
    except OnRecordError as error:
        raise OnRecordError(ErrorCode.GRANT_CHECKPOINT_INVALID, error.message) from error
    if len(entry.nonce) != NONCE_SIZE:
        raise _malformed(f"a nonce has {NONCE_SIZE} bytes")
    body, time, kind = parse_body(entry.body)
    try:
        hashed = leaf_hash(leaf(entry.nonce, entry.body))
        verify_inclusion(hashed, entry.index, checkpoint.size, entry.inclusion, checkpoint.root)
    except OnRecordError as error:
        raise OnRecordError(
            ErrorCode.GRANT_NOT_IN_LEDGER, f"the entry is not in the ledger: {error.message}"
        ) from error
    return VerifiedEntry(entry.index, body, entry.body, time, kind, checkpoint)


def parse_body(data: bytes) -> tuple[dict[str, Any], datetime, str]:
    """Body, time and kind. Raises `OnRecordError(GRANT_MALFORMED)`."""
    try:
        body = canonical.decode(data)
    except OnRecordError as error:
        raise _malformed(f"the body is {error.message}") from error
    if not isinstance(body, dict):
        raise _malformed("a body is an object")
    kind, time = body.get("kind"), body.get("time")
    if not isinstance(kind, str) or not kind:
        raise _malformed("a body names its kind")
    if not isinstance(time, str):
        raise _malformed("a body states its time")
    try:
        return body, parse_time(time), kind
    except OnRecordError as error:
        raise _malformed(error.message) from error


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(value: object) -> bytes:
    if isinstance(value, str):
        try:
            return decode_base64(value)
        except ValueError:
            pass
    raise _malformed("bytes are written as base64")


def _malformed(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.GRANT_MALFORMED, message)
