"""Leaf hashes of a published log, proved against its root a tile at a time.

The tree over n leaves is the tree over its chunks of 256, the last of which may be shorter: so one
proof for a chunk's root proves each of its leaves.
"""

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.merkle import HashSource, inclusion_proof, root, root_of, verify_inclusion
from onrecord.proof.tiles import TILE_HEIGHT, TILE_WIDTH


class ProvedRows:
    """The leaf hashes of a log of `size` entries with this root, read from `source`.

    Remembers the chunk that was asked for last.
    """

    def __init__(self, source: HashSource, size: int, root: bytes) -> None:
        self._source = source
        self._size = size
        self._root = root
        self._held: tuple[int, tuple[bytes, ...]] = (-1, ())

    def leaf_hash(self, index: int) -> bytes:
        """The hash (32 bytes) of leaf `index`.

        Raises as the source, and `OnRecordError(PROOF_INVALID)` where what the source gives does
        not lead to the root.
        """
        if not 0 <= index < self._size:
            raise OnRecordError(ErrorCode.PROOF_INVALID, f"no leaf {index} in {self._size}")
        chunk = index // TILE_WIDTH
        if self._held[0] != chunk:
            self._held = chunk, self._prove(chunk)
        return self._held[1][index % TILE_WIDTH]

    def _prove(self, chunk: int) -> tuple[bytes, ...]:
        first = chunk * TILE_WIDTH
        end = min(first + TILE_WIDTH, self._size)
        hashes = tuple(self._source.hash_at(0, index) for index in range(first, end))
        chunks = -(-self._size // TILE_WIDTH)
        proof = inclusion_proof(_Chunks(self._source, self._size), chunk, chunks)
        verify_inclusion(root_of(hashes), chunk, chunks, proof, self._root)
        return hashes


class _Chunks:
    """The chunks of a log as the leaves of a tree of their own."""

    def __init__(self, source: HashSource, size: int) -> None:
        self._source = source
        self._size = size

    def hash_at(self, level: int, index: int) -> bytes:
        first = index << level + TILE_HEIGHT
        if first + (TILE_WIDTH << level) > self._size:  # it ends with the chunk that is shorter
            return root(_Tail(self._source, first), self._size - first)
        return self._source.hash_at(level + TILE_HEIGHT, index)


class _Tail:
    """The leaves from `first` on as a log of their own."""

    def __init__(self, source: HashSource, first: int) -> None:
        self._source = source
        self._first = first

    def hash_at(self, level: int, index: int) -> bytes:
        return self._source.hash_at(level, (self._first >> level) + index)
