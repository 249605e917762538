"""R-20: the published form is that of C2SP tlog-tiles."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import merkle
from onrecord.proof.tiles import (
    TileHashes,
    TileObject,
    decode_bundle,
    encode_bundle,
    fetch_object,
    objects_of,
    tile_width,
    tiles_to_write,
)
from tests.unit.proof.ledgers import fetch_from, published_ledger


@pytest.mark.parametrize(
    ("one", "path"),
    [
        (TileObject(0, 0), "tile/0/000"),
        (TileObject(0, 1067), "tile/0/x001/067"),
        (TileObject(0, 1234067), "tile/0/x001/x234/067"),
        (TileObject(0, 1000000), "tile/0/x001/x000/000"),
        (TileObject(63, 999, 255), "tile/63/999.p/255"),
        (TileObject(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_paths(one: TileObject, path: str) -> None:
    assert one.path == path
    assert TileObject.parse(path) == one


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/1",
        "tile/0/0000",
        "tile/0/" + "x001/" * 6 + "000",  # no log is that long
        "tile/0/" + "x001/" * 2000 + "000",  # nor does Python turn it into a number
        "tile/0/x000/001",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/x001/x067",
        "tile/0/../../key",
        "tile/0/000\n",
        "tile/entry/000",
        "tile/data/000",
        "/tile/0/000",
    ],
)
def test_no_object_has_any_other_path(path: str) -> None:
    with pytest.raises(OnRecordError) as refused:
        TileObject.parse(path)
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_the_specifications_tree_of_seventy_thousand() -> None:
    objects = objects_of(70_000)
    full = Counter(one.level for one in objects if one.width == 256)
    partial = {one.level: (one.index, one.width) for one in objects if one.width != 256}
    assert full == {None: 273, 0: 273, 1: 1}
    assert partial == {None: (273, 112), 0: (273, 112), 1: (1, 17), 2: (0, 1)}


def test_a_tree_of_256_has_one_full_tile_and_one_of_width_one() -> None:
    assert [one.path for one in objects_of(256)] == [
        "tile/entries/000",
        "tile/0/000",
        "tile/1/000.p/1",
    ]


def test_nothing_is_written_where_nothing_grew() -> None:
    assert tiles_to_write(0, 0) == tiles_to_write(700, 700) == []
    with pytest.raises(ValueError, match="cannot become"):
        tiles_to_write(2, 1)


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_what_was_written_on_the_way_is_all_that_the_end_needs(one: int, two: int) -> None:
    """Published at any two sizes, every object of the last size has been written."""
    old, new = sorted((one, two))
    assert set(objects_of(new)) <= set(objects_of(old)) | set(tiles_to_write(old, new))
    for changed in tiles_to_write(old, new):
        level = changed.level or 0
        assert changed.width == tile_width(level, changed.index, new) > 0
        assert tile_width(level, changed.index, old) < changed.width


@pytest.mark.parametrize(
    ("one", "leaves"),
    [
        (TileObject(None, 0), (0, 256)),
        (TileObject(None, 1), (256, 512)),
        (TileObject(None, 2, 88), (512, 600)),
        (TileObject(None, 1, 3), (256, 259)),
    ],
)
def test_a_bundle_holds_its_own_entries_and_no_others(
    one: TileObject, leaves: tuple[int, int]
) -> None:
    """R-20."""
    made = published_ledger(600)
    assert decode_bundle(one.content(made.tree, made.leaves)) == tuple(made.leaves(*leaves))


@pytest.mark.parametrize(
    ("one", "hashes"),
    [
        (TileObject(0, 1), [(0, n) for n in range(256, 512)]),
        (TileObject(0, 2, 88), [(0, n) for n in range(512, 600)]),
        (TileObject(1, 0, 2), [(8, 0), (8, 1)]),
    ],
)
def test_a_tile_holds_the_hashes_of_its_own_subtrees(
    one: TileObject, hashes: list[tuple[int, int]]
) -> None:
    """R-20."""
    tree = published_ledger(600).tree
    assert one.content(tree, _no_leaves) == b"".join(tree.hash_at(*each) for each in hashes)


def _no_leaves(first: int, end: int) -> list[bytes]:
    raise AssertionError(f"entries {first} to {end} are not needed for a hash tile")


_SIZES = (1, 2, 255, 256, 257, 300, 511, 512, 700)


@pytest.mark.parametrize("size", _SIZES)
def test_tiles_give_the_tree_they_were_made_from(size: int) -> None:
    made = published_ledger(size)
    source = TileHashes(fetch_from(made.objects), size, keep=1)
    assert merkle.root(source, size) == merkle.root(made.tree, size)
    for index in {0, size // 2, size - 1}:
        assert merkle.inclusion_proof(source, index, size) == merkle.inclusion_proof(
            made.tree, index, size
        )
    for old in {0, 1, size // 3, size - 1, size}:
        assert merkle.consistency_proof(source, old, size) == merkle.consistency_proof(
            made.tree, old, size
        )


def test_a_tree_two_levels_high_is_read_through_its_upper_tiles() -> None:
    """65,600 leaves: 257 tiles of level 0, of which the root needs two tiles at most."""
    size = 65_600
    tree = merkle.MemoryHashes()
    for number in range(size):
        tree.append(merkle.leaf_hash(number.to_bytes(4, "big")))
    needed = [one for one in objects_of(size) if one.level] + [TileObject(0, 256, 64)]
    objects = {one.path: one.content(tree, _no_leaves) for one in needed}
    read = fetch_from(objects)
    assert merkle.root(TileHashes(read, size), size) == merkle.root(tree, size)


def test_a_tile_is_read_once_while_it_is_kept() -> None:
    made = published_ledger(300)
    seen: Counter[str] = Counter()
    read = fetch_from(made.objects)

    def counting(path: str) -> bytes:
        seen[path] += 1
        return read(path)

    source = TileHashes(counting, 300)
    merkle.root(source, 300)
    merkle.inclusion_proof(source, 3, 300)
    assert set(seen.values()) == {1}


def test_a_partial_tile_may_have_given_way_to_the_full_one() -> None:
    made = published_ledger(200)
    before = made.objects["tile/0/000.p/200"]
    grown = published_ledger(256, made.signer)
    data, is_full = fetch_object(fetch_from(grown.objects), TileObject(0, 0, 200))
    assert is_full
    assert data[: 200 * 32] == before
    source = TileHashes(fetch_from(grown.objects), 200)
    assert merkle.root(source, 200) == merkle.root(made.tree, 200)


def test_a_missing_object_is_named_as_it_should_have_been() -> None:
    with pytest.raises(OnRecordError) as missing:
        fetch_object(fetch_from({}), TileObject(0, 0, 200))
    assert missing.value.code is ErrorCode.NOT_FOUND
    assert "tile/0/000.p/200" in missing.value.message


class Failing:
    """An object store that answers as told for each path, and counts what it was asked."""

    def __init__(self, **told: ErrorCode) -> None:
        self.asked: list[str] = []
        self._told = told

    def __call__(self, path: str) -> bytes:
        self.asked.append(path)
        which = "partial" if ".p/" in path else "full"
        raise OnRecordError(self._told[which], f"{which} refused")


AWAY, NONE = ErrorCode.OBJECTS_UNAVAILABLE, ErrorCode.NOT_FOUND
_PARTIAL, _FULL = "tile/0/001.p/9", "tile/0/001"


@pytest.mark.parametrize(
    ("partial", "full", "width", "asked", "code", "message"),
    [
        (NONE, NONE, 9, [_PARTIAL, _FULL], NONE, "partial refused"),
        (NONE, AWAY, 9, [_PARTIAL, _FULL], AWAY, "full refused"),
        (AWAY, NONE, 9, [_PARTIAL], AWAY, "partial refused"),
        (NONE, NONE, 256, [_FULL], NONE, "full refused"),
        (NONE, AWAY, 256, [_FULL], AWAY, "full refused"),
    ],
)
def test_only_an_absent_partial_tile_is_looked_for_as_the_full_one(
    partial: ErrorCode,
    full: ErrorCode,
    width: int,
    asked: list[str],
    code: ErrorCode,
    message: str,
) -> None:
    """R-24: a store that is out of reach is not a tile that is not there."""
    store = Failing(partial=partial, full=full)
    with pytest.raises(OnRecordError) as refused:
        fetch_object(store, TileObject(0, 1, width))
    assert store.asked == asked
    assert (refused.value.code, refused.value.message) == (code, message)


def test_the_tile_that_was_not_needed_for_longest_is_forgotten_first() -> None:
    made = published_ledger(800)
    asked: list[str] = []
    read = fetch_from(made.objects)

    def counting(path: str) -> bytes:
        asked.append(path)
        return read(path)

    source = TileHashes(counting, 800, keep=2)
    for tile in (0, 1, 0, 2, 0, 2, 1):
        assert source.hash_at(0, tile * 256) == made.tree.hash_at(0, tile * 256)
    assert asked == ["tile/0/000", "tile/0/001", "tile/0/002", "tile/0/001"]


@pytest.mark.parametrize("change", [-32, -1, 1, 32])
def test_a_tile_of_the_wrong_length_is_refused(change: int) -> None:
    made = published_ledger(10)
    path = "tile/0/000.p/10"
    data = made.objects[path]
    made.objects[path] = data[:change] if change < 0 else data + bytes(change)
    with pytest.raises(OnRecordError) as refused:
        TileHashes(fetch_from(made.objects), 10).hash_at(0, 0)
    assert refused.value.code is ErrorCode.PROOF_INVALID


@pytest.mark.parametrize(("level", "index"), [(0, 10), (1, 5), (4, 0), (-1, 0), (0, -1)])
def test_a_subtree_that_is_not_complete_has_no_hash(level: int, index: int) -> None:
    made = published_ledger(10)
    with pytest.raises(ValueError, match="no subtree"):
        TileHashes(fetch_from(made.objects), 10).hash_at(level, index)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_hold_their_leaves(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves)) == tuple(leaves)


def test_a_bundle_is_lengths_and_entries() -> None:
    assert encode_bundle([b"", b"a", b"bc"]).hex() == "0000" + "000161" + "00026263"
    assert len(encode_bundle([bytes(65_535)])) == 65_537
    with pytest.raises(ValueError, match="at most"):
        encode_bundle([bytes(65_536)])


def test_a_bundle_cut_anywhere_is_refused_or_shorter() -> None:
    whole = encode_bundle([b"abc", b"de"])
    for end in range(1, len(whole)):
        if end == 5:
            assert decode_bundle(whole[:end]) == (b"abc",)
            continue
        with pytest.raises(OnRecordError) as refused:
            decode_bundle(whole[:end])
        assert refused.value.code is ErrorCode.PROOF_INVALID
