"""R-20, R-24: a tree grown from its frontier, and leaf hashes proved a tile at a time."""

import hashlib

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.frontier import Frontier
from onrecord.proof.merkle import MemoryHashes, root
from onrecord.proof.rows import ProvedRows

SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 768, 1000, 1024, 1025, 1300]


@pytest.fixture(scope="module")
def tree() -> MemoryHashes:
    made = MemoryHashes()
    for number in range(max(SIZES)):
        made.append(_leaf(number))
    return made


def _leaf(number: int) -> bytes:
    return hashlib.sha256(b"leaf %d" % number).digest()


@pytest.mark.parametrize("size", [0, *SIZES])
def test_a_tree_goes_on_from_its_frontier(tree: MemoryHashes, size: int) -> None:
    frontier = Frontier.of(tree, size)
    assert frontier.root() == root(tree, size)
    for number in range(size, max(SIZES)):
        frontier.add([_leaf(number)])
    assert frontier.size == max(SIZES)
    assert frontier.root() == root(tree, max(SIZES))


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved(tree: MemoryHashes, size: int) -> None:
    rows = ProvedRows(tree, size, root(tree, size))
    assert [rows.leaf_hash(index) for index in range(size)] == [_leaf(n) for n in range(size)]
    for beyond in (-1, size):
        with pytest.raises(OnRecordError) as refused:
            rows.leaf_hash(beyond)
        assert refused.value.code is ErrorCode.PROOF_INVALID


class _Lying:
    """A source that changes the hash of one leaf."""

    def __init__(self, tree: MemoryHashes, leaf: int) -> None:
        self._tree = tree
        self._leaf = leaf

    def hash_at(self, level: int, index: int) -> bytes:
        computed = self._tree.hash_at(level, index)
        return bytes(32) if (level, index) == (0, self._leaf) else computed


@pytest.mark.parametrize("size", SIZES)
def test_a_leaf_that_was_changed_in_its_tile_is_found(tree: MemoryHashes, size: int) -> None:
    for at in {0, size // 2, size - 1}:
        source = _Lying(tree, at)
        with pytest.raises(OnRecordError) as refused:
            ProvedRows(source, size, root(tree, size)).leaf_hash(at)
        assert refused.value.code is ErrorCode.PROOF_INVALID


def test_the_chunk_that_was_asked_for_last_is_not_proved_again(tree: MemoryHashes) -> None:
    asked: list[tuple[int, int]] = []

    class Counting:
        def hash_at(self, level: int, index: int) -> bytes:
            asked.append((level, index))
            return tree.hash_at(level, index)

    size = max(SIZES)
    rows = ProvedRows(Counting(), size, root(tree, size))
    rows.leaf_hash(0)
    once = len(asked)
    assert once > 0
    assert [rows.leaf_hash(index) for index in (0, 1, 255)] == [_leaf(n) for n in (0, 1, 255)]
    assert len(asked) == once
    rows.leaf_hash(256)
    assert len(asked) > once
