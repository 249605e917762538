"""Building the tree again from its bundles, and holding every published tile against it.

Memory does not grow with the log: at most 255 hashes a level are held.
"""

from collections.abc import Sequence

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.checks import LedgerFault
from onrecord.proof.merkle import EMPTY_ROOT, HASH_SIZE, fold, perfect_root
from onrecord.proof.tiles import TILE_HEIGHT, TILE_WIDTH, Fetch, TileObject, fetch_object

TILES_AGREE = "every tile holds the hashes of what it covers"


class Rebuild:
    """The tree above the bundles given so far. Raises `LedgerFault` at a tile that differs."""

    def __init__(self, fetch: Fetch) -> None:
        self.tiles_compared = 0
        self._fetch = fetch
        # For each level from 1: how many tiles are complete, and the hashes of the one that grows.
        self._complete: list[int] = []
        self._growing: list[list[bytes]] = []
        self._tail: list[bytes] = []

    def root(self) -> bytes:
        """The root (32 bytes) over everything added."""
        return self.root_with((), self._tail)

    def root_with(self, roots: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> bytes:
        """The root over the full bundles added, these further ones, and these leaves (up to 256).

        Nothing is added by it.
        """
        rows = [list(row) for row in self._growing]
        for computed in roots:
            _carry(rows, 0, computed)
        peaks: list[bytes] = []
        for row in [*reversed(rows), list(leaf_hashes)]:
            first = 0
            while first < len(row):
                count = 1 << ((len(row) - first).bit_length() - 1)
                peaks.append(perfect_root(row[first : first + count]))
                first += count
        return fold(peaks) if peaks else EMPTY_ROOT

    def add(self, roots: Sequence[bytes], tail: Sequence[bytes], tiles_compared: int) -> None:
        """The next full bundles by the roots of their leaves; the leaf hashes of one not full.

        Only the last of all may have a tail. `tiles_compared` says how many tiles below these
        were compared already.
        """
        self.tiles_compared += tiles_compared
        for computed in roots:
            self._push(0, computed)
        self._tail = list(tail)

    def finish(self) -> None:
        """Compare the tiles that are still partial."""
        for above, (complete, row) in enumerate(zip(self._complete, self._growing, strict=True)):
            if row:
                self._compare(TileObject(above + 1, complete, len(row)), row)

    def _push(self, above: int, computed: bytes) -> None:
        if above == len(self._growing):
            self._complete.append(0)
            self._growing.append([])
        row = self._growing[above]
        row.append(computed)
        if len(row) == TILE_WIDTH:
            self._compare(TileObject(above + 1, self._complete[above]), row)
            self._complete[above] += 1
            self._growing[above] = []
            self._push(above + 1, perfect_root(row))

    def _compare(self, tile: TileObject, hashes: Sequence[bytes]) -> None:
        compare_tile(self._fetch, tile, hashes)
        self.tiles_compared += 1


def compare_tile(fetch: Fetch, tile: TileObject, hashes: Sequence[bytes]) -> None:
    """Hold a published hash tile against the hashes it should have. Raises `LedgerFault`."""
    assert tile.level is not None  # noqa: S101 - only hash tiles are compared
    span = 1 << (tile.level * TILE_HEIGHT)
    first = tile.first * span
    try:
        data, is_full = fetch_object(fetch, tile)
    except OnRecordError as error:
        raise LedgerFault(TILES_AGREE, first, f"{tile.path}: {error.message}") from error
    wanted = (TILE_WIDTH if is_full else tile.width) * HASH_SIZE
    if len(data) != wanted:
        message = f"{tile.path} has {len(data)} bytes instead of {wanted}"
        raise LedgerFault(TILES_AGREE, first, message)
    if data[: tile.width * HASH_SIZE] == b"".join(hashes):
        return
    for n, computed in enumerate(hashes):
        if data[n * HASH_SIZE : (n + 1) * HASH_SIZE] != computed:
            # Either may be what was changed; the root will not tell, so neither do we.
            what = f"hash {n} of {tile.path} is not that of the entries it covers"
            raise LedgerFault(TILES_AGREE, first + n * span, what)


def _carry(rows: list[list[bytes]], above: int, computed: bytes) -> None:
    """Add a root to the rows of a tree; a row that is full becomes one hash of the next."""
    if above == len(rows):
        rows.append([])
    rows[above].append(computed)
    if len(rows[above]) == TILE_WIDTH:
        full, rows[above] = rows[above], []
        _carry(rows, above + 1, perfect_root(full))
