from pathlib import Path

import pytest

from tests.builders.audit import audit_for_test
from tests.unit.audit.conftest import audit, clock

__all__ = ["audit", "clock", "settled"]


@pytest.fixture(scope="package")
def settled(on_postgres: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed ledger in which the demo states are settled, to be copied."""
    folder = tmp_path_factory.mktemp("settled")
    audit_for_test(folder).close()
    return folder
