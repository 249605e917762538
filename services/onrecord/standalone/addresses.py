"""Where processes are called, and how those of one service are told apart."""

import errno
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random, SystemRandom

HOST = "127.0.0.1"
_RANGE = range(10_000, 32_000)


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service; `suffix` of its name where it is not the only one."""

    address: str
    suffix: str


def numbered(addresses: Sequence[str]) -> list[Replica]:
    """One for each; the only one has no number."""
    if len(addresses) == 1:
        return [Replica(addresses[0], "")]
    return [Replica(one, f"-{number}") for number, one in enumerate(addresses, 1)]


def target(addresses: Sequence[str]) -> str:
    """As gRPC names one service that answers at several addresses."""
    return addresses[0] if len(addresses) == 1 else "ipv4:" + ",".join(addresses)


class FreePorts:
    """Ports of this machine that nobody listens at, each handed out once.

    They lie below those that the system gives to outgoing connections by itself (from 32768 on
    Linux): what is free there now may be anybody's a second later, before it is listened at. They
    follow one another from a beginning by chance, so that two who look at once seldom meet.
    """

    def __init__(self, chance: Random | None = None, taken: Iterable[int] = ()) -> None:
        self._next = (chance or SystemRandom()).choice(_RANGE)
        self._taken = frozenset(taken)

    def port(self) -> int:
        """Raises OSError where there is none."""
        for _ in range(_RANGE.stop - _RANGE.start):
            found = self._next
            self._next = found + 1 if found + 1 in _RANGE else _RANGE.start
            if found not in self._taken and _is_free(found):
                return found
        raise OSError(errno.EADDRINUSE, "no port of this machine is free")

    def addresses(self, count: int) -> list[str]:
        """As many, all on this machine."""
        return [f"{HOST}:{self.port()}" for _ in range(count)]


def _is_free(port: int) -> bool:
    try:
        # As servers do: what is left of closed connections does not count.
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
