"""The Merkle tree of RFC 6962 (with the verification algorithms of RFC 9162, section 2.1).

A tree is read through a `HashSource`, which knows the hash of every *perfect* subtree, that is of
2^level leaves whose first index is a multiple of 2^level. Those never change once complete, so any
proof between any two sizes can be made from them, and an append only ever adds to them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class HashSource(Protocol):
    """Where the hashes of perfect subtrees come from."""

    def hash_at(self, level: int, index: int) -> bytes:
        """The hash (32 bytes) over leaves [index * 2^level, (index + 1) * 2^level)."""
        ...


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(source: HashSource, size: int) -> bytes:
    """The tree hash (32 bytes) of the first `size` leaves."""
    if size < 0:
        raise ValueError(f"a tree cannot have {size} leaves")
    return _range_hash(source, 0, size) if size else EMPTY_ROOT


def inclusion_proof(source: HashSource, index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    low, high = 0, size
    path: list[bytes] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_hash(source, middle, high))
            high = middle
        else:
            path.append(_range_hash(source, low, middle))
            low = middle
    return tuple(reversed(path))


def consistency_proof(source: HashSource, old: int, new: int) -> tuple[bytes, ...]:
    """Proof that the tree of `new` leaves begins with the tree of `old`; empty for 0 or equal."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves cannot extend one of {old}")
    if old == 0:
        return ()
    low, high = 0, new
    proof: list[bytes] = []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_hash(source, middle, high))
            high = middle
        else:
            proof.append(_range_hash(source, low, middle))
            low = middle
    if low > 0:  # otherwise what is left is the old tree itself, whose root the verifier has
        proof.append(_range_hash(source, low, high))
    return tuple(reversed(proof))


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf with hash `leaf` stands at `index` in the tree of that size and root.

    Raises `OnRecordError(PROOF_INVALID)`. RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise _invalid(f"no leaf {index} in a tree of {size}")
    if any(len(part) != HASH_SIZE for part in (leaf, root, *proof)):
        raise _invalid("a hash of another length than 32 bytes")
    here, last = index, size - 1
    computed = leaf
    for part in proof:
        if last == 0:
            raise _invalid("the proof is too long")
        if here & 1 or here == last:
            computed = node_hash(part, computed)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            computed = node_hash(computed, part)
        here, last = here >> 1, last >> 1
    if last != 0:
        raise _invalid("the proof is too short")
    if computed != root:
        raise _invalid(f"leaf {index} does not lead to the root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the new tree begins with the old one, leaf for leaf.

    Raises `OnRecordError(LEDGER_INCONSISTENT)`. RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise _inconsistent(f"a tree of {new_size} leaves cannot extend one of {old_size}")
    if any(len(part) != HASH_SIZE for part in (old_root, new_root, *proof)):
        raise _inconsistent("a hash of another length than 32 bytes")
    if old_size in (0, new_size):
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if proof or old_root != expected or (new_size == 0 and new_root != EMPTY_ROOT):
            raise _inconsistent("the roots do not agree, or a proof stands where none is needed")
        return
    # A perfect old tree is itself the first subtree; the proof leaves out what we know.
    parts = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    if not proof:
        raise _inconsistent("the proof is empty")
    old_computed = new_computed = parts[0]
    for part in parts[1:]:
        if last == 0:
            raise _inconsistent("the proof is too long")
        if here & 1 or here == last:
            old_computed = node_hash(part, old_computed)
            new_computed = node_hash(part, new_computed)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new_computed = node_hash(new_computed, part)
        here, last = here >> 1, last >> 1
    if last != 0:
        raise _inconsistent("the proof is too short")
    if old_computed != old_root or new_computed != new_root:
        raise _inconsistent(f"the tree of {new_size} does not begin with the tree of {old_size}")


def new_hashes(
    source: HashSource, size: int, leaf_hashes: Sequence[bytes]
) -> list[tuple[int, int, bytes]]:
    """Every perfect subtree completed by appending `leaf_hashes` to a tree of `size` leaves.

    Triples (level, index, hash), leaves included, in the order in which they become known.
    """
    found: list[tuple[int, int, bytes]] = []
    fresh: dict[tuple[int, int], bytes] = {}
    for offset, leaf in enumerate(leaf_hashes):
        level, index, computed = 0, size + offset, leaf
        while True:
            found.append((level, index, computed))
            fresh[level, index] = computed
            if not index & 1:
                break
            left = fresh.get((level, index - 1)) or source.hash_at(level, index - 1)
            computed = node_hash(left, computed)
            level, index = level + 1, index >> 1
    return found


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    if not hashes or len(hashes) & (len(hashes) - 1):
        raise ValueError(f"{len(hashes)} hashes do not make a perfect tree")
    row = list(hashes)
    sha256 = hashlib.sha256  # a call a node less: this is half of what verifying a ledger takes
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return row[0]


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The tree hash over leaves given by their hashes, one pass, memory of a few dozen hashes."""
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaf_hashes:
        level, computed = 0, leaf
        while peaks and peaks[-1][0] == level:
            computed = node_hash(peaks.pop()[1], computed)
            level += 1
        peaks.append((level, computed))
    return fold([computed for _, computed in peaks]) if peaks else EMPTY_ROOT


class MemoryHashes:
    """A `HashSource` in memory, for tests and small trees."""

    def __init__(self) -> None:
        self._hashes: dict[tuple[int, int], bytes] = {}
        self.size = 0

    def append(self, leaf: bytes) -> int:
        """Add a leaf by its hash; returns its index."""
        for level, index, computed in new_hashes(self, self.size, [leaf]):
            self._hashes[level, index] = computed
        self.size += 1
        return self.size - 1

    def hash_at(self, level: int, index: int) -> bytes:
        return self._hashes[level, index]


def _split(count: int) -> int:
    """The largest power of two below `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_hash(source: HashSource, low: int, high: int) -> bytes:
    """The tree hash of leaves [low, high), `low` a multiple of the subtree it begins."""
    peaks: list[bytes] = []
    while low < high:
        level = (high - low).bit_length() - 1
        peaks.append(source.hash_at(level, low >> level))
        low += 1 << level
    return fold(peaks)


def fold(peaks: Sequence[bytes]) -> bytes:
    """The tree hash over perfect subtrees of falling size, left to right."""
    computed = peaks[-1]
    for left in reversed(peaks[:-1]):
        computed = node_hash(left, computed)
    return computed


def _invalid(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.PROOF_INVALID, message)


def _inconsistent(message: str) -> OnRecordError:
    return OnRecordError(ErrorCode.LEDGER_INCONSISTENT, message)
