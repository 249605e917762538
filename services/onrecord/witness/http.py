"""The witness over HTTP. TLS, where it is wanted, is ended in front of it."""

import logging
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.submission import ADD_CHECKPOINT, MAX_SUBMISSION_BYTES
from onrecord.witness.core import Answer
from onrecord.witness.service import Witness

MAX_CONNECTIONS = 64
REQUEST_SECONDS = 10.0
"""How long one request may take to arrive, and how long a connection may stand idle."""

_CHECKPOINT = re.compile(r"/([0-9a-f]{64})/checkpoint")
_LENGTH = re.compile(r"[0-9]{1,10}")
_log = logging.getLogger(__name__)


class WitnessServer:
    """Serves a witness at an address until it is closed."""

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        self._server = _Server((host, port), _handler(witness))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="witness", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Take no more, and break off the connections there are: whoever asked asks again."""
        self._server.shutdown()
        self._server.break_off()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """As many connections at once as are stated; one more is closed at once.

    Whoever sends nothing, or a byte now and then, loses the connection when its time is over.
    """

    request_queue_size = MAX_CONNECTIONS

    def __init__(self, *arguments: Any) -> None:
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)
            self._places.release()

    def break_off(self) -> None:
        """End every connection, whatever it is at."""
        for connection in list(self._open):
            _break_off(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        _log.info("a connection broke off", exc_info=True)


def _handler(witness: Witness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "onrecord-witness"
        sys_version = ""
        timeout = REQUEST_SECONDS
        wbufsize = -1  # an answer goes out whole

        def handle_one_request(self) -> None:
            # A socket's own time starts again with every byte; this one does not.
            limit = threading.Timer(REQUEST_SECONDS, _break_off, (self.connection,))
            limit.daemon = True
            limit.start()
            try:
                super().handle_one_request()
            finally:
                limit.cancel()

        def do_POST(self) -> None:
            if self.path != ADD_CHECKPOINT:
                self.close_connection = True  # its body stays unread
                self._answer(Answer(404, "there is nothing here\n"))
                return
            body = self._body()
            if body is not None:
                self._answer(self._asked(body))

        def do_GET(self) -> None:
            wanted = _CHECKPOINT.fullmatch(self.path)
            nothing = Answer(404, "there is nothing here\n")
            self._answer(nothing if wanted is None else witness.checkpoint(wanted[1]))

        def _asked(self, body: bytes) -> Answer:
            try:
                answer = witness.add_checkpoint(body)
            except OnRecordError as error:
                return Answer(503, f"{error.message}\n")
            except Exception:  # noqa: BLE001 - the one who asks gets an answer, the log the fault
                _log.exception("a submission could not be judged")
                return Answer(500, "this witness has failed\n")
            return answer

        def _body(self) -> bytes | None:
            said = self.headers.get("Content-Length", "")
            self.close_connection = True  # unless the body is read whole
            if "Transfer-Encoding" in self.headers or _LENGTH.fullmatch(said) is None:
                self._answer(Answer(411, "a length is needed\n"))
            elif int(said) > MAX_SUBMISSION_BYTES:
                self._answer(Answer(413, f"at most {MAX_SUBMISSION_BYTES} bytes\n"))
            else:
                body = self.rfile.read(int(said))
                if len(body) == int(said):
                    self.close_connection = self.headers.get("Connection", "").lower() == "close"
                    return body
            return None

        def _answer(self, answer: Answer) -> None:
            data = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(data)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            _log.info(format, *args)

    return Handler


def _break_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("a connection that was to be broken off had ended")
