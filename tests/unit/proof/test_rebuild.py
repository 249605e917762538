"""R-24: the tree built again from its bundles, and the earlier ledgers found in it."""

import hashlib
from collections.abc import Callable, Sequence

import pytest

from onrecord.proof.checks import LedgerFault
from onrecord.proof.merkle import EMPTY_ROOT, fold, perfect_root
from onrecord.proof.rebuild import TILES_AGREE, Rebuild, compare_tile
from onrecord.proof.tiles import TILE_WIDTH, TileObject
from tests.unit.proof.ledgers import fetch_from

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


def tiles_over(roots: Sequence[bytes]) -> dict[str, bytes]:
    """Every hash tile above bundles with these roots, as the specification has them."""
    objects: dict[str, bytes] = {}
    level, row = 1, list(roots)
    while row:
        chunks = [row[at : at + TILE_WIDTH] for at in range(0, len(row), TILE_WIDTH)]
        for number, chunk in enumerate(chunks):
            objects[TileObject(level, number, len(chunk)).path] = b"".join(chunk)
        row = [perfect_root(chunk) for chunk in chunks if len(chunk) == TILE_WIDTH]
        level += 1
    return objects


def built(
    bundles: int, leaves: int, objects: dict[str, bytes] | None = None, steps: int = 7
) -> Rebuild:
    """The tree over that many bundles, given a few at a time, and its last leaves."""
    tree = Rebuild(fetch_from(tiles_over(ROOTS[:bundles]) if objects is None else objects))
    for first in range(0, bundles, steps):
        tree.add(ROOTS[first : min(first + steps, bundles)], (), 0)
    tree.add((), LEAVES[:leaves], 0)
    tree.finish()
    return tree


@pytest.mark.parametrize("leaves", [0, 1, 5])
@pytest.mark.parametrize("bundles", [0, 1, 3, 255, 256, 257, 511, 512, 515])
def test_the_tree_is_built_again_from_its_bundles(bundles: int, leaves: int) -> None:
    """R-24: each tile is compared once, whether complete or not."""
    tree = built(bundles, leaves)
    assert tree.root() == expected(bundles, leaves)
    assert tree.tiles_compared == len(tiles_over(ROOTS[:bundles]))


def test_a_tree_to_which_nothing_was_added_is_the_empty_one() -> None:
    """R-24: a log without entries has one root."""
    tree = Rebuild(fetch_from({}))
    tree.finish()
    assert (tree.root(), tree.tiles_compared) == (EMPTY_ROOT, 0)


def test_further_bundles_stand_behind_those_added() -> None:
    """R-24: the root of a ledger that ends within what comes next, and nothing is added by it."""
    for added, further in ((1, 2), (255, 1), (256, 3), (300, 215)):
        tree = built(added, 5)
        for _ in range(2):
            found = tree.root_with(ROOTS[added : added + further], LEAVES[:3])
            assert found == expected(added + further, 3)
        assert tree.root() == expected(added, 5)


def test_tiles_compared_below_are_counted_with_those_above() -> None:
    tree = Rebuild(fetch_from(tiles_over(ROOTS[:3])))
    tree.add(ROOTS[:1], (), 1)
    tree.add(ROOTS[1:3], LEAVES, 3)
    assert tree.tiles_compared == 4
    tree.finish()
    assert tree.tiles_compared == 5


def fault_of(act: Callable[[], object]) -> LedgerFault:
    with pytest.raises(LedgerFault) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    ("path", "number", "index"),
    [
        ("tile/1/000", 0, 0),
        ("tile/1/000", 255, 255 << 8),
        ("tile/1/001", 1, 257 << 8),
        ("tile/1/002.p/3", 2, 514 << 8),
        ("tile/2/000.p/2", 0, 0),
        ("tile/2/000.p/2", 1, 1 << 16),
    ],
)
def test_a_hash_that_differs_is_named_with_the_first_entry_it_covers(
    path: str, number: int, index: int
) -> None:
    """R-24."""
    objects = tiles_over(ROOTS)
    data = bytearray(objects[path])
    data[number * 32 + 31] ^= 1
    objects[path] = bytes(data)
    fault = fault_of(lambda: built(515, 0, objects))
    assert (fault.check, fault.index) == (TILES_AGREE, index)
    assert fault.reason == f"hash {number} of {path} is not that of the entries it covers"


@pytest.mark.parametrize(
    ("path", "index"),
    [("tile/1/001", 256 << 8), ("tile/1/002.p/3", 512 << 8), ("tile/2/000.p/2", 0)],
)
def test_a_tile_that_is_missing_or_of_another_length_is_named(path: str, index: int) -> None:
    """R-24."""
    objects = tiles_over(ROOTS)
    whole = objects.pop(path)
    fault = fault_of(lambda: built(515, 0, objects))
    assert (fault.check, fault.index) == (TILES_AGREE, index)
    assert fault.reason == f"{path}: there is no {path}"
    for wrong in (b"", whole[:-1], whole[:-32], whole + b"\x00", whole + bytes(32)):
        objects[path] = wrong
        fault = fault_of(lambda: built(515, 0, objects))
        assert (fault.check, fault.index) == (TILES_AGREE, index)
        assert fault.reason == f"{path} has {len(wrong)} bytes instead of {len(whole)}"


def test_of_a_full_tile_that_replaced_a_partial_one_the_beginning_counts() -> None:
    """R-20: the log has grown while it is read."""
    full = b"".join(ROOTS[:TILE_WIDTH])
    tile = TileObject(1, 0, 3)
    fetch = fetch_from({"tile/1/000": full})
    compare_tile(fetch, tile, ROOTS[:3])
    fault = fault_of(lambda: compare_tile(fetch, tile, [*ROOTS[:2], ROOTS[4]]))
    assert (fault.check, fault.index) == (TILES_AGREE, 2 << 8)
    cut = fetch_from({"tile/1/000": full[: 3 * 32]})
    fault = fault_of(lambda: compare_tile(cut, tile, ROOTS[:3]))
    assert fault.reason == "tile/1/000.p/3 has 96 bytes instead of 8192"
