"""`docs/requirements.md` says what holds; this keeps it true."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "requirements.md"
REQUIREMENTS = tuple(f"R-{number}" for number in range(1, 49))
_NAMED = re.compile(r"\bR-(\d+)\b")


class Row(NamedTuple):
    requirement: str
    holds: str
    tests: tuple[str, ...]
    missing: str


def rows() -> list[Row]:
    found = []
    for line in TABLE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"R-\d+", cells[0]):
            tests = tuple(re.findall(r"`([^`]+)`", cells[3]))
            found.append(Row(cells[0], cells[2], tests, cells[4]))
    return found


def named_by(path: Path) -> set[str]:
    return {f"R-{number}" for number in _NAMED.findall(path.read_text("utf-8"))}


def test_every_requirement_has_one_row() -> None:
    assert [row.requirement for row in rows()] == list(REQUIREMENTS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.requirement)
def test_a_row_says_no_more_than_its_tests_show(row: Row) -> None:
    assert row.holds in ("yes", "partly", "not yet"), row
    if row.holds == "not yet":
        assert not row.tests, "what does not hold has no test that shows it"
        return
    assert row.tests, "a requirement that holds has a test that shows it"
    for test in row.tests:
        path = ROOT / test
        assert path.is_file(), f"{test} does not exist"
        assert row.requirement in named_by(path), f"{test} does not name {row.requirement}"
    assert (row.holds == "yes") == (row.missing == ""), "partly says what is missing, yes does not"


def test_a_test_that_names_a_requirement_is_in_its_row() -> None:
    listed = {(row.requirement, test) for row in rows() for test in row.tests}
    unlisted = [
        (requirement, str(path.relative_to(ROOT)))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path != Path(__file__)
        for requirement in sorted(named_by(path))
        if (requirement, str(path.relative_to(ROOT))) not in listed
    ]
    assert not unlisted, "docs/requirements.md does not know that these tests name a requirement"
