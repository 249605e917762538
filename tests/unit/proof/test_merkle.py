"""R-20: the tree is that of RFC 6962, and its proofs prove that and nothing else."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import merkle
from onrecord.proof.merkle import MemoryHashes

# The eight inputs and roots that implementations of Certificate Transparency test with.
_CLASSICAL = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
_CLASSICAL_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def _tree(leaves: Sequence[bytes]) -> MemoryHashes:
    tree = MemoryHashes()
    for data in leaves:
        tree.append(merkle.leaf_hash(data))
    return tree


def _naive_root(hashes: Sequence[bytes]) -> bytes:
    """The definition in RFC 6962, section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    pair = _naive_root(hashes[:k]) + _naive_root(hashes[k:])
    return hashlib.sha256(b"\x01" + pair).digest()


_MANY = 300
_HASHES = [merkle.leaf_hash(n.to_bytes(2, "big")) for n in range(_MANY)]
_LARGE = MemoryHashes()
for _one in _HASHES:
    _LARGE.append(_one)
_ROOTS = [merkle.root(_LARGE, size) for size in range(_MANY + 1)]


def test_the_classical_roots() -> None:
    tree = _tree(_CLASSICAL)
    assert [merkle.root(tree, size).hex() for size in range(9)] == _CLASSICAL_ROOTS


def test_the_classical_inclusion_proofs() -> None:
    """The published audit path of leaf 5 (counted from 0) among eight."""
    path = [part.hex() for part in merkle.inclusion_proof(_tree(_CLASSICAL), 5, 8)]
    assert path == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_the_classical_consistency_proofs() -> None:
    """The published proofs from 6 to 8 and from 2 to 5."""
    tree = _tree(_CLASSICAL)
    assert [part.hex() for part in merkle.consistency_proof(tree, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [part.hex() for part in merkle.consistency_proof(tree, 2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@pytest.mark.parametrize("size", [*range(40), 63, 64, 65, 127, 128, 129, 255, 256, 257, 300])
def test_roots_are_the_definition(size: int) -> None:
    assert _ROOTS[size] == _naive_root(_HASHES[:size])


def test_every_leaf_of_every_size_is_proved() -> None:
    for size in range(1, 70):
        for index in range(size):
            proof = merkle.inclusion_proof(_LARGE, index, size)
            merkle.verify_inclusion(_HASHES[index], index, size, proof, _ROOTS[size])


def test_every_size_is_consistent_with_every_later_one() -> None:
    for new in range(70):
        for old in range(new + 1):
            proof = merkle.consistency_proof(_LARGE, old, new)
            merkle.verify_consistency(old, _ROOTS[old], new, _ROOTS[new], proof)


_SIZES = st.integers(1, _MANY)


@given(_SIZES, st.data())
def test_inclusion_holds_at_its_place_only(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(_LARGE, index, size)
    merkle.verify_inclusion(_HASHES[index], index, size, proof, _ROOTS[size])
    other = data.draw(
        st.integers(0, size - 1).filter(lambda n: n != index) if size > 1 else st.just(1)
    )
    _refused(_HASHES[index], other, size, proof, _ROOTS[size])
    if size > 1:
        _refused(_HASHES[other], index, size, proof, _ROOTS[size])


@given(_SIZES, st.data())
def test_a_changed_bit_anywhere_breaks_inclusion(size: int, data: st.DataObject) -> None:
    """R-24."""
    index = data.draw(st.integers(0, size - 1))
    parts = [_HASHES[index], _ROOTS[size], *merkle.inclusion_proof(_LARGE, index, size)]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = _flipped(parts[which], data)
    _refused(parts[0], index, size, parts[2:], parts[1])


@given(_SIZES, st.data())
def test_a_longer_or_shorter_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(_LARGE, index, size)
    _refused(_HASHES[index], index, size, (*proof, bytes(32)), _ROOTS[size])
    if proof:
        _refused(_HASHES[index], index, size, proof[:-1], _ROOTS[size])
        _refused(_HASHES[index], index, size, proof[1:], _ROOTS[size])
        _refused(_HASHES[index], index, size, (*proof[:-1], proof[-1][:31]), _ROOTS[size])


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (0, -1)])
def test_a_leaf_outside_the_tree_is_neither_proved_nor_believed(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(_LARGE, index, size)
    _refused(_HASHES[0], index, size, (), _HASHES[0])


@given(st.integers(1, _MANY), st.data())
def test_a_changed_bit_anywhere_breaks_consistency(new: int, data: st.DataObject) -> None:
    """R-24: a tree that is not an extension cannot be passed off as one."""
    old = data.draw(st.integers(1, new))
    parts = [_ROOTS[old], _ROOTS[new], *merkle.consistency_proof(_LARGE, old, new)]
    merkle.verify_consistency(old, parts[0], new, parts[1], parts[2:])
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = _flipped(parts[which], data)
    _inconsistent(old, parts[0], new, parts[1], parts[2:])


@given(st.integers(0, _MANY), st.data())
def test_consistency_proofs_of_another_length_are_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    proof = merkle.consistency_proof(_LARGE, old, new)
    _inconsistent(old, _ROOTS[old], new, _ROOTS[new], (*proof, bytes(32)))
    if proof:
        _inconsistent(old, _ROOTS[old], new, _ROOTS[new], proof[:-1])
        _inconsistent(old, _ROOTS[old], new, _ROOTS[new], ())


def test_a_tree_cut_short_is_no_extension() -> None:
    """R-24: truncation."""
    _inconsistent(9, _ROOTS[9], 8, _ROOTS[8], ())
    with pytest.raises(ValueError, match="cannot extend"):
        merkle.consistency_proof(_LARGE, 9, 8)


def test_an_empty_tree_has_one_root_only() -> None:
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 7, _ROOTS[7], ())
    _inconsistent(0, _ROOTS[1], 7, _ROOTS[7], ())
    _inconsistent(0, bytes(32), 0, bytes(32), ())


@given(st.integers(0, 80), st.lists(st.integers(0, 30), max_size=5))
def test_appending_in_batches_gives_the_hashes_of_appending_one_by_one(
    size: int, batches: list[int]
) -> None:
    stored = _perfect(size)
    for count in batches:
        added = merkle.new_hashes(_Stored(stored), size, _HASHES[size : size + count])
        assert [(level, index) for level, index, _ in added if level == 0] == [
            (0, n) for n in range(size, size + count)
        ]
        for level, index, computed in added:
            assert (level, index) not in stored, "a perfect subtree is written once"
            stored[level, index] = computed
        size += count
    assert stored == _perfect(size)


def _perfect(size: int) -> dict[tuple[int, int], bytes]:
    return {
        (level, index): _naive_root(_HASHES[index << level : (index + 1) << level])
        for level in range(size.bit_length())
        for index in range(size >> level)
    }


class _Stored:
    def __init__(self, hashes: dict[tuple[int, int], bytes]) -> None:
        self._hashes = hashes

    def hash_at(self, level: int, index: int) -> bytes:
        return self._hashes[level, index]


def _flipped(part: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(part)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def _refused(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    with pytest.raises(OnRecordError) as refused:
        merkle.verify_inclusion(leaf, index, size, proof, root)
    assert refused.value.code is ErrorCode.PROOF_INVALID


def _inconsistent(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    with pytest.raises(OnRecordError) as refused:
        merkle.verify_consistency(old, old_root, new, new_root, proof)
    assert refused.value.code is ErrorCode.LEDGER_INCONSISTENT


def test_a_leaf_is_told_its_index() -> None:
    tree = MemoryHashes()
    assert [tree.append(merkle.leaf_hash(b"x")) for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 3, 5, 6, 7])
def test_a_perfect_tree_has_a_power_of_two_leaves(count: int) -> None:
    with pytest.raises(ValueError, match="perfect"):
        merkle.perfect_root([merkle.leaf_hash(b"x")] * count)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_a_perfect_root_is_the_root(count: int) -> None:
    hashes = [merkle.leaf_hash(bytes([number])) for number in range(count)]
    assert merkle.perfect_root(hashes) == _naive_root(hashes)
