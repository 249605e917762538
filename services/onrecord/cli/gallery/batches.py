"""Rows that are awaited, and the files that stand for them, as one call takes them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from onrecord.kernel.errors import ErrorCode
from onrecord.proof.manifests import Row

MAX_ROWS: Final = 64
MAX_SPAN: Final = 4096
MAX_BYTES: Final = 30 * 1024 * 1024
_MAX_IMAGE: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Awaited:
    """A row whose portrait is awaited; `size` of its file in bytes, None where there is none."""

    number: int
    row: Row
    path: Path | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes in one call: portraits by row number, and why other rows have none."""

    portraits: Mapping[int, bytes] = field(repr=False, hash=False)
    problems: Mapping[int, str] = field(hash=False)

    @property
    def rows(self) -> int:
        return len(self.portraits) + len(self.problems)


def awaited_rows(
    numbers: Iterable[int], first: int, rows: tuple[Row, ...], folder: Path
) -> Iterator[Awaited]:
    """`numbers` of a chunk whose first row is `first`, with their files below `folder`."""
    root = folder.resolve()
    for number in numbers:
        row = rows[number - first]
        path = _within(root, row.path)
        size = None
        if path is not None and path.is_file():
            size = path.stat().st_size
        yield Awaited(number, row, path, size)


def grouped(awaited: Iterable[Awaited]) -> Iterator[list[Awaited]]:
    """At most so many rows, so many bytes and so far apart as the gateway takes at once."""
    group: list[Awaited] = []
    held = 0
    for one in awaited:
        size = one.size if one.size is not None and one.size <= _MAX_IMAGE else 0
        full = len(group) == MAX_ROWS or held + size > MAX_BYTES
        if group and (full or one.number - group[0].number >= MAX_SPAN):
            yield group
            group, held = [], 0
        group.append(one)
        held += size
    if group:
        yield group


def loaded(group: Iterable[Awaited]) -> Batch:
    """Read the files of a group, and hold each against the hash the state has signed."""
    portraits: dict[int, bytes] = {}
    problems: dict[int, str] = {}
    for one in group:
        found = _read(one)
        if isinstance(found, ErrorCode):
            problems[one.number] = found.value
        else:
            portraits[one.number] = found
    return Batch(portraits, problems)


def _read(one: Awaited) -> bytes | ErrorCode:
    if one.path is None or one.size is None:
        return ErrorCode.IMAGE_MISSING
    if one.size > _MAX_IMAGE:
        return ErrorCode.IMAGE_TOO_LARGE
    try:
        image = one.path.read_bytes()
    except OSError:
        return ErrorCode.IMAGE_MISSING
    if not image:
        return ErrorCode.IMAGE_EMPTY
    if hashlib.sha256(image).hexdigest() != one.row.image_sha256:
        return ErrorCode.IMAGE_HASH_MISMATCH
    return image


def _within(root: Path, path: str) -> Path | None:
    """The file below the folder; None for a path that leads out of it, or that can be none."""
    if not path or "\0" in path:
        return None
    try:
        found = (root / path).resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return found if found.is_relative_to(root) else None
