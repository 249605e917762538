"""docs/install.md, as its reader sees it: what is to be typed, and what is said of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.architecture.source import ROOT

TEXT: Final = (ROOT / "docs" / "install.md").read_text()
_MARK: Final = "*on the API server*"
_BLOCK: Final = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_OBJECT: Final = re.compile(
    r"\b(job|deploy|deployment|service)[/ ](onrecord-[a-z-]+[a-z])", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """One that is fenced. `section` is its heading's number; `tried` where the text promises so."""

    section: int
    language: str
    text: str
    tried: bool

    def commands(self) -> Sequence[str]:
        """Lines to type; one that goes on in the next line is one."""
        joined = self.text.replace("\\\n", " ")
        return [line for line in joined.splitlines() if line.strip()]


def blocks() -> Sequence[Block]:
    """In their order."""
    found = []
    for match in _BLOCK.finditer(TEXT):
        before = TEXT[: match.start()]
        numbers = re.findall(r"^## (\d+)\.", before, re.MULTILINE)
        tried = before.rstrip().endswith(_MARK)
        found.append(Block(int(numbers[-1]) if numbers else 0, match[2], match[3], tried))
    return found


def objects() -> set[tuple[str, str]]:
    """What commands and prose call by name: (`job`, `onrecord-topics`), ..."""
    short = {"deploy": "deployment"}
    return {(short.get(kind, kind), name) for kind, name in _OBJECT.findall(TEXT)}


def sums(profile: str) -> tuple[float, float]:
    """Requests of a profile in the table of section 5: processors, and memory in GiB."""
    rows = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("|")]
    (row,) = [row for row in rows if row[0] == "requests"]
    cell = row[{"small": 1, "national": 2}[profile]]
    match = re.search(r"([\d.]+) CPU, ([\d.]+) GiB", cell)
    assert match, cell
    return float(match[1]), float(match[2])
