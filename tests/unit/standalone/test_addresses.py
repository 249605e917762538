"""Ports that are handed out stay free until they are listened at."""

import socket
from pathlib import Path
from random import Random

import pytest

from onrecord.standalone.addresses import HOST, FreePorts


def test_none_is_handed_out_twice() -> None:
    ports = FreePorts()
    found = [ports.port() for _ in range(200)]
    assert len(set(found)) == len(found)


def test_one_that_somebody_listens_at_or_keeps_is_passed_by() -> None:
    first = FreePorts(Random(7))  # noqa: S311 - twice the same beginning
    listened, kept, third = (first.port() for _ in range(3))
    with socket.create_server((HOST, listened)):
        again = FreePorts(Random(7), taken=[kept])  # noqa: S311
        assert again.port() >= third


def test_none_is_where_outgoing_connections_come_from() -> None:
    known = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not known.exists():
        pytest.skip("not on Linux")
    lowest = int(known.read_text().split()[0])
    ports = FreePorts()
    assert all(ports.port() < lowest for _ in range(20))
