"""Law 3, R-23: what a receipt becomes, to the last field."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from onrecord.audit.core.draft import (
    Aside,
    Draft,
    EndGalleries,
    Existing,
    GapPassed,
    Held,
    LetGo,
    Reach,
    Reached,
    ReceiptSeen,
    Remember,
    SearchRecord,
)
from onrecord.audit.core.receipts import log_receipt, read_receipt, settle_receipts
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from tests.builders.audit import START
from tests.builders.books import WrittenBooks

EXPIRES = START + timedelta(minutes=5)
ENDED = EXPIRES + timedelta(seconds=60)
HUNDREDTH = timedelta(seconds=0.01)
GRANTED = {"decision": "granted", "policy": "p-ut", "model_id": "m-ut", "list_size": 3}
GRANT = {
    "by": {"person": "olsen"},
    "time": format_time(START),
    "expires_at": format_time(EXPIRES),
    "probe_sha256": "ab" * 32,
    "list_size": 3,
    "galleries": {
        "US-UT": GRANTED,
        "US-CA": {**GRANTED, "policy": "p-ca"},
        "US-VT": {"decision": "refused", "policy": "p-vt", "reasons": []},
    },
}
SAID: dict[str, Any] = {
    "gallery": "US-UT",
    "grant_index": 3,
    "list_size": 3,
    "model_id": "m-ut",
    "policy": "p-ut",
    "previous": "0" * 64,
    "probe_sha256": "ab" * 32,
    "sequence": 1,
    "time": format_time(START),
    "candidates": [{"ref": "a", "similarity": 900_000}, {"ref": "b", "similarity": -1_000_000}],
}


def signed(said: dict[str, Any]) -> Attestation:
    """A statement as it comes out of the verifier: who signed it was checked there."""
    return Attestation(canonical.encode(said), b"signature", (b"leaf",))


def receipt(**changes: Any) -> Any:
    said = {**SAID, **changes}
    return read_receipt(said, signed(said))


def executed(*refs: str) -> dict[str, Any]:
    """What stands of a search that names these."""
    return {"receipt": {"candidates": [{"ref": one, "similarity": 0} for one in refs]}}


def books(ends: dict[str, tuple[EntryKind, int]] | None = None, **changes: Any) -> WrittenBooks:
    record = SearchRecord("s-1", 3, "grant:m", ends or {}, (), None)
    settings = {"searches": {"s-1": record}, "grants": {3: "s-1"}, "bodies": {3: GRANT}, **changes}
    return WrittenBooks(**settings)


def refused(act: Callable[[], object]) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        act()
    return caught.value


# What a plane signs, as it can be read.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in SAID),
        *((name, 5) for name in ("gallery", "model_id", "policy", "previous", "probe_sha256")),
        ("time", 5),
        *((name, "1") for name in ("grant_index", "list_size", "sequence")),
        *((name, True) for name in ("grant_index", "list_size", "sequence")),
        *((name, -1) for name in ("grant_index", "list_size", "sequence")),
        ("gallery", "US-ZZ"),
        ("previous", "0" * 63),
        ("previous", "0" * 65),
        ("previous", "A" * 64),
        ("candidates", {}),
        ("candidates", ["a"]),
        ("candidates", [{"similarity": 1}]),
        ("candidates", [{"ref": 5, "similarity": 1}]),
        ("candidates", [{"ref": "", "similarity": 1}]),
        ("candidates", [{"ref": "a"}]),
        ("candidates", [{"ref": "a", "similarity": True}]),
        ("candidates", [{"ref": "a", "similarity": "1"}]),
        ("candidates", [{"ref": "a", "similarity": 1_000_001}]),
        ("candidates", [{"ref": "a", "similarity": -1_000_001}]),
        ("candidates", [{"ref": "a", "similarity": 1}, {"ref": "a", "similarity": 2}]),
        ("candidates", [{"ref": "a", "similarity": 1}, {"ref": "b", "similarity": None}]),
    ],
)
def test_a_receipt_with_a_field_of_another_kind_cannot_be_read(name: str, value: object) -> None:
    error = refused(lambda: receipt(**{name: value}))
    assert (error.code, error.field) == (ErrorCode.ATTESTATION_INVALID, name)
    assert name in error.message


@pytest.mark.parametrize("name", SAID)
def test_a_receipt_without_a_field_cannot_be_read(name: str) -> None:
    said = {one: value for one, value in SAID.items() if one != name}
    error = refused(lambda: read_receipt(said, signed(said)))
    assert (error.code, error.field) == (ErrorCode.ATTESTATION_INVALID, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"candidates": []},
        {"candidates": [{"ref": "a", "similarity": 1_000_000}]},
        {"sequence": 0, "list_size": 0, "grant_index": 0},
        {"more": "than is known"},
    ],
)
def test_a_receipt_at_its_bounds_is_read(changes: dict[str, Any]) -> None:
    read = receipt(**changes)
    assert read.said == {**SAID, **changes}
    assert read.sequence == read.said["sequence"]


# What it becomes.


def test_a_receipt_is_an_end_and_says_all_that_was_signed() -> None:
    one = receipt(mandate="grant:m", search_id="s-1")
    draft = log_receipt(one, books())
    assert draft == Draft(
        EntryKind.SEARCH_EXECUTED,
        {
            "search_id": "s-1",
            "grant_index": 3,
            "gallery": "US-UT",
            "receipt": {**SAID, "mandate": "grant:m", "search_id": "s-1"},
            "attestation": one.attestation.to_json(),
            "by": {"service": "vector-search"},
        },
        (
            EndGalleries("s-1", ("US-UT",), EntryKind.SEARCH_EXECUTED),
            ReceiptSeen("US-UT", 1, one.digest),
            Reached("US-UT", START),
            Remember(f"receipt:{one.digest}"),
        ),
    )
    assert one.digest == statements.statement_sha256(one.attestation)


def test_a_receipt_again_is_the_entry_that_stands() -> None:
    one = receipt()
    assert log_receipt(one, books(markers={one.marker: 9})) == Existing(9)


@pytest.mark.parametrize("sequence", [2, 3])
def test_a_receipt_before_its_turn_waits(sequence: int) -> None:
    one = receipt(sequence=sequence)
    held = Held("US-UT", sequence, one.digest, one.attestation, START)
    assert log_receipt(one, books()) == Aside((held,))


LATER = books(receipts={"US-UT": (4, "cd" * 32)})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sequence": 4, "previous": "cd" * 32}, "it does not follow receipt 4 of its gallery"),
        ({"sequence": 1}, "it does not follow receipt 4 of its gallery"),
        ({"sequence": 5}, "it does not follow receipt 4 of its gallery"),
    ],
)
def test_a_fork_is_told_and_moves_nothing(changes: dict[str, Any], why: str) -> None:
    one = receipt(**changes)
    assert log_receipt(one, LATER) == alarm(one, why)


def alarm(one: Any, why: str, *seen: ReceiptSeen) -> Draft:
    return Draft(
        EntryKind.ALARM_RAISED,
        {
            "what": "receipt",
            "why": why,
            "gallery": one.gallery,
            "receipt": dict(one.said),
            "attestation": one.attestation.to_json(),
            "by": {"service": "audit"},
        },
        (*seen, Remember(one.marker)),
    )


SKEW = timedelta(seconds=60)


@pytest.mark.parametrize(
    ("changes", "stands", "why"),
    [
        ({"grant_index": 4}, {}, "no grant stands at the entry it names"),
        ({"gallery": "US-VT"}, {}, "its gallery was not granted"),
        ({"gallery": "US-MD"}, {}, "its gallery was not granted"),
        (
            {},
            {"ends": {"US-UT": (EntryKind.SEARCH_FAILED, 5)}},
            "the search of its gallery had already ended",
        ),
        ({"mandate": "grant:other"}, {}, "it names another mandate"),
        ({"search_id": "s-2"}, {}, "it names another search"),
        ({"probe_sha256": "ac" * 32}, {}, "another probe than the granted one was searched"),
        ({"policy": "p-ca"}, {}, "the search was made under another policy"),
        ({"model_id": "m-ca"}, {}, "the search was made under another model_id"),
        ({"list_size": 4}, {}, "its list is longer than was granted"),
        ({"list_size": 1}, {}, "its list is longer than was granted"),
        (
            {"time": format_time(EXPIRES + HUNDREDTH)},
            {"now": EXPIRES},
            "the search was made after its grant had expired",
        ),
        (
            {"time": format_time(START - SKEW - HUNDREDTH)},
            {},
            "the search was made before it was granted",
        ),
        (
            {"time": format_time(START + SKEW + HUNDREDTH)},
            {},
            "the search is dated in the future",
        ),
        (
            {},
            {"reaches": {"US-UT": Reach(START + HUNDREDTH, -1)}},
            "it is dated before a receipt that it follows",
        ),
        (
            {},
            {
                "ends": {
                    "US-NV": (EntryKind.SEARCH_FAILED, 4),
                    "US-CA": (EntryKind.SEARCH_EXECUTED, 5),
                    "US-OR": (EntryKind.SEARCH_EXECUTED, 6),
                },
                "bodies": {3: GRANT, 5: executed("x"), 6: executed("y", "b")},
            },
            "it names a candidate that another gallery's receipt names",
        ),
    ],
)
def test_a_receipt_that_breaks_a_rule_is_an_alarm_and_the_chain_goes_on(
    changes: dict[str, Any], stands: dict[str, Any], why: str
) -> None:
    one = receipt(**changes)
    found = log_receipt(one, books(**stands))
    assert found == alarm(one, why, ReceiptSeen(one.gallery, 1, one.digest))


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({"list_size": 2}, {}),
        ({"candidates": [], "list_size": 0}, {}),
        ({"time": format_time(EXPIRES)}, {"now": EXPIRES}),
        ({"time": format_time(START - SKEW)}, {}),
        ({"time": format_time(START + SKEW)}, {}),
        ({}, {"reaches": {"US-UT": Reach(START, -1)}}),
        ({}, {"reaches": {"US-CA": Reach(EXPIRES, -1)}}),
        (
            {},
            {
                "ends": {"US-CA": (EntryKind.SEARCH_EXECUTED, 5)},
                "bodies": {3: GRANT, 5: executed("x", "y")},
            },
        ),
        # What a gallery named that was not searched after all is in no list.
        (
            {},
            {
                "ends": {"US-CA": (EntryKind.ALARM_RAISED, 5)},
                "bodies": {3: GRANT, 5: executed("a")},
            },
        ),
    ],
)
def test_a_receipt_just_within_the_rules_is_an_end(
    changes: dict[str, Any], stands: dict[str, Any]
) -> None:
    found = log_receipt(receipt(**changes), books(**stands))
    assert isinstance(found, Draft)
    assert found.kind is EntryKind.SEARCH_EXECUTED


# What waits.


def held(sequence: int, since: datetime = START, **changes: Any) -> Held:
    one = receipt(sequence=sequence, **changes)
    return Held(one.gallery, sequence, one.digest, one.attestation, since)


def test_what_waits_is_logged_when_its_turn_has_come() -> None:
    one = held(1)
    found = settle_receipts(books(waiting=(one,)))
    plain = log_receipt(receipt(), books())
    assert isinstance(plain, Draft)
    assert found == replace(plain, marks=(*plain.marks, LetGo(one.digest)))


def test_what_waited_and_has_been_logged_is_let_go() -> None:
    one = held(1)
    markers = {f"receipt:{one.digest}": 9}
    assert settle_receipts(books(waiting=(one,), markers=markers)) == Aside((LetGo(one.digest),))


@pytest.mark.parametrize(
    ("sequence", "missing"), [(2, "receipt 1"), (3, "receipts 1 to 2"), (9, "receipts 1 to 8")]
)
def test_a_gap_is_told_after_half_a_minute_and_not_before(sequence: int, missing: str) -> None:
    patience = timedelta(seconds=30)
    one = held(sequence, previous="ef" * 32)
    early = books(waiting=(one,), now=START + patience - HUNDREDTH)
    assert settle_receipts(early) is None
    assert settle_receipts(replace(early, now=START + patience)) == Draft(
        EntryKind.ALARM_RAISED,
        {
            "what": "receipt_gap",
            "why": f"{missing} of US-UT did not come; receipt {sequence} did",
            "gallery": "US-UT",
            "expected": 1,
            "seen": sequence,
            "by": {"service": "audit"},
        },
        (ReceiptSeen("US-UT", sequence - 1, "ef" * 32), GapPassed("US-UT")),
    )


def test_a_gallery_that_must_wait_holds_up_no_other() -> None:
    waits = held(5, policy="p-ca", gallery="US-CA")
    ready = held(1)
    found = settle_receipts(books(waiting=(waits, ready)))
    assert isinstance(found, Draft)
    assert found.marks[-1] == LetGo(ready.digest)
    assert settle_receipts(books()) is None


def test_what_waits_is_measured_by_its_own_gallerys_receipts() -> None:
    one = held(5, previous="cd" * 32)
    found = settle_receipts(books(waiting=(one,), receipts={"US-UT": (4, "cd" * 32)}))
    assert isinstance(found, Draft)
    assert found.kind is EntryKind.SEARCH_EXECUTED
