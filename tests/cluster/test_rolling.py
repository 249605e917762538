"""R-44, R-45, R-22, R-23: every process is replaced by the next version under load, its schemas
first; nobody hears of it, nothing is lost. `make rolling` restarts all of them besides.
"""

from pathlib import Path

import pytest

from onrecord.kernel.vocabulary import Service
from tests.rolling.next_version import VERSION
from tests.rolling.upgrade import run


@pytest.mark.slow
def test_an_upgrade_goes_unnoticed(tmp_path: Path, parts_folder: Path) -> None:
    """Zero failed requests beyond shed ones, zero lost events, and the observer agrees."""
    report = run(parts_folder / "rolling", tmp_path, restart=False)
    assert report.services == set(Service)
    assert set(report.versions.values()) == {VERSION}
    assert report.broken == []
    assert report.unsearched == []
    assert report.upgraded is not None
    assert report.upgraded.failed == {}
    assert report.upgraded.answered > 0
    assert report.entries["search.executed"] > 0
