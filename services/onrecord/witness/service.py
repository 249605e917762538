"""The witness: check a log's signature, check that it only grew, remember, cosign."""

import hashlib
import logging
from collections.abc import Sequence

from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import Clock
from onrecord.proof.checkpoint import cosignature
from onrecord.proof.notes import (
    COSIGNATURE_V1,
    ED25519,
    NoteSigner,
    NoteVerifier,
    open_note,
    parse_note,
)
from onrecord.proof.submission import Submission, parse_submission
from onrecord.witness.book import Book, Refused
from onrecord.witness.core import Answer, Known, refusal

_log = logging.getLogger(__name__)


class Witness:
    """Cosigns for the logs whose verifier keys it was given; a log may have several keys.

    `ValueError` where a key is of the wrong kind. MUST NOT cosign two trees of one origin of which
    neither extends the other, in whatever order and however many at once they are submitted.
    """

    def __init__(
        self, signer: NoteSigner, logs: Sequence[NoteVerifier], book: Book, clock: Clock
    ) -> None:
        if signer.algorithm != COSIGNATURE_V1:
            raise ValueError("a witness cosigns with a key of type 0x04")
        if any(log.algorithm != ED25519 for log in logs):
            raise ValueError("a log's key is of type 0x01")
        self._signer = signer
        self._keys: dict[str, list[NoteVerifier]] = {}
        for log in logs:
            self._keys.setdefault(log.name, []).append(log)
        self._origins = {hashlib.sha256(name.encode()).hexdigest(): name for name in self._keys}
        self._book = book
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one submission. Raises LEDGER_UNAVAILABLE where the book cannot be written."""
        try:
            submission = parse_submission(body)
        except OnRecordError as error:
            return Answer(400, f"{error.message}\n")
        origin = submission.checkpoint.origin
        keys = self._keys.get(origin)
        if keys is None:
            return Answer(404, "this witness does not know that log\n")
        try:
            signed_by = open_note(submission.note, keys).verified
        except OnRecordError as error:
            return Answer(403, f"{error.message}\n")
        try:
            known = self._book.move(origin, lambda known: self._next(submission, known, signed_by))
        except _RefusedError as refused:
            self._keep(submission, refused.answer)
            return refused.answer
        return Answer(200, _own_line(known.note))

    def checkpoint(self, origin_sha256: str) -> Answer:
        """The newest checkpoint cosigned of the log whose origin has this hash (hexadecimal)."""
        origin = self._origins.get(origin_sha256)
        known = None if origin is None else self._book.known(origin)
        if known is None or not known.note:
            return Answer(404, "this witness has cosigned nothing of that log\n")
        return Answer(200, known.note)

    def _next(
        self, submission: Submission, known: Known, signed_by: Sequence[NoteVerifier]
    ) -> Known:
        checkpoint = submission.checkpoint
        answer = refusal(submission, checkpoint, known)
        if answer is not None:
            raise _RefusedError(answer)
        # Within the transaction, and never back: a later time on a smaller tree would be a lie.
        time = max(int(self._clock.now().timestamp()), known.time)
        text, lines = parse_note(submission.note)
        kept = [line.line for line in lines if any(key.made(line) for key in signed_by)]
        note = f"{text}\n{''.join(kept)}{cosignature(text, self._signer, time)}"
        return Known(checkpoint.size, checkpoint.root, time, note)

    def _keep(self, submission: Submission, answer: Answer) -> None:
        if answer.status != 422:
            return
        now = int(self._clock.now().timestamp())
        origin = submission.checkpoint.origin
        _log.error("%s has signed what does not extend it: %s", origin, answer.body.strip())
        self._book.keep_refused(Refused(origin, now, answer.body.strip(), submission.note))


class _RefusedError(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


def _own_line(note: str) -> str:
    """The last line of a note, which is the witness's own."""
    return note.removesuffix("\n").rpartition("\n")[2] + "\n"
