"""R-9: who asks for unusually much in a day is told of, once, and nobody else is."""

import json
from typing import Any

import pytest

from onrecord.audit.adapters.requests import StoredRequests
from onrecord.audit.core.fan_out import FanOutLimits
from onrecord.audit.service.fan_out import FanOutWatch
from tests.builders.audit import AuditForTest, SetClock
from tests.unit.audit.test_one_search import verify


def watch(audit: AuditForTest, galleries: int = 3, cases: int = 3) -> FanOutWatch:
    requests = StoredRequests(audit.running.engine)
    return FanOutWatch(audit.running.ledger, requests, FanOutLimits(galleries, cases), audit.clock)


def alarms(audit: AuditForTest) -> list[dict[str, Any]]:
    bodies = (json.loads(one.body) for one in audit.running.ledger.bodies(0, 1000))
    return [body for body in bodies if body.get("what") == "fan_out"]


def test_many_cases_of_one_person_are_told_of_once(audit: AuditForTest) -> None:
    watching = watch(audit)
    for number in range(3):
        audit.authorize(case_number=f"case-{number}")
        audit.authorize("diaz", case_number=f"other-{number}")
    assert watching.step() == 0
    audit.authorize(case_number="case-3")
    assert watching.step() == 1
    (alarm,) = alarms(audit)
    assert (alarm["person"], alarm["agency"], alarm["cases"]) == ("olsen", "us-ut-slcpd", 4)
    audit.authorize(case_number="case-4")
    assert watching.step() == 0
    assert watch(audit).step() == 0, "another replica, or the next start, finds it told"
    verify(audit)


def test_many_galleries_are_told_of_though_all_refuse(audit: AuditForTest) -> None:
    watching = watch(audit)
    audit.authorize(galleries=["US-VT", "US-MD", "US-CA"])
    assert watching.step() == 0
    audit.authorize(galleries=["US-NV"])
    assert watching.step() == 1
    assert alarms(audit)[0]["galleries"] == ["US-CA", "US-MD", "US-NV", "US-VT"]


def test_the_same_again_and_again_spreads_no_further(audit: AuditForTest) -> None:
    watching = watch(audit, galleries=1, cases=1)
    for _ in range(4):
        audit.authorize()
    assert watching.step() == 0


def test_each_day_counts_for_itself(audit: AuditForTest, clock: SetClock) -> None:
    watching = watch(audit)
    for number in range(3):
        audit.authorize(case_number=f"case-{number}")
    assert watching.step() == 0
    clock.pass_(days=1)
    for number in range(3, 6):
        audit.authorize(case_number=f"case-{number}")
    assert watching.step() == 0
    audit.authorize(case_number="case-6")
    assert watching.step() == 1
    assert alarms(audit)[0]["day"] == "2026-11-24"


def test_a_watch_that_begins_late_knows_the_whole_day(audit: AuditForTest) -> None:
    for number in range(4):
        audit.authorize(case_number=f"case-{number}")
    assert watch(audit).step() == 1


@pytest.mark.parametrize("at_once", [1, 2, 7])
def test_however_it_is_read_nothing_is_left_out(audit: AuditForTest, at_once: int) -> None:
    requests = StoredRequests(audit.running.engine)
    made = [audit.authorize(case_number=f"case-{number}") for number in range(5)]
    at, cases = requests.first_of(audit.clock.now().date()), []
    while True:
        found, following = requests.after(at, at_once)
        cases += [one.case_number for one in found]
        if following == at:
            break
        at = following
    assert cases == [f"case-{number}" for number in range(len(made))]


def test_reconciliation_watches(audit: AuditForTest) -> None:
    """The passes that come round in every audit process include this one."""
    reconciliation = audit.running.reconciliation
    reconciliation._fan_out = watch(audit, cases=1)
    audit.authorize(case_number="a")
    audit.authorize(case_number="b")
    assert reconciliation.step() == 1
