"""The witness over a real socket: bounded, and never in the way of the next one."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from onrecord.proof.submission import ADD_CHECKPOINT, MAX_SUBMISSION_BYTES
from onrecord.witness import http as witness_http
from tests.builders.ledger import MemoryLedger
from tests.builders.witnessing import RunningWitness, grown, running_witness, submission

LOG = grown(MemoryLedger(), 5)


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningWitness]:
    monkeypatch.setattr(witness_http, "REQUEST_SECONDS", 0.5)
    with running_witness(tmp_path / "witness.db", LOG.key) as running:
        yield running


def asked(witness: RunningWitness, method: str, path: str, body: bytes | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", witness.server.port, timeout=10)
    connection.request(method, path, body)
    status = connection.getresponse().status
    connection.close()
    return status


def raw(witness: RunningWitness, sent: bytes) -> bytes:
    """What comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", witness.server.port), timeout=10) as connection:
        connection.sendall(sent)
        got = b""
        while more := connection.recv(4096):
            got += more
        return got


def test_several_submissions_on_one_connection(witness: RunningWitness) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", witness.server.port, timeout=10)
    for old, size, status in ((0, 2, 200), (0, 3, 409), (2, 5, 200)):
        connection.request("POST", ADD_CHECKPOINT, submission(LOG, old, size).encode())
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == status
        if status == 409:
            assert body == b"2\n"
            assert answer.getheader("Content-Type") == "text/x.tlog.size"
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", ADD_CHECKPOINT, 404),
        ("GET", "/", 404),
        ("GET", "/../checkpoint", 404),
        ("GET", f"/{'0' * 64}/checkpoint", 404),
        ("POST", "/", 404),
        ("POST", f"{ADD_CHECKPOINT}?", 404),
        ("PUT", ADD_CHECKPOINT, 501),
    ],
)
def test_what_it_does_not_serve(
    witness: RunningWitness, method: str, path: str, status: int
) -> None:
    assert asked(witness, method, path, b"" if method == "POST" else None) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"", b"411"),
        (b"Content-Length: -1\r\n", b"411"),
        (b"Content-Length: 1e3\r\n", b"411"),
        (b"Content-Length: 99999999999999999999\r\n", b"411"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"411"),
        (b"Content-Length: %d\r\n" % (MAX_SUBMISSION_BYTES + 1), b"413"),
    ],
)
def test_a_body_is_bounded_before_it_is_read(
    witness: RunningWitness, headers: bytes, status: bytes
) -> None:
    got = raw(witness, b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n" + headers + b"\r\n")
    assert got.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    "sent", [b"", b"POST /add", b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9\r\n\r\nold"]
)
def test_who_does_not_finish_loses_the_connection(witness: RunningWitness, sent: bytes) -> None:
    assert b"200" not in raw(witness, sent)
    assert asked(witness, "POST", ADD_CHECKPOINT, submission(LOG, 0).encode()) == 200


def test_one_connection_too_many_is_closed_and_the_rest_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_http, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(witness_http, "REQUEST_SECONDS", 5.0)
    with running_witness(tmp_path / "witness.db", LOG.key) as witness:
        address = ("127.0.0.1", witness.server.port)
        held = [socket.create_connection(address, timeout=10) for _ in range(2)]
        # Each has its place once it has been answered.
        for connection in held:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 404")
        assert raw(witness, b"") == b""
        held[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert held[0].recv(4096).startswith(b"HTTP/1.1 404")
        for connection in held:
            connection.close()
