"""Where processes are called, and how those of one service are told apart."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

HOST = "127.0.0.1"


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


def free_addresses(count: int) -> list[str]:
    """As many, all on this machine."""
    return [f"{HOST}:{free_port()}" for _ in range(count)]


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])
