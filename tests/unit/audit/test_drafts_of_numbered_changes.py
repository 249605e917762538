"""R-42, law 9: what a numbered change becomes, and what is said where its chain is not whole."""

from typing import Any

import pytest

from onrecord.audit.core.changes import Change, change_gap, log_change, read_change
from onrecord.audit.core.draft import (
    ChangeAwaited,
    Draft,
    Existing,
    NumberedChange,
    Remember,
    StaleEvaluationError,
)
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import EntryKind
from onrecord.proof import statements
from tests.builders.audit import START
from tests.unit.audit.test_drafts_of_receipts import books, refused, signed

FIRST, OTHER = "0" * 64, "ab" * 32
CHANGE: dict[str, Any] = {
    "type": statements.GALLERY_CHANGED,
    "gallery": "US-UT",
    "act": "enrol",
    "sequence": 1,
    "previous": FIRST,
}


def change(sequence: int, previous: str = OTHER) -> Change:
    said = {**CHANGE, "sequence": sequence, "previous": previous}
    return read_change(said, signed(said))


def standing(
    sequence: int, digest: str = OTHER, previous: str = FIRST, gallery: str = "US-UT"
) -> dict[tuple[str, int], NumberedChange]:
    """A change that stands in the ledger."""
    return {(gallery, sequence): NumberedChange(gallery, sequence, digest, previous, None)}


def placed(one: Change, sequence: int, previous: str, *, ahead: bool) -> Draft:
    body = {
        "gallery": "US-UT",
        "change": dict(one.said),
        "attestation": one.attestation.to_json(),
        "by": {"service": "vector-search"},
    }
    since = START if ahead else None
    return Draft(
        EntryKind.GALLERY_ENROLLED,
        body,
        (
            Remember(f"change:{one.digest}"),
            NumberedChange("US-UT", sequence, one.digest, previous, since),
            ChangeAwaited("US-UT", sequence + 1),
        ),
    )


def fork(one: Change, why: str) -> Draft:
    body = {
        "what": "change",
        "why": why,
        "gallery": "US-UT",
        "change": dict(one.said),
        "attestation": one.attestation.to_json(),
        "by": {"service": "audit"},
    }
    return Draft(EntryKind.ALARM_RAISED, body, (Remember(f"change:{one.digest}"),))


def test_a_change_in_its_place() -> None:
    first = change(1, FIRST)
    assert first.digest == statements.statement_sha256(first.attestation)
    assert log_change(first, books()) == placed(first, 1, FIRST, ahead=False)
    assert log_change(first, books(markers={first.marker: 9})) == Existing(9)
    second = change(2)
    assert log_change(second, books(changes=standing(1))) == placed(second, 2, OTHER, ahead=False)
    elsewhere = standing(1, gallery="US-CA")
    assert log_change(first, books(changes=elsewhere)) == placed(first, 1, FIRST, ahead=False)


def test_a_change_ahead_of_the_one_before_it_waits_for_it() -> None:
    """Nobody is told of it yet."""
    third = change(3)
    assert log_change(third, books()) == placed(third, 3, OTHER, ahead=True)
    assert log_change(third, books(changes=standing(1))) == placed(third, 3, OTHER, ahead=True)
    second = change(2)
    assert log_change(second, books()) == placed(second, 2, OTHER, ahead=True)
    after = standing(4, previous=third.digest)
    assert log_change(third, books(changes=after)) == placed(third, 3, OTHER, ahead=True)


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_two_changes_of_one_number_are_a_fork(sequence: int) -> None:
    one = change(sequence, FIRST if sequence == 1 else OTHER)
    found = log_change(one, books(changes=standing(sequence)))
    assert found == fork(one, f"another change {sequence} of its gallery stands in the ledger")


def test_a_change_that_does_not_follow_the_one_before_it_is_a_fork() -> None:
    first = change(1, OTHER)
    assert log_change(first, books()) == fork(first, "it does not follow change 0 of its gallery")
    third = change(3, FIRST)
    assert log_change(third, books(changes=standing(2))) == fork(
        third, "it does not follow change 2 of its gallery"
    )


def test_a_change_that_the_next_does_not_follow_is_a_fork() -> None:
    second = change(2)
    after = standing(1) | standing(3, previous=FIRST)
    assert log_change(second, books(changes=after)) == fork(
        second, "change 3 of its gallery does not follow it"
    )


@pytest.mark.parametrize(
    ("sequence", "previous"),
    [
        (0, FIRST),
        (None, FIRST),
        (1, None),
        (1, 5),
        (1, "0" * 63),
        (1, "0" * 65),
        (1, "A" * 64),
        (1, ...),
    ],
)
def test_a_number_without_its_chain_cannot_be_read(sequence: object, previous: object) -> None:
    said = {**CHANGE, "sequence": sequence, "previous": previous}
    said = {name: value for name, value in said.items() if value is not ...}
    error = refused(lambda: read_change(said, signed({})))
    assert (error.code, error.field) == (ErrorCode.ATTESTATION_INVALID, "sequence")
    assert error.message == "the change's sequence cannot be read"


def test_a_change_without_a_number_has_no_place() -> None:
    said = {name: CHANGE[name] for name in ("type", "gallery", "act")}
    one = read_change(said, signed(said))
    assert (one.sequence, one.gallery) == (None, "US-UT")
    found = log_change(one, books())
    assert isinstance(found, Draft)
    assert found.marks == (Remember(one.marker),)


@pytest.mark.parametrize(
    ("before", "seen", "missing"),
    [(2, 4, "change 3"), (2, 5, "changes 3 to 4"), (0, 2, "change 1"), (0, 9, "changes 1 to 8")],
)
def test_changes_that_never_came_are_an_alarm_once(before: int, seen: int, missing: str) -> None:
    others = standing(seen - 1, gallery="US-CA") | standing(seen + 1)
    changes = others | (standing(before) if before else {})
    marker = Remember(f"change-gap:US-UT:{seen}")
    assert change_gap(books(changes=changes), "US-UT", seen) == Draft(
        EntryKind.ALARM_RAISED,
        {
            "what": "change_gap",
            "why": f"{missing} of US-UT did not come; change {seen} did",
            "gallery": "US-UT",
            "expected": before + 1,
            "seen": seen,
            "by": {"service": "audit"},
        },
        (marker, ChangeAwaited("US-UT", seen)),
    )
    told = books(changes=changes, markers={marker.marker: 12})
    assert change_gap(told, "US-UT", seen) == Existing(12)


@pytest.mark.parametrize(("changes", "seen"), [(standing(3), 4), ({}, 1)])
def test_where_no_change_is_missing_there_is_no_alarm(
    changes: dict[tuple[str, int], NumberedChange], seen: int
) -> None:
    error = refused(lambda: change_gap(books(changes=changes), "US-UT", seen))
    assert error.code is ErrorCode.SEARCH_STATE
    assert error.message == "the changes before it have come"


def test_a_stale_evaluation_says_when_the_entry_would_have_been() -> None:
    """R-1: evaluated again, under the policies of that moment."""
    error = StaleEvaluationError(START)
    assert error.now == START
    assert str(error) == "evaluated under policies that are no longer in force"
