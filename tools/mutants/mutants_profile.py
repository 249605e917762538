"""Hypothesis while mutating: the same examples each time; the smallest is not looked for."""

import pytest
from hypothesis import Phase, settings

settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    max_examples=50,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """After the tests' own conftest has chosen its profile, before a test is decorated."""
    settings.load_profile("mutants")
