"""R-22, R-23, laws 3, 8 and 9: each write point of every use-case, once."""

import subprocess
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]
_SECONDS = 1800


@pytest.mark.slow
def test_killed_at_every_write_point_an_installation_stands_it() -> None:
    """In a process of its own: zygotes are forked before there are threads."""
    campaign = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.kills", "--every"],
        cwd=_REPOSITORY,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    said = campaign.stdout[-20_000:] + campaign.stderr[-4_000:]
    assert campaign.returncode == 0, said
    # A point that no scene passes is a point at which nobody was killed.
    assert "never passed: none" in campaign.stdout, said
    assert " 0 did not stand it" in campaign.stdout, said
