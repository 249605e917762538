"""The photographs that are measured with: 1,967 grey crops of LFW, and who is in them."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    """The folder of test data: `ONRECORD_TEST_DATA`, or `shared/data` beside the checkout."""
    given = os.environ.get("ONRECORD_TEST_DATA")
    return Path(given) if given else ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Photograph:
    """`role`: `gallery`, `probe_mated` (of a person in the gallery) or `probe_unmated`."""

    role: str
    person: str
    path: Path

    @property
    def name(self) -> str:
        return self.path.name


def photographs(data: Path, *roles: str) -> list[Photograph]:
    """Those of the given roles, in the order of the protocol; of every role where none is given."""
    folder = data / "faces" / "lfw"
    with (folder / "protocol.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Photograph(row["role"], row["person"], folder / "images" / row["file"])
        for row in rows
        if not roles or row["role"] in roles
    ]
