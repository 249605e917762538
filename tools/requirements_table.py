"""Write the test column of `docs/requirements.md` anew: which tests name which requirement.

What holds, and what is missing, stays as people wrote it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "requirements.md"
_NAMED = re.compile(r"\bR-(\d+)\b")
_SKIPPED = {"test_requirements_table.py"}


def tests_by_requirement() -> dict[str, list[str]]:
    """Test files, relative to the root, by the requirements they name."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path.name in _SKIPPED:
            continue
        for number in set(_NAMED.findall(path.read_text("utf-8"))):
            found.setdefault(f"R-{number}", []).append(path.relative_to(ROOT).as_posix())
    return found


def main() -> None:
    named = tests_by_requirement()
    lines = []
    for line in TABLE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"R-\d+", cells[0]):
            if cells[2] != "not yet":
                cells[3] = " ".join(f"`{test}`" for test in named.get(cells[0], ()))
            elif cells[0] in named:
                sys.stderr.write(f"{cells[0]} is 'not yet' but named by {named[cells[0]]}\n")
            line = "| " + " | ".join(cells) + " |"
        lines.append(line)
    TABLE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
