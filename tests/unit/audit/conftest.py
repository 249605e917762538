from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.audit import AuditForTest, SetClock, audit_for_test


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def audit(tmp_path: Path, clock: SetClock) -> Iterator[AuditForTest]:
    opened = audit_for_test(tmp_path, clock=clock)
    yield opened
    opened.close()
