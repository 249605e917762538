"""`docs/mutation.md`, written from the counts and the explanations."""

import tomllib
from collections import Counter

from tools.mutants.findings import explanations
from tools.mutants.rules import RULES
from tools.mutants.subjects import ROOT, Subject, subjects

PAGE = ROOT / "docs" / "mutation.md"

_HEAD = """\
# Mutation testing

A mutant is the code with one small fault put into it: a comparison turned, a number one higher,
an argument left out. If the tests still pass, either something that matters is not tested or the
fault is none. Run by `make mutants OF=proof|plane|audit` in a copy under `.cache/mutants`, one
process, at the lowest priority; a run that was stopped goes on where it was. It is no part of
`make test`. [mutmut](https://pypi.org/project/mutmut/) 3 makes the mutants; they are run in forks
of one pytest session (`tools/mutants/forking.py`), because mutmut collects the tests anew for each.

This page is written by `python -m tools.mutants page` from `tools/mutants/counts` (what the last
run found) and `tools/mutants/explained` (what people say of those that live).

- Only unit tests judge, and only those that reach the changed function. While mutating, Hypothesis
  draws 50 examples, always the same, and does not look for the smallest.
- Killed by time: the tests ran six times as long as without the fault, and a quarter of a minute
  more. Each of these was looked at (`python -m tools.mutants timed`): a loop that does not end.
- mutmut changes functions and methods (properties are rewritten as methods for it). It does not
  change constants of a module or a class, such as tables and patterns, nor decorators, and it does
  not take a statement away.
- A survivor counts as explained if it stands below with its reason. Some of these met only the
  tests of their own module, not every test that reaches them. A mutant under one of these rules is
  not run:
"""


def write() -> str:
    """The page's text."""
    parts = [_HEAD, *(f"  - **{name}**: {rule}.\n" for name, rule in RULES.items())]
    for subject in subjects().values():
        parts.append(_section(subject))
    return "".join(parts)


def _section(subject: Subject) -> str:
    title = f"\n## {subject.name}: {', '.join(f'`{one}`' for one in subject.sources)}\n\n"
    if not subject.counts.is_file():
        return title + "Not run yet.\n"
    told = tomllib.loads(subject.counts.read_text("utf-8"))
    rows: dict[str, dict[str, int]] = told["module"]
    whole: Counter[str] = Counter()
    lines = []
    for module, row in rows.items():
        whole.update(row)
        lines.append(_row(f"`{module}`", Counter(row)))
    lines.append(_row("**all**", whole))
    left = sorted(set(subject.modules) - set(rows))
    note = f"Without mutants (nothing to change): {', '.join(f'`{one}`' for one in left)}.\n\n"
    return (
        f"{title}Run on {told['date']} over {', '.join(f'`{one}`' for one in subject.tests)}.\n\n"
        + (note if left else "")
        + _said(subject)
        + "| module | mutants | killed | of these by time | under a rule | explained below "
        "| unexplained | not run |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
        + "".join(lines)
        + _explained(subject)
    )


def _row(name: str, row: Counter[str]) -> str:
    by_rule = sum(row[rule] for rule in RULES)
    cells = (
        row["mutants"],
        row["killed"],
        row["by_time"],
        by_rule,
        row["explained"],
        row["unexplained"],
        row["not_run"],
    )
    return f"| {name} | {' | '.join(str(cell) for cell in cells)} |\n"


def _said(subject: Subject) -> str:
    """What people say of the run itself, such as what they left out of it."""
    if not subject.explained.is_file():
        return ""
    said = tomllib.loads(subject.explained.read_text("utf-8")).get("run", "")
    return f"{said.strip()}\n\n" if said else ""


def _explained(subject: Subject) -> str:
    lines: list[str] = []
    last = ""
    for (module, function, was, becomes), why in explanations(subject).items():
        if module != last:
            lines.append(f"\n### `{module}`\n\n")
            last = module
        change = f"`{_cell(was)}` → `{_cell(becomes)}`"
        lines.append(f"- `{function}`: {change}. {why}\n")
    return "".join(lines)


def _cell(text: str) -> str:
    return text.replace("`", "'") or "(nothing)"
