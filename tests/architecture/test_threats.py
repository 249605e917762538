"""`docs/threats.md` says what an attacker can do; this holds it to the tests.

A row names tests that are there, or says plainly that the attack succeeds. Every file of
`tests/attacks` is named by a row, and every test that shows an attack succeed by the list of them.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "threats.md"
ATTACKS = ROOT / "tests" / "attacks"
_NAMED = re.compile(r"`((?:tests|load_tests)/[^`]+)`")
_PLAINLY = ("not stopped", "not noticed", "not found", "possible", "cannot")
_SUCCEEDS = re.compile(r"^ *def (test_(?:possible|not_stopped|not_noticed)_\w+)", re.MULTILINE)


class Row(NamedTuple):
    attack: str
    text: str
    tests: tuple[str, ...]


def rows() -> list[Row]:
    """The rows of every table, without the headings."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().removesuffix("|").split("|")[1:]]
        if len(cells) < 4 or cells[-1] == "shown by" or set(cells[0]) == {"-"}:
            continue
        found.append(Row(" | ".join(cells[:2]), line, tuple(_NAMED.findall(cells[-1]))))
    return found


def succeeding() -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(ROOT)), name)
        for path in ATTACKS.glob("test_*.py")
        for name in _SUCCEEDS.findall(path.read_text("utf-8"))
    }


def test_there_are_rows() -> None:
    assert len(rows()) > 80


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.attack[:80])
def test_a_row_names_tests_that_are_there_or_says_that_nothing_stops_it(row: Row) -> None:
    for test in row.tests:
        assert (ROOT / test).exists(), f"{test} does not exist"
    if not row.tests:
        assert any(f"**{word}" in row.text for word in _PLAINLY), "no test, and no plain word"


def test_a_row_whose_attack_succeeds_says_so() -> None:
    """A file with such a test is named by a row that says it in bold."""
    bold = {test for row in rows() if "**" in row.text for test in row.tests}
    assert {path for path, _ in succeeding()} <= bold


def test_every_attack_is_named_by_a_row() -> None:
    named = {test for row in rows() for test in row.tests}
    there = {str(path.relative_to(ROOT)) for path in ATTACKS.glob("test_*.py")}
    assert there
    assert there <= named


def test_the_list_of_attacks_that_succeed_is_whole() -> None:
    listed = set()
    for line in PAGE.read_text("utf-8").splitlines():
        match = re.fullmatch(r"- `(tests/attacks/[^`]+)`: (.*)", line)
        if match is not None:
            listed |= {(match[1], name) for name in re.findall(r"`(test_\w+)`", match[2])}
    assert listed == succeeding()
