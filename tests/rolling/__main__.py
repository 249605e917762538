"""`python -m tests.rolling`: every process of a cluster restarted, then upgraded, under load.

Ends with 1 where anybody noticed.
"""

import sys
import tempfile
from pathlib import Path

from tests.rolling.roll import Rolled
from tests.rolling.upgrade import run


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="onrecord-rolling-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        report = run(folder / "data", folder, restart=True)
    noticed = False
    for what, rolled in (("restarted", report.restarted), ("upgraded", report.upgraded)):
        assert rolled is not None
        noticed = noticed or bool(rolled.failed)
        _say(what, rolled)
    sys.stdout.write(f"entries: {report.entries}\nfailed searches: {report.unsearched}\n")
    for broken in report.broken:
        sys.stdout.write(f"BROKEN: {broken}\n")
    return 1 if noticed or report.broken or report.unsearched else 0


def _say(what: str, rolled: Rolled) -> None:
    away = max(rolled.replaced.values())
    sys.stdout.write(
        f"{what}: {len(rolled.replaced)} processes, each away for {away:.1f} s at most; "
        f"{rolled.answered} calls answered, failed: {rolled.failed or 'none'}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
