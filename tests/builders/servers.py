"""Live servers on 127.0.0.1 behind mutual TLS, and channels to them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.grpc import Allowed, GrpcServer, Register, ServerSettings, open_channel
from onrecord.kernel.vocabulary import Service
from onrecord.rpc.allowed import ALLOWED

LOG = logging.getLogger("onrecord.test.grpc")


class Servers:
    """One local authority, and the servers and channels of one test or module."""

    def __init__(self, folder: Path) -> None:
        self.authority = LocalAuthority.open(folder)
        self._servers: list[GrpcServer] = []
        self._channels: list[grpc.Channel] = []

    def serve(
        self,
        service: Service,
        register: Register,
        *,
        allowed: Allowed = ALLOWED,
        threads: int = 4,
        port: int = 0,
    ) -> int:
        """Serve a contract as `service`. Returns the port."""
        server = self.build(service, register, allowed=allowed, threads=threads, port=port)
        self._servers.append(server)
        return server.start()

    def build(
        self,
        service: Service,
        register: Register,
        *,
        allowed: Allowed = ALLOWED,
        threads: int = 4,
        port: int = 0,
    ) -> GrpcServer:
        settings = ServerSettings(f"127.0.0.1:{port}", threads)
        server = GrpcServer(settings, self.authority.issue(service), allowed, LOG)
        server.add(register)
        return server

    def channel(
        self, port: int, service: Service, caller: Service = Service.GATEWAY
    ) -> grpc.Channel:
        """A channel to `service` on `port`, with the certificate of `caller`."""
        channel = open_channel(f"127.0.0.1:{port}", self.authority.issue(caller), service)
        self._channels.append(channel)
        return channel

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
        for server in self._servers:
            server.stop(grace=5.0)


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    opened = Servers(folder)
    try:
        yield opened
    finally:
        opened.close()
