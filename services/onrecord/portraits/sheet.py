"""A contact sheet: many pictures on one page, to look at them."""

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from onrecord.kernel.errors import ErrorCode, OnRecordError


def contact_sheet(paths: Sequence[Path], out_png: Path, columns: int) -> None:
    """Write the pictures row by row, `columns` a row, each in a cell as large as the first one.

    Raises `OnRecordError` `field_invalid` for no pictures or no columns.
    """
    if not paths or columns < 1:
        raise OnRecordError(ErrorCode.FIELD_INVALID, "A sheet needs pictures and columns.")
    with Image.open(paths[0]) as first:
        width, height = first.size
    rows = -(-len(paths) // columns)
    page = Image.new("RGB", (min(columns, len(paths)) * width, rows * height), (255, 255, 255))
    for k, path in enumerate(paths):
        with Image.open(path) as picture:
            cell = picture.convert("RGB")
            cell.thumbnail((width, height))
            page.paste(cell, (k % columns * width, k // columns * height))
    out_png.parent.mkdir(parents=True, exist_ok=True)
    page.save(out_png)


def interleave(folder: Path, columns: int) -> list[Path]:
    """Pictures of a folder in order; where a truth table says so, portraits and probes by rows."""
    truth = folder / "truth.csv"
    if not truth.exists():
        return sorted(folder.glob("*.jpg"))
    first: dict[str, tuple[str, str]] = {}
    with truth.open(newline="") as file:
        for row in csv.DictReader(file):
            first.setdefault(row["person"], (row["portrait"], row["probe"]))
    pairs = list(first.values())
    paths: list[Path] = []
    for start in range(0, len(pairs), columns):
        row_of = pairs[start : start + columns]
        paths += [folder / portrait for portrait, _ in row_of]
        paths += [folder / probe for _, probe in row_of if probe]
    return paths
