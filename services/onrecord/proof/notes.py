"""Signed notes (C2SP signed-note): text, an empty line, signatures of named keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from onrecord.proof.note_keys import (
    COSIGNATURE_V1,
    ED25519,
    LINE_START,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    check_name,
    check_text,
    cosigned_message,
    decode_base64,
    invalid,
)

__all__ = [
    "COSIGNATURE_V1",
    "ED25519",
    "LINE_START",
    "Note",
    "NoteSignature",
    "NoteSigner",
    "NoteVerifier",
    "check_text",
    "cosigned_message",
    "decode_base64",
    "open_note",
    "parse_note",
    "sign_note",
]

# The specification asks for at least 16 signatures and recommends a limit.
MAX_SIGNATURES = 64
MAX_NOTE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Note:
    """A note of which at least one signature was checked."""

    text: str
    verified: tuple[NoteVerifier, ...]
    unverified: int
    """Signatures by keys that the reader does not know; they prove nothing."""


def sign_note(text: str, signers: Sequence[NoteSigner]) -> str:
    """The note of `text` (which ends in a newline) signed by each. `SIGNATURE_INVALID` if not."""
    if not signers:
        raise ValueError("a note has at least one signature")
    check_text(text)
    return text + "\n" + "".join(signer.sign(text) for signer in signers)


def open_note(note: str, verifiers: Sequence[NoteVerifier]) -> Note:
    """The text of a note that a known key has signed.

    Raises `OnRecordError(SIGNATURE_INVALID)` where the note is malformed, where none of the
    verifiers has signed, and where a signature that claims to be by one of them is not.
    """
    text, signatures = parse_note(note)
    verified: list[NoteVerifier] = []
    unverified = 0
    for signature in signatures:
        known = [verifier for verifier in verifiers if verifier.made(signature)]
        if not known:
            unverified += 1
        for verifier in known:
            if not verifier.verifies(text, signature.signature):
                raise invalid(f"the signature of {verifier.name} is not by its key")
            if verifier not in verified:
                verified.append(verifier)
    if not verified:
        wanted = ", ".join(verifier.name for verifier in verifiers) or "nobody"
        raise invalid(f"not signed by a known key (known: {wanted})")
    return Note(text, tuple(verified), unverified)


def parse_note(note: str) -> tuple[str, tuple[NoteSignature, ...]]:
    """Text and signature lines, unchecked. Raises `OnRecordError(SIGNATURE_INVALID)`."""
    if len(note) > MAX_NOTE_BYTES:
        raise invalid("a note of more than a megabyte")
    body, blank, lines = note.rpartition("\n\n")
    text = body + "\n"
    if not blank or not lines.endswith("\n"):
        raise invalid("a note is text, an empty line and signatures, each ending in a newline")
    check_text(text)
    rows = lines.removesuffix("\n").split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise invalid(f"more than {MAX_SIGNATURES} signatures")
    return text, tuple(_parse_line(row) for row in rows)


def _parse_line(row: str) -> NoteSignature:
    dash, name, encoded = row[:2], *row[2:].partition(" ")[::2]
    try:
        material = decode_base64(encoded)
        if dash != LINE_START or len(material) < 5:
            raise ValueError("too short, or not a signature")
        check_name(name)
        check_text(row + "\n")
    except ValueError as error:
        raise invalid("a malformed signature line") from error
    return NoteSignature(name, material[:4], material[4:])
