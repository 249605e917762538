"""Where the photographs and models for tests are, and what happens when they are not there."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[1]


def test_data_root() -> Path:
    """The folder of test data: `ONRECORD_TEST_DATA`, or `shared/data` beside the checkout."""
    given = os.environ.get("ONRECORD_TEST_DATA")
    return Path(given) if given else _REPOSITORY.parent / "shared" / "data"


def in_ci() -> bool:
    """Whether what is absent here is a failure, and no reason to skip (`CI=true`, or `CI=1`)."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def test_data_path(*parts: str) -> Path:
    """A file or folder of the test data. Skips where it is absent, fails in CI."""
    path = test_data_root().joinpath(*parts)
    if not path.exists():
        reason = f"test data is absent: {path} (set ONRECORD_TEST_DATA)"
        if in_ci():
            pytest.fail(reason)
        pytest.skip(reason)
    return path


# Their names begin with `test_`; they are not tests.
test_data_root.__test__ = False  # type: ignore[attr-defined]
test_data_path.__test__ = False  # type: ignore[attr-defined]
