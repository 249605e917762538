"""Cosignatures on a checkpoint (C2SP tlog-cosignature): reading, checking, counting them.

A cosignature says: of all I saw of this log, this is the largest tree, and it extends the others.
One witness proves that to those who trust it; a quorum proves it to those who trust so many.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.checkpoint import OpenedCheckpoint, open_checkpoint
from onrecord.proof.notes import (
    COSIGNATURE_V1,
    LINE_START,
    NoteSignature,
    NoteVerifier,
    parse_note,
)

_TIME_SIZE = 8


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's verified line. `time`: when it was made, in seconds since 1970."""

    witness: NoteVerifier
    time: int
    line: str


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many of which witnesses must have cosigned. `ValueError` where that cannot be.

    No witnesses and none needed: nobody is asked, and nothing is ever called witnessed.
    """

    witnesses: tuple[NoteVerifier, ...] = ()
    needed: int = 0

    def __post_init__(self) -> None:
        if any(witness.algorithm != COSIGNATURE_V1 for witness in self.witnesses):
            raise ValueError("a witness's key is of type 0x04")
        # One key under two names is one witness, and so are two keys that nobody can tell apart.
        keys = {witness.public_key for witness in self.witnesses}
        names = {witness.name for witness in self.witnesses}
        if not len(keys) == len(names) == len(self.witnesses):
            raise ValueError("each witness is named once, with a name and a key of its own")
        least = 1 if self.witnesses else 0
        if not least <= self.needed <= len(self.witnesses):
            raise ValueError(f"{self.needed} of {len(self.witnesses)} witnesses is no quorum")

    def met_by(self, names: Collection[str]) -> bool:
        """Whether these witnesses, by name, are enough. Never where there are no witnesses."""
        named = sum(witness.name in names for witness in self.witnesses)
        return bool(self.witnesses) and named >= self.needed

    def covers(self, note: str, key: NoteVerifier) -> OpenedCheckpoint | None:
        """The log's checkpoint if the quorum has cosigned it; None otherwise.

        Raises as `open_checkpoint`.
        """
        opened = open_checkpoint(note, key, self.witnesses)
        return opened if self.met_by(opened.witnessed_by) else None


def read_cosignatures(
    text: str, lines: str, witnesses: Sequence[NoteVerifier]
) -> tuple[Cosignature, ...]:
    """What `lines` (signature lines, each ending in a newline) hold by these witnesses.

    Lines by others are ignored; of several by one witness the latest counts. Raises
    `OnRecordError(SIGNATURE_INVALID)` where they are not signature lines, or one claims to be by
    one of the witnesses and is not over `text`, or bears no time.
    """
    if not lines.startswith(LINE_START):
        raise _invalid("not the signature lines of a note")
    parsed, signatures = parse_note(f"{text}\n{lines}")
    if parsed != text:
        raise _invalid("signature lines hold an empty line")
    found: dict[str, Cosignature] = {}
    for signature in signatures:
        for witness in witnesses:
            if not witness.made(signature):
                continue
            one = _read(text, signature, witness)
            known = found.get(witness.name)
            if known is None or known.time < one.time:
                found[witness.name] = one
    return tuple(found[witness.name] for witness in witnesses if witness.name in found)


def cosignatures_on(note: str, witnesses: Sequence[NoteVerifier]) -> tuple[Cosignature, ...]:
    """What a whole note holds by these witnesses. Raises as `read_cosignatures`."""
    text, _ = parse_note(note)
    return read_cosignatures(text, note[len(text) + 1 :], witnesses)


def with_cosignatures(note: str, cosignatures: Sequence[Cosignature]) -> str:
    """A note that its log has signed, with these lines behind its own."""
    return note + "".join(one.line for one in cosignatures)


def _read(text: str, signature: NoteSignature, witness: NoteVerifier) -> Cosignature:
    time = int.from_bytes(signature.signature[:_TIME_SIZE], "big")
    if time == 0:
        raise _invalid(f"the cosignature of {witness.name} bears no time")
    if not witness.verifies(text, signature.signature):
        raise _invalid(f"the cosignature of {witness.name} is not by its key")
    return Cosignature(witness, time, signature.line)


def _invalid(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SIGNATURE_INVALID, message)
