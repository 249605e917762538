"""One server a test process, known by its address alone; and where its data lie, for privacy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.e2e_scene import Scene, build_scene
from tests.builders.e2e_server import Server, start_server
from tests.builders.models import reference_repository

ENROLLED = 12
EXAMINERS = 4


@pytest.fixture(scope="session")
def models() -> Path:
    """The `reference` set."""
    return reference_repository()


@pytest.fixture(scope="session")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`onrecord up` for all tests of this process."""
    folder = tmp_path_factory.mktemp("one-process")
    running = start_server(folder / "data", models, folder / "server.log")
    yield running
    assert running.stop() == 0, running.log.read_text("utf-8")[-2000:]


@pytest.fixture(scope="session")
def scene(server: Server, models: Path) -> Scene:
    """Three states: Utah allows, Vermont forbids, Maryland's agreement has run out."""
    return build_scene(server.installation, models, enrolled=ENROLLED, examiners=EXAMINERS)
