"""Real parts, each started when a test first asks for it and stopped at the end of the session.

A part's fixture is three lines: `yield from started(KafkaPart(), parts_folder)`.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.part import Part
from deploy.local.parts.kafka import Kafka
from deploy.local.parts.keycloak import Keycloak
from deploy.local.parts.keycloak_realm import Account
from deploy.local.parts.milvus import Milvus
from deploy.local.parts.postgres import Postgres
from deploy.local.parts.s3 import S3
from deploy.local.parts.triton import Triton
from deploy.local.running import Running, place_for
from onrecord.chassis.inference import ModelRepository
from onrecord.chassis.inference.triton import TritonModels
from onrecord.chassis.inference.triton_server import TritonServer
from tests.builders.lacking import pytest_runtest_call, pytest_runtest_setup
from tests.builders.models import reference_repository, registry_repository
from tests.cluster.kafka_topics import closing_all

__all__ = ["pytest_runtest_call", "pytest_runtest_setup"]

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")) / "tools"
BUCKET = "onrecord-tests"
ACCOUNTS = (
    Account("p-reyes", "us-ut-slcpd", ("requester",), training_completed="2026-08-01"),
    Account("p-okafor", "us-ut-dps", ("examiner", "supervisor"), training_completed="2026-08-01"),
    Account("p-custodian", "us-ut-licensing", ("custodian",), gallery="US-UT"),
    Account("p-auditor", "us-ut-auditor", ("auditor",)),
    Account("p-operator", "onrecord-operations", ("operator",)),
)

SLOW_TO_START = {
    "kafka": "kafka",
    "milvus_server": "served",
    "triton": "served",
    "s3": "served",
    "keycloak": "keycloak",
}
"""Fixtures of parts, and the group that their tests are in: those of a group run in one process
(`--dist loadgroup`), so that a part is started once. PostgreSQL is up in two seconds: each process
has its own.
"""


@pytest.hookimpl(tryfirst=True)  # xdist looks at the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for part, group in SLOW_TO_START.items():
            if part in used:
                item.add_marker(pytest.mark.xdist_group(group))
                break
    # Those first: while they wait for a part, the other process has a core for PostgreSQL's.
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.fixture(scope="session")
def parts_folder() -> Iterator[Path]:
    """Where the parts of this session keep their data: not under pytest's own folders, which no
    account but ours may enter, while a part may run under one of its own.
    """
    with tempfile.TemporaryDirectory(prefix="onrecord-parts-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def started(part: Part, folder: Path) -> Iterator[Running]:
    """Install the part where it lacks, start it on a new data folder, stop it in the end."""
    part.install(TOOLS, lambda line: print(line, file=sys.stderr))  # noqa: T201 - progress
    running = Running(part, place_for(part, TOOLS, folder / part.name))
    try:
        running.start()
        yield running
        assert not running.ended(), f"{part.name} ended by itself; {running.tail()}"
    finally:
        running.close()


@pytest.fixture(scope="session")
def kafka(parts_folder: Path) -> Iterator[Running]:
    """One broker; who needs topics makes them (`kafka_topics.emptied`)."""
    yield from started(Kafka(), parts_folder)


@pytest.fixture(autouse=True)
def buses_closed() -> Iterator[None]:
    with closing_all():
        yield


@pytest.fixture(scope="session")
def milvus_server(parts_folder: Path) -> Iterator[Running]:
    """One Milvus; who takes it down takes one of their own."""
    yield from started(Milvus(), parts_folder)


@pytest.fixture(scope="session")
def triton(parts_folder: Path) -> Iterator[Running]:
    """One Triton with the models of the sets `reference` and `registry`."""
    yield from started(Triton((reference_repository(), registry_repository())), parts_folder)


@pytest.fixture(scope="session")
def triton_models(triton: Running) -> Iterator[TritonModels]:
    """The set `reference`, as a service sees it that is told of the server."""
    server = TritonServer(triton.place.at("grpc"))
    yield TritonModels(ModelRepository(reference_repository()), server)
    server.close()


@pytest.fixture(scope="session")
def postgres(parts_folder: Path) -> Iterator[Running]:
    """A server whose disk may lag behind: no test here cuts the power."""
    yield from started(Postgres(settings=(("fsync", "off"),)), parts_folder)


@pytest.fixture(scope="session")
def s3(parts_folder: Path) -> Iterator[Running]:
    """An S3 gateway with one bucket, `BUCKET`; each test takes a prefix of its own."""
    yield from started(S3((BUCKET,)), parts_folder)


@pytest.fixture(scope="session")
def keycloak(parts_folder: Path) -> Iterator[Running]:
    """An identity provider that knows `ACCOUNTS`."""
    yield from started(Keycloak(ACCOUNTS), parts_folder)
