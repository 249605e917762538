"""R-24: whatever a stranger answers in a witness's place, audit takes its word for nothing."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from onrecord.audit.adapters.witness_http import HttpWitness
from onrecord.audit.core.witnessing import (
    Cosigned,
    Elsewhere,
    NotExtended,
    WitnessAddress,
    WitnessAwayError,
)
from onrecord.proof.checkpoint import cosignature
from onrecord.proof.submission import SIZE_TYPE
from tests.builders.ledger import MemoryLedger
from tests.builders.witnessing import forked, grown, new_signer, submission

LOG = grown(MemoryLedger(), 9)
SIGNER = new_signer()
OTHER = new_signer("witness.example/other")
TOLD = submission(LOG, 0)
TEXT = TOLD.checkpoint.text()
LINE = cosignature(TEXT, SIGNER, 5)

Answering = Callable[[BaseHTTPRequestHandler], None]


class Stranger:
    """An HTTP server that answers as it is told."""

    def __init__(self) -> None:
        self.answering: Answering = answer(200, LINE)
        self.at_once = 0
        self.connections: set[object] = set()
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.connections.add(self.client_address)
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/prefix/add-checkpoint"
                outer.answering(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """A test prints nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> WitnessAddress:
        url = f"http://127.0.0.1:{self.server.server_address[1]}/prefix"
        return WitnessAddress(SIGNER.verifier, url)


def answer(status: int, body: str | bytes, kind: str = "text/plain") -> Answering:
    data = body.encode() if isinstance(body, str) else body

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return write


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    made = Stranger()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_what_the_specification_says(stranger: Stranger) -> None:
    """The bodies are what tlog-witness prescribes, and one connection serves them all."""
    witness = HttpWitness(stranger.address, 5.0)
    found = witness.submit(TOLD)
    assert isinstance(found, Cosigned)
    assert (found.cosignature.line, found.cosignature.time) == (LINE, 5)
    stranger.answering = answer(409, "7\n", SIZE_TYPE)
    assert witness.submit(TOLD) == Elsewhere(7)
    stranger.answering = answer(422, "no\n")
    assert witness.submit(TOLD) == NotExtended("no")
    assert stranger.bodies == [TOLD.encode()] * 3
    assert len(stranger.connections) == 1


def test_lines_of_others_are_left_out(stranger: Stranger) -> None:
    stranger.answering = answer(200, cosignature(TEXT, OTHER, 5) + LINE)
    found = HttpWitness(stranger.address, 5.0).submit(TOLD)
    assert isinstance(found, Cosigned)
    assert found.cosignature.line == LINE


FORK = grown(forked(LOG, 8), 1, "two")
FALSE = [
    answer(200, ""),
    answer(200, "\n"),
    answer(200, b"\xff\xfe"),
    answer(200, cosignature(TEXT, OTHER, 5)),
    answer(200, cosignature(TEXT, SIGNER, 0)),
    answer(200, cosignature(submission(FORK, 0).checkpoint.text(), SIGNER, 5)),
    answer(200, SIGNER.line((5).to_bytes(8, "big") + b"\x01" * 64)),
    answer(200, LINE.removesuffix("\n")),
    answer(200, LINE + "\n" + LINE),
    answer(200, TEXT + "\n" + LINE),
    answer(200, LINE * 100),
    answer(200, "x" * 200_000),
    answer(204, ""),
    answer(301, ""),
    answer(400, "what?"),
    answer(403, "who?"),
    answer(404, "which?"),
    answer(409, "7\n"),
    answer(409, "7", "text/html"),
    answer(409, "seven\n", SIZE_TYPE),
    answer(409, "07\n", SIZE_TYPE),
    answer(409, "-7\n", SIZE_TYPE),
    answer(409, "9" * 30 + "\n", SIZE_TYPE),
    answer(409, b"\xff\n", SIZE_TYPE),
    answer(500, "oh"),
    answer(503, "later"),
]


@pytest.mark.parametrize("answering", FALSE, ids=range(len(FALSE)))
def test_whatever_else_is_no_answer(stranger: Stranger, answering: Answering) -> None:
    stranger.answering = answering
    with pytest.raises(WitnessAwayError):
        HttpWitness(stranger.address, 5.0).submit(TOLD)


def test_after_a_broken_connection_the_next_is_a_new_one(stranger: Stranger) -> None:
    witness = HttpWitness(stranger.address, 5.0)
    assert isinstance(witness.submit(TOLD), Cosigned)

    def once(handler: BaseHTTPRequestHandler) -> None:
        stranger.answering = answer(200, LINE)
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    stranger.answering = once
    assert isinstance(witness.submit(TOLD), Cosigned)
    assert len(stranger.connections) == 2


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: "])
def test_one_that_speaks_a_byte_at_a_time_is_broken_off(stranger: Stranger, sent: bytes) -> None:
    """A deadline for the whole, not for each byte."""
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(sent)
        while not over.wait(0.05):
            handler.wfile.write(b"x")

    stranger.answering = drip
    try:
        with pytest.raises(WitnessAwayError):
            HttpWitness(stranger.address, 0.5).submit(TOLD)
    finally:
        over.set()


def test_one_that_is_asked_to_stop_stops(stranger: Stranger) -> None:
    """Closing breaks off what is under way."""
    asked, over = threading.Event(), threading.Event()

    def never(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(20)
        handler.close_connection = True

    stranger.answering = never
    witness = HttpWitness(stranger.address, 60.0)
    ended = threading.Event()

    def submit() -> None:
        try:
            witness.submit(TOLD)
        except WitnessAwayError:
            ended.set()

    threading.Thread(target=submit, daemon=True).start()
    assert asked.wait(10)
    witness.close()
    assert ended.wait(10)
    over.set()
