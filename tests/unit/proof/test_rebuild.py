"""R-24: the root of an earlier ledger is found again among the bundles of a later one."""

import hashlib

import pytest

from onrecord.proof.merkle import EMPTY_ROOT, fold, perfect_root
from onrecord.proof.rebuild import Rebuild
from onrecord.proof.tiles import TILE_WIDTH

ROOTS = [hashlib.sha256(b"bundle %d" % number).digest() for number in range(2 * TILE_WIDTH + 3)]
LEAVES = [hashlib.sha256(b"leaf %d" % number).digest() for number in range(5)]


def expected(bundles: int, leaves: int) -> bytes:
    """Perfect subtrees of falling size, as the definition of the tree has them."""
    peaks = []
    for hashes in (ROOTS[:bundles], LEAVES[:leaves]):
        first = 0
        while first < len(hashes):
            size = 1 << (len(hashes) - first).bit_length() - 1
            peaks.append(perfect_root(hashes[first : first + size]))
            first += size
    return fold(peaks) if peaks else EMPTY_ROOT


@pytest.mark.parametrize("leaves", [0, 1, 5])
@pytest.mark.parametrize(
    "bundles", [0, 1, 3, TILE_WIDTH - 1, TILE_WIDTH, TILE_WIDTH + 3, 2 * TILE_WIDTH + 3]
)
def test_the_root_over_bundles_and_leaves(bundles: int, leaves: int) -> None:
    """However many bundles: a row of 256 becomes one hash of the row above."""

    def nothing_is_fetched(path: str) -> bytes:
        raise AssertionError(path)

    tree = Rebuild(nothing_is_fetched)
    for _ in range(2):  # and nothing is added by it
        assert tree.root_with(ROOTS[:bundles], LEAVES[:leaves]) == expected(bundles, leaves)
