"""A service that a name stands for, as Kubernetes' headless Services are (R-44)."""

from pathlib import Path

import grpc

from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.grpc import GrpcServer, ServerSettings, open_channel
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Service
from tests.builders.names import names
from tests.builders.servers import LOG
from tests.unit.chassis.test_grpc import ALLOWED, call, register


def _serving(authority: LocalAuthority, address: str, age: float) -> tuple[GrpcServer, int]:
    settings = ServerSettings(address, 4, connection_age=age)
    server = GrpcServer(settings, authority.issue(Service.AUDIT), ALLOWED, LOG)
    server.add(register(lambda _sent, _context: address.encode()))
    return server, server.start()


def _until(channel: grpc.Channel, wanted: set[bytes]) -> None:
    """Calls, none of which may fail, until each of `wanted` has answered one."""
    found: set[bytes] = set()
    deadline = Deadline.after(30)
    while not wanted <= found:
        assert deadline.remaining() > 0, found
        found.add(call(channel, wait=True))


def test_a_replica_that_comes_later_gets_its_share(tmp_path: Path) -> None:
    """R-44, R-45: since no connection lasts for ever, its callers ask again who there is; and no
    call is lost to that.
    """
    authority = LocalAuthority.open(tmp_path)
    first, port = _serving(authority, "127.0.0.1:0", age=1.0)
    second, _ = _serving(authority, f"127.0.0.2:{port}", age=1.0)
    try:
        with (
            names("127.0.0.1") as known,
            open_channel(
                f"dns://127.0.0.1:{known.port}/audit.test:{port}",
                authority.issue(Service.GATEWAY),
                Service.AUDIT,
            ) as channel,
        ):
            _until(channel, {b"127.0.0.1:0"})
            known.addresses = ("127.0.0.1", "127.0.0.2")
            _until(channel, {f"127.0.0.2:{port}".encode()})
            known.addresses = ("127.0.0.2",)
            first.stop(grace=5.0)
            _until(channel, {f"127.0.0.2:{port}".encode()})
            assert known.asked > 1
    finally:
        first.stop(grace=0.0)
        second.stop(grace=0.0)


def test_the_name_is_asked_by_default_and_calls_go_round(tmp_path: Path) -> None:
    """R-44: every address that a name has gets calls at once."""
    authority = LocalAuthority.open(tmp_path)
    first, port = _serving(authority, "127.0.0.1:0", age=300.0)
    second, _ = _serving(authority, f"127.0.0.2:{port}", age=300.0)
    try:
        with (
            names("127.0.0.1", "127.0.0.2") as known,
            open_channel(
                f"dns://127.0.0.1:{known.port}/audit.test:{port}",
                authority.issue(Service.GATEWAY),
                Service.AUDIT,
            ) as channel,
        ):
            _until(channel, {b"127.0.0.1:0", f"127.0.0.2:{port}".encode()})
    finally:
        first.stop(grace=0.0)
        second.stop(grace=0.0)
