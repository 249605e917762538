"""What only a real connection shows: cut uploads, and refusals while a client still sends."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from onrecord.gateway.http.part import HttpPart, listening
from onrecord.kernel.vocabulary import Role
from tests.builders.gateway import REQUEST, Office, build_office


class Served(uvicorn.Server):
    """Says when it has started and when a connection has ended."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Office, str, int]]:
    office = build_office(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))
    server = Served(uvicorn.Config(office.gateway.app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    assert server.up.wait(20)
    host, port = listening.getsockname()
    yield office, host, port
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def upload(office: Office) -> tuple[bytes, bytes]:
    """Head and body of a search, as a browser would send it."""
    parts = (
        '--x\r\nContent-Disposition: form-data; name="request"\r\n\r\n'
        f"{json.dumps(REQUEST)}\r\n"
        '--x\r\nContent-Disposition: form-data; name="probe"; filename="p.jpg"\r\n\r\n'
    )
    body = parts.encode() + b"\xff" * 100_000 + b"\r\n--x--\r\n"
    head = (
        "POST /v1/searches HTTP/1.1\r\nHost: gateway\r\n"
        f"Authorization: Bearer {office.token('olsen', Role.REQUESTER)}\r\n"
        "Idempotency-Key: one\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode(), body


def test_an_upload_cut_in_the_middle_leaves_nothing(served: tuple[Office, str, int]) -> None:
    """Bad input: nothing looked at, no entry, no place lost; the next call is served."""
    office, host, port = served
    head, body = upload(office)
    for _ in range(office.parts.limits.admission + 1):  # more often than there are places
        with socket.create_connection((host, port)) as connection:
            connection.sendall(head + body[:50_000])
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            while connection.recv(65536):
                pass  # until the gateway has done with it and closes
    assert office.audit.kinds() == []
    assert office.detection.looked_at == []
    with socket.create_connection((host, port)) as connection:
        connection.sendall(head + body)
        connection.settimeout(10)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 201")
    assert office.audit.kinds() == ["request.granted", "search.executed"]


@pytest.mark.parametrize("token", [True, False])
def test_a_client_that_sends_too_much_hears_why(
    served: tuple[Office, str, int], token: bool
) -> None:
    """R-32: 25 MB over a real connection get a problem, not a broken pipe.

    The client here is the plainest there is: it sends everything before it listens.
    """
    office, host, port = served
    head, body = upload(office)
    if not token:
        head = head.replace(b"Authorization: Bearer ", b"Authorization: Basic ")
    body = body.replace(b"\r\n--x--\r\n", b"\xff" * 25_000_000 + b"\r\n--x--\r\n")
    length = head.index(b"Content-Length: ")
    head = head[:length] + f"Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((host, port)) as connection:
        connection.settimeout(30)
        connection.sendall(head + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    status, code = (b"413", b"image_too_large") if token else (b"401", b"token_missing")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert code in answer
    assert office.audit.kinds() == []


def test_an_accepted_search_is_answered_by_a_gateway_that_is_leaving(tmp_path: Path) -> None:
    """R-45: not ready first; what was accepted finishes; a client that waits is let go at once."""
    office = build_office(tmp_path)
    at_work, may_finish = threading.Event(), threading.Event()
    detect = office.detection.detect

    def slowly(*arguments: Any) -> Any:
        at_work.set()
        assert may_finish.wait(20)
        return detect(*arguments)

    office.detection.detect = slowly  # type: ignore[method-assign,assignment]
    listener = listening("127.0.0.1", 0)
    host, port = listener.getsockname()
    part = HttpPart(office.gateway.app, listener, 20, lambda _: None)
    part.start()
    head, body = upload(office)
    with (
        socket.create_connection((host, port)) as searching,
        socket.create_connection((host, port)) as waiting,
    ):
        searching.settimeout(20)
        waiting.settimeout(20)
        waiting.sendall(
            b"GET /v1/events?wait=25 HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"
            b"Authorization: Bearer " + office.token("olsen", Role.REQUESTER).encode() + b"\r\n\r\n"
        )
        searching.sendall(head + body)
        assert at_work.wait(20)
        office.gateway.readiness.drain()
        assert httpx.get(f"http://{host}:{port}/readyz").status_code == 503
        part.ask_to_stop()
        assert waiting.makefile("rb").read().startswith(b"HTTP/1.1 200")
        assert not part.wait(0)
        may_finish.set()
        assert searching.makefile("rb").read().startswith(b"HTTP/1.1 201")
    assert part.wait(20)
    assert not part.failed()
    assert office.audit.kinds() == ["request.granted", "search.executed"]
