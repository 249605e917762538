"""An office for each test: a gateway, what it stands on, and the people who use it."""

from pathlib import Path

import pytest

from tests.builders.gateway import Office, build_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return build_office(tmp_path)
