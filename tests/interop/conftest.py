"""Programs that we did not write, and a reason wherever one is missing."""

import shutil
from pathlib import Path

import pytest

from tests.data import in_ci
from tools.interop_tools import FSCK, LITEWITNESS, ONESHOT, Tool


def _built(tool: Tool) -> Path:
    if tool.path.is_file():
        return tool.path
    reason = f"{tool.name} {tool.version} is not built (`make test-interop` builds it, with Go)"
    if in_ci() and shutil.which("go") is not None:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def fsck() -> Path:
    """Tessera's verifier of whole logs."""
    return _built(FSCK)


@pytest.fixture(scope="session")
def oneshot() -> Path:
    """Tessera's log on files, which asks witnesses."""
    return _built(ONESHOT)


@pytest.fixture(scope="session")
def litewitness() -> Path:
    """Torchwood's witness."""
    return _built(LITEWITNESS)
