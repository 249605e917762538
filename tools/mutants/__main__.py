"""The commands: run a subject, see what lives, write the page."""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tools.mutants import page
from tools.mutants.findings import counts_of, explanations, findings, key_of
from tools.mutants.rules import RULES
from tools.mutants.subjects import Subject, subjects
from tools.mutants.survivors import Mutant
from tools.mutants.workspace import decide_again, refresh


def main() -> int:
    """Parse and obey; the exit status is 1 where a survivor is unexplained."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="make and run the mutants, then count")
    run.add_argument("subject", choices=subjects())
    told = commands.add_parser("survivors", help="the unexplained ones, as rows to explain")
    told.add_argument("subject", choices=subjects())
    told.add_argument("module", nargs="?", default="", help="modules that contain this")
    timed = commands.add_parser("timed", help="those killed by time, to be looked at")
    timed.add_argument("subject", choices=subjects())
    count = commands.add_parser("count", help="write counts/<subject>.toml and the page")
    count.add_argument("subject", choices=subjects())
    commands.add_parser("page", help="write docs/mutation.md")
    given = parser.parse_args()
    if given.command == "page":
        page.PAGE.write_text(page.write(), "utf-8")
        return 0
    subject = subjects()[given.subject]
    if given.command == "survivors":
        return _show(subject, given.module)
    if given.command == "timed":
        return _show_timed(subject)
    if given.command == "run":
        _run(subject)
    return _count(subject)


def _run(subject: Subject) -> None:
    tests_changed = refresh(subject)
    generate = [sys.executable, str(Path(__file__).with_name("generate.py"))]
    _started(generate, subject)
    found = [(one.mutant.key, one.by) for one in findings(subject)]
    by_rule = {key for key, by in found if by in RULES}
    explained = {key for key, by in found if by == "explained"}
    decide_again(subject, by_rule, explained, tests_changed=tests_changed)
    # Nobody reads why a test failed, and telling it of two large values takes longer than the test.
    quiet = ["-s", "--assert=plain", "--tb=native"]
    pytest = [sys.executable, "-m", "pytest", *quiet, "-p", "forking", "--rootdir=."]
    leave_out = [f"--ignore={path}" for path in subject.leave_out]
    run = subprocess.run(
        [*pytest, *subject.tests, *leave_out],
        cwd=subject.workspace / "mutants",
        env={**os.environ, "PYTHONPATH": "src:."},
        check=False,
        preexec_fn=lambda: os.nice(19),
    )
    if run.returncode != 0:
        sys.stderr.write(f"pytest ended with {run.returncode}\n")


def _started(command: list[str], subject: Subject) -> None:
    subprocess.run(command, cwd=subject.workspace, check=True, preexec_fn=lambda: os.nice(19))


def _show(subject: Subject, module: str) -> int:
    unexplained = [one.mutant for one in findings(subject) if one.by is None]
    shown = [one for one in unexplained if module in one.module and one.verdict != "not run"]
    seen = set()
    for mutant in shown:
        if key_of(mutant) not in seen:
            seen.add(key_of(mutant))
            print(_as_row(mutant))  # noqa: T201 - a command prints
    return 1 if shown else 0


def _show_timed(subject: Subject) -> int:
    for one in findings(subject):
        if one.mutant.verdict == "timeout":
            was, becomes = one.mutant.was, one.mutant.becomes
            print(f"{one.mutant.key}\n    {was}\n    {becomes}")  # noqa: T201 - a command prints
    return 0


def _as_row(mutant: Mutant) -> str:
    told = [("module", mutant.module), ("function", mutant.function)]
    told += [("was", mutant.was), ("becomes", mutant.becomes), ("why", "")]
    lines = [f"{name} = {_text(value)}" for name, value in told]
    return "\n".join([f"# {mutant.key} ({mutant.verdict})", "[[survivor]]", *lines, ""])


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if "'" in value else f"'{value}'"


def _count(subject: Subject) -> int:
    found = list(findings(subject))
    table = counts_of(found)
    lines = [f"date = {datetime.now(UTC).date().isoformat()}\n"]
    columns = ("mutants", "killed", "by_time", *RULES, "explained", "unexplained", "not_run")
    for module, row in table.items():
        lines.append(f'\n[module."{module}"]\n')
        lines += [f"{column} = {row[column]}\n" for column in columns if row[column]]
    subject.counts.write_text("".join(lines), "utf-8")
    page.PAGE.write_text(page.write(), "utf-8")
    lives = {key_of(one.mutant) for one in found if one.by == "explained"}
    complete = not any(row["not_run"] for row in table.values())
    for gone in sorted(set(explanations(subject)) - lives) if complete else ():
        sys.stderr.write(f"explained, but no survivor (any more): {gone}\n")
    unexplained = sum(row["unexplained"] for row in table.values())
    sys.stderr.write(f"{subject.name}: {len(found)} mutants, {unexplained} unexplained\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
