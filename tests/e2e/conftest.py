"""The installation that the tests know by its address alone: in one process, and in six.

Each form is started once, in the test process that its group is given to, and serves every test
of that form. Where its data lie is for the tests of privacy.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.e2e_forms import (
    BOTH,
    ENROLLED,
    EXAMINERS,
    FIVE_PROCESSES,
    ONE_PROCESS,
    Standing,
)
from tests.builders.e2e_processes import Processes, running_processes
from tests.builders.e2e_scene import Scene, build_scene
from tests.builders.e2e_server import Serving, said, start_server
from tests.builders.models import reference_repository


@pytest.fixture(scope="session")
def models() -> Path:
    """The `reference` set."""
    return reference_repository()


@pytest.fixture(scope="session")
def one_process(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """`onrecord up`."""
    folder = tmp_path_factory.mktemp(ONE_PROCESS)
    running = start_server(folder / "data", models, folder / "server.log")
    yield _stage(running, models)
    assert running.stop() == 0, said(running)[-2000:]


@pytest.fixture(scope="session")
def processes(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Five services, vector search on two planes; each can be killed and started again."""
    with running_processes(tmp_path_factory.mktemp(FIVE_PROCESSES) / "data", models) as running:
        yield running
        assert "Traceback" not in said(running), said(running)[-3000:]


@pytest.fixture(scope="session")
def five_processes(processes: Processes, models: Path) -> Standing:
    return _stage(processes, models)


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


def _stage(server: Serving, models: Path) -> Standing:
    scene = build_scene(server.installation, models, enrolled=ENROLLED, examiners=EXAMINERS)
    return Standing(server, scene)
