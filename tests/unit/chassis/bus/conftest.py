from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.chassis.bus.workers import Crew, open_crew


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    opened = open_crew(tmp_path / "bus")
    yield opened
    opened.bus.close()
