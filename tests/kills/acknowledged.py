"""What people were told before the process died: it must hold for ever after."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = "acknowledged.jsonl"


@dataclass(frozen=True, slots=True)
class Told:
    """`what` was acknowledged, with what was said."""

    what: str
    said: dict[str, Any]


class Acknowledged:
    """Written where a client stands: outside the process that dies, so to speak."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def note(self, what: str, **said: Any) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps({"what": what, "said": said}) + "\n")

    def __iter__(self) -> Iterator[Told]:
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                held = json.loads(line)
                yield Told(held["what"], held["said"])

    def of(self, what: str) -> list[dict[str, Any]]:
        return [one.said for one in self if one.what == what]
