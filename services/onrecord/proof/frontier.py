"""A tree that only grows, kept as the few hashes that no later leaf can change."""

from collections.abc import Iterable

from onrecord.proof.merkle import EMPTY_ROOT, HashSource, fold, node_hash


class Frontier:
    """The tree over the leaves added so far: one hash a bit that is set in their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    @classmethod
    def of(cls, source: HashSource, size: int) -> "Frontier":
        """The tree of the first `size` leaves of a log. Raises as `source`."""
        made = cls()
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                made._peaks.append((level, source.hash_at(level, made.size >> level)))
                made.size += 1 << level
        return made

    def add(self, leaf_hashes: Iterable[bytes]) -> None:
        """Append leaves by their hashes (32 bytes each)."""
        for computed in leaf_hashes:
            level = 0
            while self._peaks and self._peaks[-1][0] == level:
                computed = node_hash(self._peaks.pop()[1], computed)
                level += 1
            self._peaks.append((level, computed))
            self.size += 1

    def root(self) -> bytes:
        """The tree hash (32 bytes)."""
        return fold([computed for _, computed in self._peaks]) if self._peaks else EMPTY_ROOT
