"""docs/install.md, as its reader sees it: what is to be typed, and what is said of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.architecture.source import ROOT

TEXT: Final = (ROOT / "docs" / "install.md").read_text()
ON_API_SERVER: Final = "*on the API server*"
ON_CLUSTER: Final = "*on the cluster*"
_BLOCK: Final = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SHOWN: Final = re.compile(r"\n+```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OBJECT: Final = re.compile(
    r"\b(job|deploy|deployment|service)[/ ](onrecord-[a-z-]+[a-z])", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Block:
    """One that is fenced. `section` is its heading's number; `mark`: where the text promises that
    it was tried, or nothing; `shows`: lines that the terminal is said to show, with `…` for what
    differs each time.
    """

    section: int
    language: str
    text: str
    mark: str
    shows: Sequence[str] = ()

    @property
    def tried(self) -> bool:
        """On the API server."""
        return self.mark == ON_API_SERVER

    def missing(self, said: str) -> Sequence[str]:
        """Of the lines that it is said to show, those that `said` lacks after the one before."""
        lacking, rest = [], said
        for line in self.shows:
            found = re.search(".*".join(map(re.escape, line.strip().split("…"))), rest)
            if found is None:
                lacking.append(line)
            else:
                rest = rest[found.end() :]
        return lacking

    def commands(self) -> Sequence[str]:
        """Lines to type; one that goes on in the next line is one."""
        joined = self.text.replace("\\\n", " ")
        return [line for line in joined.splitlines() if line.strip()]


def blocks() -> Sequence[Block]:
    """In their order."""
    found = []
    for match in _BLOCK.finditer(TEXT):
        before = TEXT[: match.start()].rstrip()
        numbers = re.findall(r"^## (\d+)\.", before, re.MULTILINE)
        mark = next((one for one in (ON_API_SERVER, ON_CLUSTER) if before.endswith(one)), "")
        after = _SHOWN.match(TEXT, match.end())
        shows = tuple(after[1].splitlines()) if after else ()
        found.append(Block(int(numbers[-1]) if numbers else 0, match[2], match[3], mark, shows))
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
