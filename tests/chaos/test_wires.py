"""A wire carries what it is given until it is cut or stalled, and again when it is whole."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.chaos.wires import State, Wire, Wires

_SECONDS = 10.0


@pytest.fixture
def echo() -> Iterator[str]:
    """Somebody who gives back what it hears."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(connected: socket.socket) -> None:
        with connected:
            while data := connected.recv(100):
                connected.sendall(data)

    def serve() -> None:
        while True:
            try:
                connected, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connected,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


def _connected(wire: Wire, seconds: float = _SECONDS) -> socket.socket:
    host, _, port = wire.address.rpartition(":")
    return socket.create_connection((host, int(port)), seconds)


def _echoed(connection: socket.socket) -> bytes:
    connection.sendall(b"hello")
    return connection.recv(5)


def _hears_nothing(connection: socket.socket) -> bool:
    """Whether the connection has ended, in whichever way."""
    try:
        return connection.recv(5) == b""
    except ConnectionError:
        return True


def test_a_cut_wire_resets_what_is_connected_and_takes_nothing_new(wires: Wires, echo: str) -> None:
    wire = wires.wire(echo)
    with _connected(wire) as connection:
        assert _echoed(connection) == b"hello"
        wires.set(wire, State.CUT)
        assert _hears_nothing(connection)
    with _connected(wire) as refused:
        assert _hears_nothing(refused)
    wires.set(wire, State.WHOLE)
    with _connected(wire) as connection:
        assert _echoed(connection) == b"hello"


def test_a_stalled_wire_holds_what_it_is_given_until_it_is_whole(wires: Wires, echo: str) -> None:
    wire = wires.wire(echo)
    with _connected(wire, 0.3) as connection:
        assert _echoed(connection) == b"hello"
        wires.set(wire, State.STALLED)
        with pytest.raises(TimeoutError):
            _echoed(connection)
        wires.set(wire, State.WHOLE)
        connection.settimeout(_SECONDS)
        assert connection.recv(5) == b"hello"
