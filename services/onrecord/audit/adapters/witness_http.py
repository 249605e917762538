"""Asking a witness over HTTP. Its answers are a stranger's: bounded in size and in time."""

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from onrecord.audit.core.witnessing import (
    Answer,
    Cosigned,
    Elsewhere,
    NotExtended,
    WitnessAddress,
    WitnessAwayError,
)
from onrecord.kernel.errors import OnRecordError
from onrecord.proof.cosignatures import read_cosignatures
from onrecord.proof.notes import NoteVerifier, parse_note
from onrecord.proof.submission import ADD_CHECKPOINT, SIZE_TYPE, Submission, parse_size

_MAX_ANSWER = 64 * 1024
_SHOWN = 200

_log = logging.getLogger(__name__)


class HttpWitness:
    """Implements `core.witnessing.AskedWitness`; for one thread, and `close` for any.

    Keeps its connection from one submission to the next. No submission takes longer than
    `seconds`, however slowly the other side speaks.
    """

    def __init__(self, address: WitnessAddress, seconds: float) -> None:
        parts = urlsplit(address.url)
        assert parts.hostname is not None  # noqa: S101 - `WitnessAddress` has seen to it
        self._host, self._port = parts.hostname, parts.port
        self._secure = parts.scheme == "https"
        self._path = parts.path + ADD_CHECKPOINT
        self._key = address.key
        self._seconds = seconds
        self._connection: http.client.HTTPConnection | None = None

    @property
    def key(self) -> NoteVerifier:
        return self._key

    def close(self) -> None:
        _break_off(self._connection)

    def submit(self, submission: Submission) -> Answer:
        body = submission.encode()
        try:
            status, kind, answered = self._exchange(body)
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            raise WitnessAwayError(f"{self._key.name} does not answer: {error!r}") from error
        try:
            return self._read(submission, status, kind, answered)
        except (OnRecordError, UnicodeDecodeError) as error:
            raise WitnessAwayError(
                f"{self._key.name} answered {status} with something else: {error}"
            ) from error

    def _read(self, submission: Submission, status: int, kind: str, answered: bytes) -> Answer:
        if status == 200:
            text, _ = parse_note(submission.note)
            mine = read_cosignatures(text, answered.decode("utf-8"), [self._key])
            if not mine:
                raise WitnessAwayError(f"{self._key.name} answered without its own cosignature")
            return Cosigned(mine[0])
        if status == 409 and kind == SIZE_TYPE:
            return Elsewhere(parse_size(answered.decode("ascii").removesuffix("\n")))
        said = answered[:_SHOWN].decode("utf-8", "replace").strip()
        if status == 422:
            return NotExtended(said)
        raise WitnessAwayError(f"{self._key.name} answered {status}: {said!r}")

    def _exchange(self, body: bytes) -> tuple[int, str, bytes]:
        is_kept = self._connection is not None
        over = time.monotonic() + self._seconds
        try:
            return self._ask(body, self._seconds)
        except (ConnectionError, http.client.RemoteDisconnected):
            if not is_kept or time.monotonic() >= over:
                raise
            # It was closed while nobody spoke; what is submitted twice is cosigned twice.
            self._forget()
            return self._ask(body, over - time.monotonic())

    def _ask(self, body: bytes, seconds: float) -> tuple[int, str, bytes]:
        connection = self._connection or self._connect()
        with _limit(connection, seconds):
            connection.request("POST", self._path, body, {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            answered = answer.read(_MAX_ANSWER + 1)
        if len(answered) > _MAX_ANSWER:
            raise http.client.HTTPException(f"more than {_MAX_ANSWER} bytes")
        if not answer.isclosed() or answer.will_close:
            self._forget()
        return answer.status, answer.headers.get_content_type(), answered

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(
                self._host, self._port, timeout=self._seconds
            )
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@contextmanager
def _limit(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    # A socket's own timeout starts again with every byte; this one does not.
    timer = threading.Timer(seconds, _break_off, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _break_off(connection: http.client.HTTPConnection | None) -> None:
    held: socket.socket | None = None if connection is None else connection.sock
    if held is None:
        return
    try:
        held.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("a connection that was to be broken off had ended")
