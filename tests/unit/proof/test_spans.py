"""R-24, R-26: one span of a ledger, examined by itself: what it holds, or where it is false."""

from collections.abc import Callable
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical, entry
from onrecord.proof.bodies import BODIES
from onrecord.proof.checks import LedgerFault
from onrecord.proof.merkle import leaf_hash, perfect_root
from onrecord.proof.rebuild import TILES_AGREE
from onrecord.proof.spans import COMMITMENTS, ENTRIES, Examined, Span, examine, one_by_one
from onrecord.proof.tiles import encode_bundle
from tests.unit.proof.ledgers import fetch_from, make_body, published_ledger

LEDGER = published_ledger(600)
HASHES = tuple(leaf_hash(data) for data in LEDGER.leaves(0, 600))
ROOTS = (perfect_root(HASHES[:256]), perfect_root(HASHES[256:512]))
ROWS = tuple(LEDGER.bodies())


def parsed(first: int, end: int) -> tuple[tuple[int, Any], ...]:
    return tuple((index, canonical.decode(body)) for index, _, body in ROWS[first:end])


def found(span: Span, objects: dict[str, bytes] | None = None) -> Examined:
    return examine(fetch_from(LEDGER.objects | (objects or {})), span)


def fault_of(act: Callable[[], object]) -> LedgerFault:
    with pytest.raises(LedgerFault) as caught:
        act()
    return caught.value


def without(path: str) -> Callable[[str], bytes]:
    return fetch_from({name: data for name, data in LEDGER.objects.items() if name != path})


def test_a_span_is_its_full_bundles_and_what_is_left() -> None:
    whole = Span(0, 600, 600)
    assert found(whole) == Examined(whole, ROOTS, HASHES[512:], (), 3, ())
    second = Span(256, 256, 600)
    assert found(second) == Examined(second, ROOTS[1:], (), (), 1, ())
    last = Span(512, 88, 600)
    assert found(last) == Examined(last, (), HASHES[512:], (), 1, ())


def test_a_span_holds_the_bodies_given_for_it() -> None:
    """R-26: all of them, or some where others are withheld."""
    all_of_it = Span(256, 344, 600, ROWS[256:])
    assert found(all_of_it).bodies == parsed(256, 600)
    some = Span(0, 600, 600, (ROWS[0], ROWS[255], ROWS[256], ROWS[599]))
    assert [index for index, _ in found(some).bodies] == [0, 255, 256, 599]
    assert found(Span(0, 256, 600, ())).bodies == ()


@pytest.mark.parametrize(
    ("cut", "begins"), [(1, 0), (255, 0), (256, 0), (257, 256), (512, 256), (513, 512), (600, 512)]
)
def test_where_an_earlier_ledger_ends_its_last_bundle_is_kept(cut: int, begins: int) -> None:
    """R-24: the hashes that it had in the bundle in which it ends, and no more."""
    assert found(Span(0, 600, 600, cut=cut)).at_cut == HASHES[begins:cut]


def test_spans_are_examined_in_their_order() -> None:
    spans = [Span(0, 256, 600), Span(256, 256, 600), Span(512, 88, 600)]
    examined = list(one_by_one(fetch_from(LEDGER.objects))(spans))
    assert examined == [found(span) for span in spans]


@pytest.mark.parametrize(
    ("path", "first"),
    [("tile/entries/000", 0), ("tile/entries/001", 256), ("tile/entries/002.p/88", 512)],
)
def test_a_bundle_that_is_not_there_is_named_with_its_first_entry(path: str, first: int) -> None:
    """R-24."""
    fault = fault_of(lambda: examine(without(path), Span(0, 600, 600)))
    assert (fault.check, fault.index) == (ENTRIES, first)
    assert fault.reason == f"{path}: there is no {path}"


@pytest.mark.parametrize(
    ("path", "first", "width"), [("tile/entries/001", 256, 256), ("tile/entries/002.p/88", 512, 88)]
)
@pytest.mark.parametrize("change", [-2, -1, 1, 2])
@pytest.mark.parametrize("readable", [True, False])
def test_a_bundle_of_another_number_of_entries_is_found(
    path: str, first: int, width: int, change: int, readable: bool
) -> None:
    """R-24: the first entry that is missing or too many is named."""
    leaves = LEDGER.leaves(first, first + width)
    leaves = (leaves + leaves[:2])[: width + change]
    if not readable:
        leaves[0] = b"{}"
    fault = fault_of(lambda: found(Span(0, 600, 600), {path: encode_bundle(leaves)}))
    assert (fault.check, fault.index) == (ENTRIES, first + min(width, width + change))
    assert fault.reason == f"{path} holds {width + change} entries instead of {width}"


def test_a_bundle_that_ends_within_an_entry_is_found() -> None:
    """R-24."""
    path = "tile/entries/002.p/88"
    fault = fault_of(lambda: found(Span(512, 88, 600), {path: LEDGER.objects[path][:-1]}))
    assert (fault.check, fault.index) == (ENTRIES, 512)
    assert fault.reason.startswith(f"{path}: ")


def test_the_full_bundle_that_replaced_a_partial_one_has_all_its_entries() -> None:
    """R-20: the log has grown meanwhile; of the full bundle only what was asked for counts."""
    span = Span(256, 100, 356)
    fetch = fetch_from(LEDGER.objects)
    assert examine(fetch, span) == Examined(span, (), HASHES[256:356], (), 1, ())
    path = "tile/entries/001"
    for count in (255, 300):
        short = {path: encode_bundle(LEDGER.leaves(256, 256 + count))}
        fault = fault_of(lambda short=short: found(span, short))  # type: ignore[misc]
        assert (fault.check, fault.index) == (ENTRIES, 256 + min(count, 256))
        assert fault.reason == f"tile/entries/001.p/100 holds {count} entries instead of 256"


def test_tiles_are_held_against_the_entries() -> None:
    """R-24: in each bundle of the span."""
    for path, index in (("tile/0/000", 7), ("tile/0/001", 256 + 7), ("tile/0/002.p/88", 512 + 7)):
        data = bytearray(LEDGER.objects[path])
        data[7 * 32] ^= 1
        fault = fault_of(
            lambda path=path, data=bytes(data): found(Span(0, 600, 600), {path: data})  # type: ignore[misc]
        )
        assert (fault.check, fault.index) == (TILES_AGREE, index)


@pytest.mark.parametrize("index", [0, 3, 255, 256, 512, 599])
@pytest.mark.parametrize(
    "wrong",
    [b"{}", entry.leaf(bytes(32), b"").replace(b'"v":1', b'"v":2'), b"", b"\x00" * 58],
    ids=["empty", "version", "nothing", "zeros"],
)
def test_the_first_leaf_that_is_no_commitment_is_named(index: int, wrong: bytes) -> None:
    """R-26: though the tile over it is as it should be."""
    first = index // 256 * 256
    leaves = LEDGER.leaves(first, min(first + 256, 600))
    leaves[index - first] = wrong
    name = f"{first // 256:03d}" + ("" if len(leaves) == 256 else f".p/{len(leaves)}")
    objects = {
        f"tile/entries/{name}": encode_bundle(leaves),
        f"tile/0/{name}": b"".join(leaf_hash(data) for data in leaves),
    }
    fault = fault_of(lambda: found(Span(0, 600, 600), objects))
    assert (fault.check, fault.index) == (COMMITMENTS, index)
    assert fault.reason == "not a commitment of version 1"


@pytest.mark.parametrize("index", [0, 255, 256, 511, 512, 599])
def test_a_body_of_another_leaf_is_found_at_its_entry(index: int) -> None:
    """R-24, R-26."""
    rows = list(ROWS)
    rows[index] = (index, rows[index][1], make_body(index, other=True))
    fault = fault_of(lambda: found(Span(0, 600, 600, tuple(rows))))
    assert (fault.check, fault.index) == (BODIES, index)


def test_what_was_broken_behind_the_bodies_is_raised_last() -> None:
    """R-24: whatever is false before it comes first."""
    broken = LedgerFault(BODIES, 599, "its body is missing")
    span = Span(0, 600, 600, ROWS[:599], broken)
    assert fault_of(lambda: found(span)) is broken
    fault = fault_of(lambda: examine(without("tile/entries/002.p/88"), span))
    assert (fault.check, fault.index) == (ENTRIES, 512)


def test_an_error_that_is_no_absence_is_a_fault_too() -> None:
    """R-24: what cannot be read has not been verified."""

    def out_of_reach(path: str) -> bytes:
        raise OnRecordError(ErrorCode.OBJECTS_UNAVAILABLE, "out of reach")

    fault = fault_of(lambda: examine(out_of_reach, Span(0, 600, 600)))
    assert (fault.check, fault.index) == (ENTRIES, 0)
    assert fault.reason == "tile/entries/000: out of reach"
