"""A span of a ledger verified by itself: some bundles of entries, their tiles, their bodies.

Spans need nothing of one another, so several may be examined at once, by several processes; what
holds between them (the tree above, the laws between entries) is for whoever puts them together.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.bodies import Row, check_body
from onrecord.proof.checks import LedgerFault
from onrecord.proof.entry import parse_leaf
from onrecord.proof.merkle import leaf_hash, perfect_root
from onrecord.proof.rebuild import compare_tile
from onrecord.proof.tiles import TILE_WIDTH, Fetch, TileObject, decode_bundle, fetch_object

ENTRIES = "every entry up to the checkpoint's size is there"
COMMITMENTS = "every leaf is a commitment"
SPAN_BUNDLES = 16
SPAN_WITH_BODIES = 2
"""Bundles in a span: fewer where bodies are held with it, which are large."""

# Leaves of version 1 are all of one length: two bytes that say so, and the only form there is. The
# last of 43 characters carries four bits of the 32 bytes, so it is one of sixteen.
_LENGTH = 58
_LEAVES = re.compile(rb'(?:\x00\x3a\{"c":"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=","v":1\})+')


@dataclass(frozen=True, slots=True)
class Span:
    """Entries `first` to `first + count - 1` of a ledger of `size`; `first` begins a bundle.

    `rows` are the bodies at hand for them (None: bodies are not looked at). `broken` is a fault
    in what came after `rows`, to be raised once everything before it has been found to hold.
    `cut`: the size of an earlier ledger that ends within this span.
    """

    first: int
    count: int
    size: int
    rows: tuple[Row, ...] | None = None
    broken: LedgerFault | None = None
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What a span was found to hold.

    `roots` are those of its full bundles (32 bytes each), `tail` the leaf hashes of one that is
    not. `at_cut` are the leaf hashes that an earlier ledger has in the bundle in which it ends.
    `bodies` are index and body, parsed.
    """

    span: Span
    roots: tuple[bytes, ...]
    tail: tuple[bytes, ...]
    at_cut: tuple[bytes, ...]
    tiles_compared: int
    bodies: tuple[tuple[int, dict[str, Any]], ...]


Examine = Callable[[Iterable[Span]], Iterator[Examined]]
"""Examines spans and gives the results in their order. Raises `LedgerFault` in its place."""


def one_by_one(fetch: Fetch) -> Examine:
    """Examines spans where it is called."""
    return lambda spans: (examine(fetch, span) for span in spans)


def examine(fetch: Fetch, span: Span) -> Examined:
    """Check a span's entries, tiles and bodies. Raises `LedgerFault` at the first false thing."""
    roots: list[bytes] = []
    tail: tuple[bytes, ...] = ()
    at_cut: tuple[bytes, ...] = ()
    parsed: list[tuple[int, dict[str, Any]]] = []
    rows = iter(span.rows or ())
    row = next(rows, None)
    for first in range(span.first, span.first + span.count, TILE_WIDTH):
        leaves, are_commitments = _bundle(fetch, first, span.size)
        hashes = [leaf_hash(data) for data in leaves]
        if span.cut is not None and first < span.cut <= first + len(leaves):
            at_cut = tuple(hashes[: span.cut - first])
        compare_tile(fetch, TileObject(0, first // TILE_WIDTH, len(hashes)), hashes)
        if not are_commitments:
            _check_commitments(first, leaves)
        if len(hashes) == TILE_WIDTH:
            roots.append(perfect_root(hashes))
        else:
            tail = tuple(hashes)
        while row is not None and row[0] < first + len(leaves):
            index, nonce, body = row
            parsed.append((index, check_body(index, leaves[index - first], nonce, body)))
            row = next(rows, None)
    if span.broken is not None:
        raise span.broken
    tiles = -(-span.count // TILE_WIDTH)
    return Examined(span, tuple(roots), tail, at_cut, tiles, tuple(parsed))


def _bundle(fetch: Fetch, first: int, size: int) -> tuple[Sequence[bytes], bool]:
    """The entries of the bundle that begins with `first`, and whether all are commitments."""
    wanted = TileObject(None, first // TILE_WIDTH, min(TILE_WIDTH, size - first))
    try:
        data, is_full = fetch_object(fetch, wanted)
        are_commitments = _LEAVES.fullmatch(data) is not None
        if are_commitments:
            step = 2 + _LENGTH
            leaves: Sequence[bytes] = [data[at : at + _LENGTH] for at in range(2, len(data), step)]
        else:
            leaves = decode_bundle(data)
    except OnRecordError as error:
        raise LedgerFault(ENTRIES, first, f"{wanted.path}: {error.message}") from error
    expected = TILE_WIDTH if is_full else wanted.width
    if len(leaves) != expected:
        message = f"{wanted.path} holds {len(leaves)} entries instead of {expected}"
        raise LedgerFault(ENTRIES, first + min(len(leaves), expected), message)
    return leaves[: wanted.width], are_commitments


def _check_commitments(first: int, leaves: Sequence[bytes]) -> None:
    """Name the first leaf that is anything else, in a bundle where the quick look saw one."""
    for index, data in enumerate(leaves, first):
        try:
            parse_leaf(data)
        except OnRecordError as error:
            raise LedgerFault(COMMITMENTS, index, error.message) from error
