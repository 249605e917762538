"""The installation that the tests know by its address alone: in one process, and in six.

Each form is started once, in the test process that its group is given to, and serves every test
of that form. Where its data lie is for the tests of privacy.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.e2e_cluster import FoundServing, found_cluster, running_cluster
from tests.builders.e2e_forms import (
    BOTH,
    ENROLLED,
    EXAMINERS,
    FIVE_PROCESSES,
    ON_CLUSTER,
    ONE_PROCESS,
    Standing,
)
from tests.builders.e2e_processes import Processes, running_processes
from tests.builders.e2e_scene import Scene, build_scene
from tests.builders.e2e_server import Serving, said, start_server
from tests.builders.lacking import pytest_runtest_call, pytest_runtest_setup
from tests.builders.models import reference_repository
from tests.builders.otlp import Collector, collecting

__all__ = ["pytest_runtest_call", "pytest_runtest_setup"]

# They start installations of their own, in files, again and again.
collect_ignore = (
    ["test_demo.py", "test_fail_closed.py", "test_five_processes.py"] if ON_CLUSTER else []
)


@pytest.fixture(scope="session")
def models() -> Path:
    """The `reference` set."""
    return reference_repository()


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Takes the spans of every installation that the tests of telemetry look at. One that runs
    already was told where it is.
    """
    found = _found()
    if found is not None and not found.standing.otlp:
        pytest.skip(
            "the cluster that runs sends no spans: `make cluster OTLP=http://127.0.0.1:4317`"
        )
    with collecting(found.standing.otlp if found is not None else "") as opened:
        yield opened


@pytest.fixture(scope="session")
def one_process(
    models: Path, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standing]:
    """`onrecord up`."""
    folder = tmp_path_factory.mktemp(ONE_PROCESS)
    telemetry = ("--health", "127.0.0.1:0", "--otlp", collector.address)
    running = start_server(folder / "data", models, folder / "server.log", ("up", *telemetry))
    yield _stage(running, models)
    assert running.stop() == 0, said(running)[-2000:]


@pytest.fixture(scope="session")
def processes(
    models: Path, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    """Five services, vector search on two planes; each can be killed and started again."""
    data = tmp_path_factory.mktemp(FIVE_PROCESSES) / "data"
    with running_processes(data, models, collector.address) as running:
        yield running
        assert "Traceback" not in said(running), said(running)[-3000:]


@pytest.fixture(scope="session")
def five_processes(processes: Processes, models: Path) -> Standing:
    return _stage(processes, models)


@pytest.fixture(scope="session")
def cluster_serving(models: Path, request: pytest.FixtureRequest) -> Iterator[Serving]:
    """Kafka, PostgreSQL, Milvus, Triton, S3, and each service twice; or, where
    `ONRECORD_E2E_DATA` names a cluster's folder, the one that runs there.
    """
    found = _found()
    if found is not None:
        yield found
        assert "Traceback" not in said(found), said(found)[-3000:]
        return
    collector: Collector = request.getfixturevalue("collector")
    with running_cluster(models, collector.address) as running:
        yield running
        assert "Traceback" not in said(running), said(running)[-3000:]


@pytest.fixture(scope="session")
def cluster(cluster_serving: Serving, models: Path) -> Standing:
    return _stage(cluster_serving, models)


@pytest.fixture(scope="session", params=BOTH)
def standing(request: pytest.FixtureRequest) -> Standing:
    """One form after the other."""
    found = request.getfixturevalue(request.param.replace("-", "_"))
    assert isinstance(found, Standing)
    return found


@pytest.fixture(scope="session")
def server(standing: Standing) -> Serving:
    return standing.server


@pytest.fixture(scope="session")
def scene(standing: Standing) -> Scene:
    return standing.scene


def _found() -> FoundServing | None:
    """The cluster that runs already, where one is named."""
    named = os.environ.get("ONRECORD_E2E_DATA")
    return found_cluster(Path(named).resolve()) if named else None


def _stage(server: Serving, models: Path) -> Standing:
    scene = build_scene(server.installation, models, enrolled=ENROLLED, examiners=EXAMINERS)
    return Standing(server, scene)
