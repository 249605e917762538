"""`python -m tests.chaos --seed S --minutes M --form F`: what was injected, and what was seen.

Ends with 1 where a law broke. The report as JSON lies under `.cache/chaos`.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tests.builders.models import reference_repository
from tests.chaos.campaign import Report, Seen, campaign
from tests.chaos.cluster import cluster
from tests.chaos.form import Form
from tests.chaos.load import Load
from tests.chaos.processes import processes
from tests.chaos.stage import pictures, set_up
from tests.chaos.table import table
from tests.chaos.told import Told
from tests.chaos.watch import Watch

_ROOT = Path(__file__).resolve().parents[2]
_BEGIN = 8
Starts = Callable[[Path, Path], AbstractContextManager[Form]]
FORMS: Mapping[str, Starts] = {"processes": processes, "cluster": cluster}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--form", choices=sorted(FORMS), default="processes")
    parser.add_argument("--only", default="", help="faults whose kind and target have this regex")
    asked = parser.parse_args(argv)
    report = Report(asked.seed, asked.form, asked.minutes, only=asked.only)
    folder = Path(tempfile.mkdtemp(prefix="onrecord-chaos-"))
    run(report, folder, lambda seen: _say(_line(seen)))
    _say(table(report))
    if report.broken:
        _say(f"left as it was: {folder}")
    else:
        shutil.rmtree(folder)
    _say(f"all of it: {_kept(report)}")
    return 1 if report.broken else 0


def run(report: Report, folder: Path, say: Callable[[Seen], None]) -> None:
    """Start, work, break, look; `folder` may be entered by the accounts of parts."""
    folder.chmod(0o711)
    models = reference_repository()
    told_in = folder / "told"
    told_in.mkdir()
    with FORMS[report.form](folder / "data", models) as form:
        told = Told(told_in)
        examiners = set_up(form.installation, models, form.grant_minutes)
        seen = form.witnesses.cosigned
        load = Load(form, examiners, pictures(), told, report.seed, seen)
        load.begin(_BEGIN)
        campaign(form, load, Watch(form, told), report, say)


def _kept(report: Report) -> Path:
    cache = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache"))
    folder = cache / "chaos"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.form}-{report.seed}{'-some' if report.only else ''}.json"
    path.write_text(json.dumps(report.to_json(), indent=1) + "\n", "utf-8")
    return path


def _line(seen: Seen) -> str:
    back = "not back" if seen.recovered is None else f"back after {seen.recovered:.1f} s"
    heard = ", ".join(f"{count}x {what}" for what, count in sorted(seen.heard.items()))
    lines = [
        f"{seen.at:6.0f} s  {seen.kind} {seen.target}: {seen.how}; {back}; {heard or 'nothing'}"
    ]
    return "\n".join([*lines, *(f"          BROKEN: {one}" for one in seen.broke)])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
