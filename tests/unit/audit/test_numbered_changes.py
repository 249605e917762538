"""R-42, law 9: changes of a gallery are numbered and chained; one that never came is told of."""

from typing import Any

import pytest

from onrecord.proof.attestation import Attestation
from onrecord.proof.statements import statement_sha256
from tests.builders.audit import AuditForTest, SetClock
from tests.unit.audit.test_intake import change
from tests.unit.audit.test_one_search import verify
from tests.unit.audit.test_reconciliation import entries

FIRST = "0" * 64


def chain(audit: AuditForTest, length: int) -> list[Attestation]:
    """The first changes of Utah's gallery."""
    made: list[Attestation] = []
    for number in range(1, length + 1):
        previous = statement_sha256(made[-1]) if made else FIRST
        made.append(change(audit, chunk=number, sequence=number, previous=previous))
    return made


def enrolled(audit: AuditForTest) -> list[int]:
    """The numbers of the changes in the ledger, as they stand there."""
    return [one["change"]["sequence"] for one in entries(audit, "gallery.enrolled")]


def alarms(audit: AuditForTest) -> list[dict[str, Any]]:
    return entries(audit, "alarm.raised")


def later(audit: AuditForTest, clock: SetClock, seconds: float = 31) -> int:
    clock.pass_(seconds=seconds)
    audit.take_in()
    return audit.running.reconciliation.step()


def test_dense_and_chained_they_are_entries_and_no_alarm(
    audit: AuditForTest, clock: SetClock
) -> None:
    made = chain(audit, 3)
    audit.publish(*made, *made)
    audit.take_in()
    assert later(audit, clock) == 0
    assert enrolled(audit) == [1, 2, 3]
    verify(audit)


def test_one_that_never_came_is_told_of_once_and_may_still_come(
    audit: AuditForTest, clock: SetClock
) -> None:
    made = chain(audit, 5)
    audit.publish(made[0], made[3], made[4])
    audit.take_in()
    assert later(audit, clock, 29) == 0
    assert later(audit, clock, 1) == 1
    (alarm,) = alarms(audit)
    assert (alarm["what"], alarm["expected"], alarm["seen"]) == ("change_gap", 2, 4)
    assert alarm["why"] == "changes 2 to 3 of US-UT did not come; change 4 did"
    assert later(audit, clock, 3600) == 0
    audit.publish(made[2])
    audit.take_in()
    assert later(audit, clock) == 1, "of the one that is still missing, for the one that came"
    audit.publish(made[1])
    audit.take_in()
    assert later(audit, clock) == 0
    assert enrolled(audit) == [1, 4, 5, 3, 2]
    assert len(alarms(audit)) == 2
    verify(audit)


def test_in_another_order_nothing_is_missing(audit: AuditForTest, clock: SetClock) -> None:
    first, second, third = chain(audit, 3)
    audit.publish(third, second)
    audit.take_in()
    later(audit, clock, 20)
    audit.publish(first)
    audit.take_in()
    assert later(audit, clock, 3600) == 0
    assert not alarms(audit)


def test_the_first_that_never_came_is_missed_too(audit: AuditForTest, clock: SetClock) -> None:
    audit.publish(chain(audit, 2)[1])
    audit.take_in()
    assert later(audit, clock) == 1
    assert alarms(audit)[0]["why"] == "change 1 of US-UT did not come; change 2 did"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sequence": 2, "previous": FIRST}, "another change 2 of its gallery stands"),
        ({"sequence": 4, "previous": FIRST}, "it does not follow change 3"),
        ({"sequence": 1, "previous": "ab" * 32}, "another change 1 of its gallery stands"),
    ],
)
def test_a_fork_is_an_alarm_that_carries_it(
    audit: AuditForTest, clock: SetClock, fields: dict[str, Any], why: str
) -> None:
    """A roster that was put back goes on from an older place."""
    audit.publish(*chain(audit, 3))
    other = change(audit, chunk=9, **fields)
    audit.publish(other, other)
    audit.take_in()
    (alarm,) = alarms(audit)
    assert alarm["what"] == "change"
    assert why in alarm["why"]
    assert alarm["attestation"] == other.to_json()
    assert enrolled(audit) == [1, 2, 3]
    assert later(audit, clock) == 0
    verify(audit)


def test_the_first_names_none_and_the_one_behind_names_it(audit: AuditForTest) -> None:
    first, second = chain(audit, 2)
    audit.told(second)
    strangers = [
        change(audit, chunk=8, sequence=1, previous="ab" * 32),
        change(audit, chunk=9, sequence=1, previous=FIRST),
    ]
    audit.publish(*strangers, first)
    audit.take_in()
    assert [one["why"] for one in alarms(audit)] == [
        "it does not follow change 0 of its gallery",
        "change 2 of its gallery does not follow it",
    ]
    assert enrolled(audit) == [2, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"sequence": 0, "previous": FIRST},
        {"sequence": "1", "previous": FIRST},
        {"sequence": 1},
        {"sequence": 1, "previous": "none"},
        {"sequence": 1, "previous": 1},
    ],
)
def test_a_number_that_cannot_be_read(audit: AuditForTest, fields: dict[str, Any]) -> None:
    audit.publish(change(audit, **fields))
    audit.take_in()
    assert [one["what"] for one in alarms(audit)] == ["message"]


def test_galleries_count_for_themselves_and_older_planes_do_not(
    audit: AuditForTest, clock: SetClock
) -> None:
    audit.publish(
        *chain(audit, 2),
        change(audit, gallery="US-VT", sequence=1, previous=FIRST),
        change(audit, chunk=77),
    )
    audit.take_in()
    assert later(audit, clock) == 0
    assert not alarms(audit)
    assert len(entries(audit, "gallery.enrolled")) == 4
