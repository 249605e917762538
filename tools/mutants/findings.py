"""Survivors against what people said of them, and the counts by module that the page shows."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.mutants.rules import RULES, message_takers, rule_for
from tools.mutants.subjects import ROOT, Subject
from tools.mutants.survivors import Mutant, mutants_of

_PACKAGE = ROOT / "services" / "onrecord"

Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """A mutant and what explains that it lives: `killed`, a rule, `explained` or nothing."""

    mutant: Mutant
    by: str | None


def key_of(mutant: Mutant) -> Key:
    """What names a change for good: mutmut's own numbers move with the code."""
    return mutant.module, mutant.function, mutant.was, mutant.becomes


def explanations(subject: Subject) -> dict[Key, str]:
    """Why each named survivor may live. `ValueError` where one has no reason or stands twice."""
    if not subject.explained.is_file():
        return {}
    rows: dict[Key, str] = {}
    for row in tomllib.loads(subject.explained.read_text("utf-8")).get("survivor", ()):
        key = (row["module"], row["function"], row["was"], row["becomes"])
        if key in rows or not row["why"].strip():
            raise ValueError(f"explained twice, or without a reason: {key}")
        rows[key] = row["why"]
    return rows


def findings(subject: Subject) -> Iterator[Finding]:
    """Every mutant of the last run."""
    said = explanations(subject)
    takers: dict[str, dict[str, int]] = {}
    for mutant in mutants_of(subject):
        if mutant.verdict in ("killed", "timeout"):
            yield Finding(mutant, "killed")
            continue
        if mutant.module not in takers:
            takers[mutant.module] = message_takers(_PACKAGE, mutant.module)
        rule = rule_for(mutant.original, mutant.changed, takers[mutant.module])
        yield Finding(mutant, rule or ("explained" if key_of(mutant) in said else None))


def counts_of(found: Sequence[Finding]) -> dict[str, Counter[str]]:
    """By module: mutants, killed (of those by time), each rule, explained, unexplained, not run."""
    table: dict[str, Counter[str]] = {}
    for one in found:
        row = table.setdefault(one.mutant.module, Counter())
        row["mutants"] += 1
        if one.mutant.verdict == "not run" and one.by not in RULES:
            row["not_run"] += 1
            continue
        row[one.by or "unexplained"] += 1
        row["by_time"] += one.mutant.verdict == "timeout"
    return table
