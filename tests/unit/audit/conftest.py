import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.audit import AuditForTest, SetClock, audit_for_test, open_audit


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed ledger in which the demo states are settled, to be copied."""
    folder = tmp_path_factory.mktemp("settled")
    audit_for_test(folder).close()
    return folder


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def audit(settled: Path, tmp_path: Path, clock: SetClock) -> Iterator[AuditForTest]:
    folder = tmp_path / "audit"
    shutil.copytree(settled, folder)
    opened = open_audit(folder, clock=clock)
    yield opened
    opened.close()
