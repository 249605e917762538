"""R-22, R-23, R-45, laws 3, 6 and 9: a minute of chaos on the five processes, from a seed."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import run
from tests.chaos.campaign import Report
from tests.chaos.table import table

_SEED = 65
_MINUTES = 1.0


@pytest.mark.slow
def test_a_minute_of_chaos_breaks_no_law(tmp_path: Path) -> None:
    report = Report(_SEED, "processes", _MINUTES)
    run(report, tmp_path, lambda _: None)
    said = table(report)
    assert not report.broken, said
    # What shows that there was something to break: faults, answers, releases and deletions.
    assert len({one.kind for one in report.seen}) >= 3, said
    assert report.ledger["search.executed"] > 0, said
    assert report.ledger["record.deleted"] > 0, said
    assert report.mates["found"] > 0, said
