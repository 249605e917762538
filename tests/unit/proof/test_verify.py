"""R-24: any changed, deleted, reordered or truncated byte of a ledger is found, and named."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical, entry, merkle
from onrecord.proof.checkpoint import Checkpoint, SignedCheckpoint, cosign, sign_checkpoint
from onrecord.proof.checks import LedgerFault, TimesMonotone, base_checks
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner
from onrecord.proof.rebuild import TILES_AGREE
from onrecord.proof.tiles import decode_bundle, encode_bundle
from onrecord.proof.verify import (
    BODIES,
    COMMITMENTS,
    ENTRIES,
    EXTENDS,
    ROOT,
    SIGNED,
    WITNESSED,
    LedgerReport,
    verify_ledger,
)
from tests.unit.proof.ledgers import (
    ORIGIN,
    PublishedLedger,
    fetch_from,
    make_body,
    published_ledger,
)


def _verify(made: PublishedLedger, **options: Any) -> LedgerReport:
    options = {"bodies": made.bodies()} | options
    return verify_ledger(fetch_from(made.objects), made.signer.verifier, **options)


def _fault(act: Callable[[], object]) -> LedgerFault:
    with pytest.raises(LedgerFault) as found:
        act()
    assert found.value.code is ErrorCode.LEDGER_INCONSISTENT
    assert found.value.check in found.value.message
    return found.value


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 700])
def test_a_ledger_that_holds_says_what_was_checked(size: int) -> None:
    made = published_ledger(size)
    told: list[tuple[int, int]] = []
    report = _verify(made, progress=lambda done, of: told.append((done, of)))
    passed = {check.name: check.passed for check in report.checks}
    assert report.checkpoint.size == report.bodies == size
    assert report.witnessed_by == ()
    assert passed[SIGNED] == passed[ROOT] == 1
    assert passed[ENTRIES] == passed[COMMITMENTS] == passed[BODIES] == size
    tiles = [path for path in made.objects if path.startswith("tile/") and "entries" not in path]
    assert passed[TILES_AGREE] == len(tiles)
    for law in base_checks():
        assert passed[law().name] == size
    assert told == [(done, size) for done in [*range(512, size, 512), size] if size]


def test_a_ledger_published_in_steps_holds_at_the_last() -> None:
    made = PublishedLedger()
    before = []
    for count in (3, 250, 5, 254, 1, 300):
        made.append([make_body(len(made.entries) + n) for n in range(count)])
        before.append(made.publish())
        _verify(made)
    for previous in before:
        names = [check.name for check in _verify(made, previous=previous).checks]
        assert EXTENDS in names


def test_an_earlier_ledger_may_end_anywhere_in_a_bundle() -> None:
    made = PublishedLedger()
    before: list[SignedCheckpoint] = []
    steps = (1, 255, 256, 257, 258, 511, 512, 513, 514, 520)
    for old, size in zip((0, *steps), steps, strict=False):
        made.append([make_body(number) for number in range(old, size)])
        before.append(made.publish())
    for previous in before:
        assert EXTENDS in [check.name for check in _verify(made, previous=previous).checks]


def test_three_levels_of_tiles_are_compared() -> None:
    """65,537 entries: one tile of level 2. Bodies are left out; a leaf is made of its number."""
    size = 65_537
    tree = merkle.MemoryHashes()
    leaves = [entry.leaf(bytes(32), str(number).encode()) for number in range(size)]
    for data in leaves:
        tree.append(merkle.leaf_hash(data))
    made = PublishedLedger(tree=tree)
    made.leaves = lambda first, end: leaves[first:end]  # type: ignore[method-assign]
    made.entries = [(b"", b"")] * size
    made.publish()
    report = _verify(made, bodies=None)
    assert {check.name: check.passed for check in report.checks}[TILES_AGREE] == 257 + 1 + 1
    upper = "tile/2/000.p/1"
    made.objects[upper] = bytes(32)
    fault = _fault(lambda: _verify(made, bodies=None))
    assert fault.check == TILES_AGREE
    assert upper in fault.reason


SMALL = published_ledger(5)


@pytest.mark.parametrize("path", sorted(SMALL.objects))
def test_no_byte_of_any_object_can_be_changed(path: str) -> None:
    """Every byte of a small ledger, each in turn."""
    original = SMALL.objects[path]
    for at in range(len(original)):
        changed = original[:at] + bytes([original[at] ^ 1]) + original[at + 1 :]
        made = replace(SMALL, objects=SMALL.objects | {path: changed})
        fault = _fault(lambda made=made: _verify(made))  # type: ignore[misc]
        expected = {
            "checkpoint": {SIGNED},
            "tile/0/000.p/5": {TILES_AGREE},
            "tile/entries/000.p/5": {ENTRIES, TILES_AGREE},
        }[path]
        assert fault.check in expected
        if fault.check == TILES_AGREE:
            leaf_size = 2 + len(SMALL.leaves(0, 1)[0])
            assert fault.index == at // (32 if path.startswith("tile/0") else leaf_size)


@pytest.mark.parametrize("field", [1, 2], ids=["nonce", "body"])
def test_no_byte_of_any_body_or_nonce_can_be_changed(field: int) -> None:
    rows = list(SMALL.bodies())
    for index, row in enumerate(rows):
        original = row[field]
        assert isinstance(original, bytes)
        for at in range(len(original)):
            changed: list[Any] = list(row)
            changed[field] = original[:at] + bytes([original[at] ^ 1]) + original[at + 1 :]
            bodies = [*rows[:index], tuple(changed), *rows[index + 1 :]]
            fault = _fault(lambda bodies=bodies: _verify(SMALL, bodies=bodies))  # type: ignore[misc]
            assert (fault.check, fault.index) == (BODIES, index)


LARGE = published_ledger(700)


@settings(max_examples=60)
@given(st.data())
def test_no_bit_of_a_large_ledger_can_be_changed(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(LARGE.objects)))
    original = LARGE.objects[path]
    at = data.draw(st.integers(0, len(original) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = original[:at] + bytes([original[at] ^ (1 << bit)]) + original[at + 1 :]
    made = replace(LARGE, objects=LARGE.objects | {path: changed})
    _fault(lambda: _verify(made, bodies=None))


@pytest.mark.parametrize("path", sorted(LARGE.objects))
def test_no_object_can_be_missing_cut_or_longer(path: str) -> None:
    original = LARGE.objects[path]
    rest = {name: data for name, data in LARGE.objects.items() if name != path}
    fault = _fault(lambda: _verify(replace(LARGE, objects=rest)))
    assert path == "checkpoint" or path in fault.reason
    for changed in (b"", original[:-1], original + b"\x00", original[:-32], original * 2):
        made = replace(LARGE, objects=rest | {path: changed})
        _fault(lambda made=made: _verify(made))  # type: ignore[misc]


def _with_leaves(change: Callable[[list[bytes]], None], *, tiles_too: bool) -> PublishedLedger:
    """The small ledger with its leaves changed, and its tile made to fit if asked."""
    path, tile = "tile/entries/000.p/5", "tile/0/000.p/5"
    leaves = list(decode_bundle(SMALL.objects[path]))
    change(leaves)
    objects = SMALL.objects | {path: encode_bundle(leaves)}
    if tiles_too:
        objects[tile] = b"".join(merkle.leaf_hash(data) for data in leaves)
    return replace(SMALL, objects=objects)


def _swap(leaves: list[bytes]) -> None:
    leaves[1], leaves[3] = leaves[3], leaves[1]


def _delete(leaves: list[bytes]) -> None:
    del leaves[2]


def _insert(leaves: list[bytes]) -> None:
    leaves.insert(2, entry.leaf(bytes(32), make_body(2)))


def _replace(leaves: list[bytes]) -> None:
    leaves[2] = entry.leaf(bytes(32), make_body(2))


@pytest.mark.parametrize("tiles_too", [False, True])
@pytest.mark.parametrize("change", [_swap, _delete, _insert, _replace])
def test_entries_cannot_be_reordered_deleted_inserted_or_replaced(
    change: Callable[[list[bytes]], None], tiles_too: bool
) -> None:
    made = _with_leaves(change, tiles_too=tiles_too)
    fault = _fault(lambda: _verify(made, bodies=None))
    if change in (_delete, _insert):
        assert fault.check == ENTRIES
    else:
        assert fault.check == (ROOT if tiles_too else TILES_AGREE)


_ANY = b'{"c":"%b","v":1}' % (b"A" * 43 + b"=")


@pytest.mark.parametrize(
    "readable",
    [
        b'{"kind":"logon.failed"}',
        _ANY.replace(b"A=", b"B="),  # the same 32 bytes, spelled another way
        _ANY.replace(b'"v":1', b'"v":2'),
        _ANY.replace(b"A=", b"AA"),
        _ANY.replace(b"AAAA", b"A-_A", 1),
        _ANY + b"\n",
        b"",
    ],
)
def test_a_leaf_that_is_no_commitment_is_found(readable: bytes) -> None:
    """R-26: nothing but commitments is public, even if the log's own key signs it."""
    made = published_ledger(2)
    made.tree.append(merkle.leaf_hash(readable))
    plain = [*made.leaves(0, 2), readable]
    made.leaves = lambda first, end: plain[first:end]  # type: ignore[method-assign]
    made.entries.append((b"", readable))
    made.publish()
    fault = _fault(lambda: _verify(made, bodies=None))
    assert (fault.check, fault.index) == (COMMITMENTS, 2)


def test_the_leaf_that_is_no_commitment_is_named_in_whichever_bundle() -> None:
    made = published_ledger(258)
    made.tree.append(merkle.leaf_hash(b"{}"))
    plain = [*made.leaves(0, 258), b"{}"]
    made.leaves = lambda first, end: plain[first:end]  # type: ignore[method-assign]
    made.entries.append((b"", b"{}"))
    made.publish()
    fault = _fault(lambda: _verify(made, bodies=None))
    assert (fault.check, fault.index) == (COMMITMENTS, 258)


def test_another_key_or_another_log_is_found() -> None:
    other = NoteSigner.generate(ORIGIN)
    fetch = fetch_from(SMALL.objects)
    assert _fault(lambda: verify_ledger(fetch, other.verifier)).check == SIGNED
    forged = published_ledger(5, other)
    made = replace(SMALL, objects=forged.objects)
    assert _fault(lambda: _verify(made)).check == SIGNED


def test_a_ledger_cut_back_to_an_older_checkpoint_is_found_by_who_kept_the_newer() -> None:
    made = published_ledger(300)
    kept = made.publish()
    cut = published_ledger(200, made.signer)
    _verify(cut)  # taken alone it holds: that is what witnesses are for
    fault = _fault(lambda: _verify(cut, previous=kept))
    assert (fault.check, fault.index) == (EXTENDS, 200)
    assert "cut" in fault.reason


@pytest.mark.parametrize("seen_at", [1, 150, 256, 300])
def test_a_history_rewritten_with_the_logs_own_key_is_found_by_who_kept_a_checkpoint(
    seen_at: int,
) -> None:
    """A split view: the operator signs both, and both hold taken alone."""
    signer = NoteSigner.generate(ORIGIN)
    kept = published_ledger(seen_at, signer).publish()
    rewritten = PublishedLedger(signer)
    rewritten.append([make_body(0, rewritten=True), *(make_body(n) for n in range(1, 300))])
    rewritten.publish()
    _verify(rewritten)
    assert _fault(lambda: _verify(rewritten, previous=kept)).check == EXTENDS


def test_a_checkpoint_kept_from_before_must_itself_be_the_logs() -> None:
    stranger = published_ledger(3).publish()
    assert _fault(lambda: _verify(SMALL, previous=stranger)).check == EXTENDS
    own = SMALL.publish()
    lying = SignedCheckpoint(own.note, replace(own.checkpoint, size=1))
    assert _fault(lambda: _verify(SMALL, previous=lying)).check == EXTENDS


def test_an_empty_previous_checkpoint_is_extended_by_all_but_has_one_root() -> None:
    signer = SMALL.signer
    empty = Checkpoint(signer.name, 0, merkle.EMPTY_ROOT)
    good = SignedCheckpoint(sign_checkpoint(empty, signer), empty)
    assert any(check.name == EXTENDS for check in _verify(SMALL, previous=good).checks)
    odd = replace(empty, root=bytes(32))
    bad = SignedCheckpoint(sign_checkpoint(odd, signer), odd)
    assert _fault(lambda: _verify(SMALL, previous=bad)).check == EXTENDS


def test_an_empty_ledger_has_one_root() -> None:
    made = published_ledger(0)
    note = sign_checkpoint(Checkpoint(made.signer.name, 0, bytes(32)), made.signer)
    made.objects["checkpoint"] = note.encode()
    assert _fault(lambda: _verify(made)).check == ROOT


def test_each_witness_named_must_have_cosigned() -> None:
    made = published_ledger(5)
    one = NoteSigner.generate("witness.example/1", COSIGNATURE_V1)
    two = NoteSigner.generate("witness.example/2", COSIGNATURE_V1)
    note = cosign(made.objects["checkpoint"].decode(), one, datetime(2026, 11, 23, tzinfo=UTC))
    made.objects["checkpoint"] = note.encode()
    assert _verify(made, witnesses=[one.verifier]).witnessed_by == (one.name,)
    fault = _fault(lambda: _verify(made, witnesses=[one.verifier, two.verifier]))
    assert fault.check == WITNESSED
    assert two.name in fault.reason


def test_a_checkpoint_that_is_not_text_is_found() -> None:
    made = replace(SMALL, objects=SMALL.objects | {"checkpoint": b"\xff\xfe"})
    assert _fault(lambda: _verify(made)).check == SIGNED


def test_bodies_cannot_be_missing_doubled_reordered_or_added() -> None:
    rows = list(SMALL.bodies())
    extra = (5, bytes(32), make_body(5))
    for changed, index in (
        (rows[1:], 0),
        (rows[:2] + rows[3:], 2),
        (rows[:-1], 4),
        ([rows[0], rows[0], *rows[1:]], 0),
        ([rows[1], rows[0], *rows[2:]], 0),
        ([*rows, extra], 5),
        ([(-1, *rows[0][1:]), *rows], -1),
        ([(0, b"", rows[0][2]), *rows[1:]], 0),
    ):
        fault = _fault(lambda changed=changed: _verify(SMALL, bodies=changed))  # type: ignore[misc]
        assert (fault.check, fault.index) == (BODIES, index)


def test_a_disclosure_pack_may_hold_some_bodies_and_they_are_counted() -> None:
    """R-18, R-26: bodies may be withheld or destroyed without breaking a proof."""
    rows = list(SMALL.bodies())
    report = _verify(SMALL, bodies=[rows[1], rows[4]], all_bodies=False)
    assert report.bodies == 2
    swapped = [(1, *rows[4][1:])]
    assert _fault(lambda: _verify(SMALL, bodies=swapped, all_bodies=False)).index == 1


def test_without_bodies_nothing_is_said_about_them() -> None:
    report = _verify(SMALL, bodies=None)
    assert report.bodies is None
    assert BODIES not in [check.name for check in report.checks]


def _logged(*bodies: bytes) -> PublishedLedger:
    made = PublishedLedger()
    made.append(bodies)
    made.publish()
    return made


def test_a_body_that_was_logged_but_is_not_canonical_is_found() -> None:
    made = _logged(make_body(0), make_body(1).replace(b":", b": "))
    fault = _fault(lambda: _verify(made))
    assert (fault.check, fault.index) == (BODIES, 1)


def test_an_unknown_kind_is_found() -> None:
    made = _logged(make_body(0), make_body(1, kind="search.forgotten"))
    fault = _fault(lambda: _verify(made))
    assert fault.index == 1
    assert "search.forgotten" in fault.reason


def test_a_time_that_falls_is_found_and_one_that_stands_is_not() -> None:
    """R-25."""
    _verify(_logged(make_body(1), make_body(1)))
    fault = _fault(lambda: _verify(_logged(make_body(1), make_body(2), make_body(1))))
    assert (fault.check, fault.index) == (TimesMonotone.name, 2)
    assert " after " in fault.reason


class _Counting:
    """A law that there are as many bodies as the last one says."""

    name = "the last body says how many there are"

    def __init__(self) -> None:
        self.passed = 0
        self._said: object = None

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        assert index == self.passed
        self.passed += 1
        self._said = body.get("count")

    def finish(self) -> None:
        if self._said != self.passed:
            raise LedgerFault(self.name, None, f"{self._said} is not {self.passed}")


def test_further_laws_see_every_body_and_speak_at_the_end() -> None:
    good = _logged(make_body(0), make_body(1, count=2))
    report = _verify(good, body_checks=[*base_checks(), _Counting])
    assert report.checks[-1].name == _Counting.name
    assert report.checks[-1].passed == 2
    bad = _logged(make_body(0), make_body(1, count=3))
    assert _fault(lambda: _verify(bad, body_checks=[_Counting])).check == _Counting.name


class _Careless:
    """A law that takes every body to be as it should be."""

    name = "every entry names who made it"
    passed = 0

    def see(self, index: int, body: Mapping[str, Any]) -> None:
        if "refused" in body:
            raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "not signed")
        assert body["by"]["person"]

    def finish(self) -> None:
        raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "not signed")


@pytest.mark.parametrize("by", ["text", 5, None, [], {}], ids=repr)
def test_a_body_that_a_law_cannot_read_breaks_the_law_and_not_the_verifier(by: object) -> None:
    made = _logged(make_body(0, by=by))
    fault = _fault(lambda: _verify(made, body_checks=[_Careless]))
    assert (fault.check, fault.index) == (_Careless.name, 0)


def test_what_a_law_refuses_is_its_fault_at_that_entry() -> None:
    made = _logged(make_body(0, by={"person": "p"}), make_body(1, refused=True))
    fault = _fault(lambda: _verify(made, body_checks=[_Careless]))
    assert (fault.check, fault.index, fault.reason) == (_Careless.name, 1, "not signed")


def test_an_error_of_a_law_at_the_end_is_its_fault() -> None:
    made = _logged(make_body(0, by={"person": "p"}))
    fault = _fault(lambda: _verify(made, body_checks=[_Careless]))
    assert (fault.check, fault.index) == (_Careless.name, None)
    assert "not signed" in fault.reason


def test_the_log_may_have_grown_while_it_is_being_read() -> None:
    """A partial tile that has meanwhile become full and been removed is no fault."""
    made = published_ledger(200)
    grown = published_ledger(300, made.signer)
    objects = grown.objects | {"checkpoint": made.objects["checkpoint"]}
    report = verify_ledger(fetch_from(objects), made.signer.verifier, bodies=made.bodies())
    assert report.checkpoint.size == 200


def test_canonical_bodies_are_what_the_fixture_makes() -> None:
    assert canonical.decode(make_body(3)) == {
        "kind": "logon.failed",
        "number": 3,
        "time": "2026-11-23T06:30:03.00Z",
    }
