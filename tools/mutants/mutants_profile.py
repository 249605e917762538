"""pytest while mutating: the same examples each time, and names of tests that can be asked for."""

import os
from collections.abc import Generator

import pytest
from _pytest.python import IdMaker
from hypothesis import Phase, settings

settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    max_examples=50,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)

# mutmut asks for tests by name. A name with a backslash, or made of a fresh key, is not found
# again; pytest then ends with an error, which mutmut takes for a mutant that was killed.
IdMaker._resolve_ids = lambda self: [str(n) for n in range(len(self.parametersets))]  # type: ignore

_SUSPICIOUS = 35
"""mutmut's number for a run that tells nothing."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """After the tests' own conftest has chosen its profile, before a test is decorated."""
    settings.load_profile("mutants")


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main() -> Generator[None, object, object]:
    """Where a test is not found after all, the mutant is told as neither killed nor alive."""
    status = yield
    if status == pytest.ExitCode.USAGE_ERROR and "__mutmut_" in os.environ.get(
        "MUTANT_UNDER_TEST", ""
    ):
        os._exit(_SUSPICIOUS)
    return status
