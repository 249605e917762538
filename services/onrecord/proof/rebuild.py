"""Building the tree again from its leaves, and holding every published tile against it.

Memory does not grow with the log: at most 255 hashes a level are held.
"""

from collections.abc import Sequence

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.checks import LedgerFault
from onrecord.proof.merkle import EMPTY_ROOT, HASH_SIZE, fold, perfect_root
from onrecord.proof.tiles import TILE_HEIGHT, TILE_WIDTH, Fetch, TileObject, fetch_object

TILES_AGREE = "every tile holds the hashes of what it covers"


class Rebuild:
    """The tree of the leaves given so far. Raises `LedgerFault` at the first tile that differs."""

    def __init__(self, fetch: Fetch) -> None:
        self.tiles_compared = 0
        self._fetch = fetch
        # For each level from 1: how many tiles are complete, and the hashes of the one that grows.
        self._complete: list[int] = []
        self._growing: list[list[bytes]] = []
        self._tail: list[bytes] = []

    def root_with(self, leaf_hashes: Sequence[bytes]) -> bytes:
        """The root (32 bytes) over the full bundles added and these further leaves (at most 256).

        With no further leaves: the root over everything added.
        """
        peaks: list[bytes] = []
        for row in [*reversed(self._growing), list(leaf_hashes) or self._tail]:
            first = 0
            while first < len(row):
                count = 1 << ((len(row) - first).bit_length() - 1)
                peaks.append(perfect_root(row[first : first + count]))
                first += count
        return fold(peaks) if peaks else EMPTY_ROOT

    def add_bundle(self, index: int, leaf_hashes: Sequence[bytes]) -> None:
        """The leaves of entry bundle `index`, in order; only the last bundle may be partial."""
        self._compare(TileObject(0, index, len(leaf_hashes)), leaf_hashes)
        if len(leaf_hashes) == TILE_WIDTH:
            self._push(0, perfect_root(leaf_hashes))
        else:
            self._tail = list(leaf_hashes)

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
        assert tile.level is not None  # noqa: S101 - only hash tiles are compared
        span = 1 << (tile.level * TILE_HEIGHT)
        first = tile.first * span
        try:
            data, is_full = fetch_object(self._fetch, tile)
        except OnRecordError as error:
            raise LedgerFault(TILES_AGREE, first, f"{tile.path}: {error.message}") from error
        wanted = (TILE_WIDTH if is_full else tile.width) * HASH_SIZE
        if len(data) != wanted:
            message = f"{tile.path} has {len(data)} bytes instead of {wanted}"
            raise LedgerFault(TILES_AGREE, first, message)
        for n, computed in enumerate(hashes):
            if data[n * HASH_SIZE : (n + 1) * HASH_SIZE] != computed:
                # Either may be what was changed; the root will not tell, so neither do we.
                what = f"hash {n} of {tile.path} is not that of the entries it covers"
                raise LedgerFault(TILES_AGREE, first + n * span, what)
        self.tiles_compared += 1
