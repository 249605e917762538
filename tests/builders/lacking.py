"""Parts that cannot be installed here: the tests that need them fail in CI, and are skipped, with
the reason, elsewhere. A `conftest.py` that imports these two hooks has it so for its folder.
"""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from deploy.local.tools import InstallError
from tests.data import in_ci


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except InstallError as lacks:
        if in_ci():
            raise
        pytest.skip(f"a part lacks here: {lacks}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    with _told():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    with _told():
        return (yield)
