"""A name server on this machine, whose one answer a test changes."""

import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

_A: Final = 1
_ANSWER_FLAGS: Final = 0x8580
"""An answer, from who knows, with recursion."""


class Names:
    """Answers every question for addresses (A) with `addresses`, and any other with none."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        # An empty datagram to ourselves ends the loop: closing a socket wakes nobody.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while question := self._socket.recvfrom(512):
            asked, who = question
            if not asked:
                return
            self.asked += 1
            self._socket.sendto(self._answer(asked), who)

    def _answer(self, asked: bytes) -> bytes:
        (number,) = struct.unpack_from("!H", asked)
        end = asked.index(0, 12) + 1
        (kind,) = struct.unpack_from("!H", asked, end)
        found = self.addresses if kind == _A else ()
        head = struct.pack("!HHHHHH", number, _ANSWER_FLAGS, 1, len(found), 0, 0)
        records = b"".join(
            struct.pack("!HHHIH", 0xC00C, _A, 1, 0, 4) + ipaddress.IPv4Address(one).packed
            for one in found
        )
        return head + asked[12 : end + 4] + records


@contextmanager
def names(*addresses: str) -> Iterator[Names]:
    """One that is asked at `dns://127.0.0.1:PORT/name`."""
    server = Names(addresses)
    server.start()
    try:
        yield server
    finally:
        server.close()
