"""The ledger as static objects (C2SP tlog-tiles): hash tiles and entry bundles of 256.

A tile of level L holds hashes of perfect subtrees of 256^L entries; only the rightmost tile of a
level may be partial, and then says its width in its path. A tile, once full, never changes.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.merkle import HASH_SIZE, HashSource, perfect_root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEAF_BYTES = 0xFFFF
CHECKPOINT_PATH = "checkpoint"

Fetch: TypeAlias = Callable[[str], bytes]
"""Reads the object at a path. Raises `OnRecordError(NOT_FOUND)` where there is none."""

# Eighteen digits hold every index of a log of 2^63 entries; a longer path is a stranger's game.
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9]|[1-5][0-9]|6[0-3])/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileObject:
    """One object of the published log: a hash tile, or an entry bundle where `level` is None."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/0/x001/067`, `tile/entries/000.p/17`."""
        level = "entries" if self.level is None else str(self.level)
        parts = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            parts.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(parts)}{partial}"

    @classmethod
    def parse(cls, path: str) -> "TileObject":
        """The object at `path`; `OnRecordError(NOT_FOUND)` where no object can have that path."""
        match = _PATH.fullmatch(path)
        if match is not None:
            level = None if match["level"] == "entries" else int(match["level"])
            index = int(match["index"].replace("x", "").replace("/", ""))
            found = cls(level, index, int(match["width"] or TILE_WIDTH))
            if found.path == path:  # one spelling only: no leading x000, no width of 256 or more
                return found
        raise OnRecordError(ErrorCode.NOT_FOUND, f"no tile has the path {path[:80]!r}")

    @property
    def first(self) -> int:
        """The number, within its level, of the first hash or entry."""
        return self.index * TILE_WIDTH

    def content(self, source: HashSource, leaves: Callable[[int, int], Sequence[bytes]]) -> bytes:
        """The bytes of this object; `leaves(first, end)` reads entries as the tree hashes them."""
        end = self.first + self.width
        if self.level is None:
            return encode_bundle(leaves(self.first, end))
        height = self.level * TILE_HEIGHT
        return b"".join(source.hash_at(height, n) for n in range(self.first, end))


def objects_of(size: int) -> list[TileObject]:
    """Every object that a log of `size` entries consists of, beside its checkpoint."""
    return tiles_to_write(0, size)


def tiles_to_write(old_size: int, new_size: int) -> list[TileObject]:
    """What must be written before a checkpoint of `new_size` is published after one of `old_size`.

    Entry bundles first, then tiles level by level; nothing where the sizes are equal.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a log of {old_size} entries cannot become one of {new_size}")
    changed = _changed(None, old_size, new_size)
    level, old, new = 0, old_size, new_size
    while new:
        changed += _changed(level, old, new)
        level, old, new = level + 1, old >> TILE_HEIGHT, new >> TILE_HEIGHT
    return changed


def tile_width(level: int, index: int, size: int) -> int:
    """How many hashes tile `index` of `level` holds in a log of `size` (0 where there is none)."""
    return max(0, min(TILE_WIDTH, (size >> (level * TILE_HEIGHT)) - index * TILE_WIDTH))


def fetch_object(fetch: Fetch, wanted: TileObject) -> tuple[bytes, bool]:
    """The object's bytes, and whether they are those of the full one that has replaced it.

    A log may delete a partial tile once it has the full one. Raises as `fetch`.
    """
    try:
        return fetch(wanted.path), False
    except OnRecordError as error:
        if error.code is not ErrorCode.NOT_FOUND or wanted.width == TILE_WIDTH:
            raise
        missing = error
    try:
        return fetch(TileObject(wanted.level, wanted.index).path), True
    except OnRecordError as error:
        # The partial one is what should have been there, so that is the one to name.
        raise (missing if error.code is ErrorCode.NOT_FOUND else error) from error


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """Entries behind one another, each after its length (two bytes, big-endian)."""
    if any(len(leaf) > MAX_LEAF_BYTES for leaf in leaves):
        raise ValueError(f"a leaf has at most {MAX_LEAF_BYTES} bytes")
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def decode_bundle(data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle. Raises `OnRecordError(PROOF_INVALID)` where it ends within one."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise OnRecordError(ErrorCode.PROOF_INVALID, "an entry bundle ends within an entry")
        leaves.append(data[start:at])
    return tuple(leaves)


class TileHashes:
    """A `HashSource` that reads a published log of `size` entries, tile by tile.

    It believes the tiles: what is computed from them is proved only by leading to a signed root.
    Keeps the `keep` most recently used tiles (8 KiB each). Raises as `fetch`, and
    `OnRecordError(PROOF_INVALID)` for a tile of the wrong length.
    """

    def __init__(self, fetch: Fetch, size: int, keep: int = 256) -> None:
        self._fetch = fetch
        self._size = size
        self._keep = keep
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def hash_at(self, level: int, index: int) -> bytes:
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise ValueError(f"no subtree {index} of level {level} in a log of {self._size}")
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        tile = self._tile(tile_level, first // TILE_WIDTH)
        offset = first % TILE_WIDTH
        row = [
            tile[n * HASH_SIZE : (n + 1) * HASH_SIZE] for n in range(offset, offset + (1 << height))
        ]
        return perfect_root(row)

    def _tile(self, level: int, index: int) -> bytes:
        held = self._tiles.get((level, index))
        if held is not None:
            self._tiles.move_to_end((level, index))
            return held
        wanted = TileObject(level, index, tile_width(level, index, self._size))
        data, is_full = fetch_object(self._fetch, wanted)
        if len(data) != (TILE_WIDTH if is_full else wanted.width) * HASH_SIZE:
            raise OnRecordError(
                ErrorCode.PROOF_INVALID, f"{wanted.path} does not hold {wanted.width} hashes"
            )
        self._tiles[level, index] = data
        if len(self._tiles) > self._keep:
            self._tiles.popitem(last=False)
        return data


def _changed(level: int | None, old: int, new: int) -> list[TileObject]:
    """The objects of one level that gain something when it grows from `old` to `new`."""
    if new == old:
        return []
    last = (new - 1) // TILE_WIDTH
    return [
        TileObject(level, n, min(TILE_WIDTH, new - n * TILE_WIDTH))
        for n in range(old // TILE_WIDTH, last + 1)
    ]
