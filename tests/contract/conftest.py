"""Each contract is held to by the object itself and by the client that reaches it over gRPC."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import cast

import grpc
import pytest

from onrecord.audit.rpc import register as register_audit
from onrecord.audit.service.audit_service import AuditService
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.grpc import open_channel
from onrecord.clients.audit import AuditClient
from onrecord.clients.vector_search import PlaneClient
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.rpc import register as register_plane
from onrecord.vector_search.service.plane import PlaneService
from tests.builders.audit import AuditForTest, SetClock, audit_for_test, open_audit
from tests.builders.plane import World, build_world
from tests.builders.servers import Servers, servers

AT_ONCE = 32
"""Calls to audit that are let in at the same time."""

Refused = Callable[[ErrorCode, Callable[[], object]], OnRecordError]


class Way(StrEnum):
    IN_PROCESS = "in process"
    OVER_GRPC = "over gRPC"


@pytest.fixture(params=Way)
def way(request: pytest.FixtureRequest) -> Way:
    """How the contract under test is reached."""
    return Way(request.param)


@pytest.fixture
def refused() -> Refused:
    """Asserts that something is refused with a code; gives the error."""

    def check(code: ErrorCode, attempt: Callable[[], object]) -> OnRecordError:
        with pytest.raises(OnRecordError) as caught:
            attempt()
        assert caught.value.code is code, caught.value
        return caught.value

    return check


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One authority between the processes of the session. It is not the one of the evidence."""
    return tmp_path_factory.mktemp("transport")


@pytest.fixture
def net(authority_folder: Path) -> Iterator[Servers]:
    with servers(authority_folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which the demo states have their policies, to be copied."""
    folder = tmp_path_factory.mktemp("settled")
    audit_for_test(folder).close()
    return folder


def copied(settled: Path, folder: Path) -> AuditForTest:
    """The settled ledger, at work in a folder of its own."""
    shutil.copytree(settled, folder)
    return open_audit(folder, clock=SetClock())


@pytest.fixture
def audit(settled: Path, tmp_path: Path, way: Way, net: Servers) -> Iterator[AuditForTest]:
    """The real ledger, with everyone who talks to it going the way under test."""
    built = copied(settled, tmp_path / "audit")
    if way is Way.OVER_GRPC:
        port = net.serve(Service.AUDIT, register_audit(built.service), threads=AT_ONCE)
        client = AuditClient(net.channel(port, Service.AUDIT))
        # The client stands in for the service; that it satisfies the contract is mypy's to say.
        built.running = replace(built.running, service=cast("AuditService", client))
    yield built
    built.close()


@pytest.fixture
def world(tmp_path: Path, way: Way, net: Servers) -> World:
    """The real plane, with everyone who talks to it going the way under test."""
    built = build_world(tmp_path)
    if way is Way.OVER_GRPC:
        port = net.serve(Service.VECTOR_SEARCH, register_plane(built.plane))
        client = PlaneClient(net.channel(port, Service.VECTOR_SEARCH))
        built.plane = cast("PlaneService", client)
    built.open_gallery()
    for number in range(5):
        built.enrol(number)
    return built


def plain_text(port: int) -> grpc.Channel:
    """A client that speaks no TLS at all."""
    return grpc.insecure_channel(f"127.0.0.1:{port}")


def foreign(port: int, service: Service, folder: Path) -> grpc.Channel:
    """A gateway by its name, with certificates of an authority of its own."""
    identity = LocalAuthority.open(folder).issue(Service.GATEWAY)
    return open_channel(f"127.0.0.1:{port}", identity, service)
