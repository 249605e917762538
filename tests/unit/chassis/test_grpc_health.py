"""gRPC's own health checks tell what `/readyz` tells, to whoever has a certificate."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2

from onrecord.chassis.grpc import GrpcServer
from onrecord.chassis.health import Health
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from tests.builders.servers import Servers, servers

CONTRACT = "onrecord.test.Echo"
METHOD = f"/{CONTRACT}/Echo"
ALLOWED = {METHOD: frozenset({Service.GATEWAY})}
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
WAIT = 30.0


class Busy:
    """A service whose only call lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def act(self, sent: bytes, context: grpc.ServicerContext) -> bytes:
        self.begun.set()
        assert self.go_on.wait(WAIT)
        return sent

    def register(self, server: grpc.Server) -> None:
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self.act, lambda got: got, lambda sent: sent
        )
        handler = grpc.method_handlers_generic_handler(CONTRACT, {"Echo": method})
        server.add_generic_rpc_handlers((handler,))


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Servers]:
    with servers(tmp_path / "authority") as opened:
        yield opened


@pytest.fixture
def health() -> Health:
    return Health({})


@pytest.fixture
def busy() -> Busy:
    return Busy()


@pytest.fixture
def port(net: Servers, health: Health, busy: Busy) -> Iterator[int]:
    server: GrpcServer = net.build(Service.AUDIT, busy.register, allowed=ALLOWED, threads=1)
    server.add_health(health, CONTRACT)
    yield server.start()
    busy.go_on.set()
    server.stop(WAIT)


def method(channel: grpc.Channel, name: str) -> Any:
    return cast(
        "Any",
        channel.unary_unary(
            f"/grpc.health.v1.Health/{name}",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        ),
    )


def asked(channel: grpc.Channel, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    return int(method(channel, "Check")(request, timeout=WAIT).status)


def refused(channel: grpc.Channel, name: str, service: str = "") -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as raised:
        method(channel, name)(health_pb2.HealthCheckRequest(service=service), timeout=WAIT)
    return cast("grpc.Call", raised.value).code()


def test_it_follows_readiness(net: Servers, port: int, health: Health) -> None:
    """R-45: not before it is open, and not once it has been asked to go."""
    channel = net.channel(port, Service.AUDIT)
    assert asked(channel) == NOT_SERVING
    health.opened()
    assert asked(channel) == asked(channel, CONTRACT) == SERVING
    health.drain()
    assert asked(channel) == asked(channel, CONTRACT) == NOT_SERVING


def test_a_check_that_fails_is_not_serving(net: Servers, busy: Busy) -> None:
    def away() -> None:
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "away")

    health = Health({"database": away})
    health.opened()
    server = net.build(Service.AUDIT, busy.register, allowed=ALLOWED)
    server.add_health(health, CONTRACT)
    try:
        assert asked(net.channel(server.start(), Service.AUDIT)) == NOT_SERVING
    finally:
        server.stop(WAIT)


@pytest.mark.parametrize("caller", Service)
def test_any_certificate_of_the_installation_may_ask(
    net: Servers, port: int, health: Health, caller: Service
) -> None:
    health.opened()
    assert asked(net.channel(port, Service.AUDIT, caller)) == SERVING


def test_nobody_without_a_certificate_is_answered(net: Servers, port: int) -> None:
    root = net.authority.issue(Service.GATEWAY).root_pem
    credentials = grpc.ssl_channel_credentials(root_certificates=root)
    options = [("grpc.ssl_target_name_override", "audit.onrecord")]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        assert refused(channel, "Check") is grpc.StatusCode.UNAVAILABLE


def test_what_is_not_served_is_said(net: Servers, port: int) -> None:
    channel = net.channel(port, Service.AUDIT)
    assert refused(channel, "Check", "another.Service") is grpc.StatusCode.NOT_FOUND
    assert refused(channel, "Watch") is grpc.StatusCode.UNIMPLEMENTED


def test_a_probe_is_answered_while_every_place_is_taken(
    net: Servers, port: int, health: Health, busy: Busy
) -> None:
    """A service that is at work is not taken for a dead one; a call more is shed."""
    health.opened()
    channel = net.channel(port, Service.AUDIT)
    call = cast("Any", channel.unary_unary(METHOD, lambda sent: sent, lambda got: got))
    at_work = call.future(b"hello", timeout=WAIT)
    assert busy.begun.wait(WAIT)
    with pytest.raises(grpc.RpcError):
        call(b"one more", timeout=WAIT)
    assert asked(channel) == SERVING
    busy.go_on.set()
    assert at_work.result(WAIT) == b"hello"
