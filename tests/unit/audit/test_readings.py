"""R-43, R-23: what the ledger tells of itself, and that it says so when the law is not settled."""

import threading
from collections.abc import Callable

from onrecord.chassis.telemetry import Value
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.tiles import CHECKPOINT_PATH
from tests.builders.audit import AuditForTest, SetClock, soon

_PATIENCE = 60.0


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline, waited = Deadline.after(_PATIENCE), threading.Event()
    while not holds():
        deadline.check()
        waited.wait(0.02)


def told(audit: AuditForTest) -> dict[str, float]:
    """Every gauge as it stands, by its name and labels."""
    values: list[Value] = [one for reading in audit.running.readings for one in reading.read()]
    return {
        one.gauge.name.removeprefix("onrecord_")
        + "".join(f"/{value}" for value in one.labels.values()): one.value
        for one in values
    }


def test_a_grant_is_open_until_its_end_and_overdue_when_it_does_not_come(
    audit: AuditForTest,
) -> None:
    before = told(audit)
    assert before["grants_open"] == before["grants_without_end"] == 0
    audit.authorize()
    assert told(audit)["grants_open"] == 1
    assert isinstance(audit.clock, SetClock)
    audit.clock.pass_(minutes=30)
    assert told(audit)["grants_without_end"] == 1
    audit.take_in()
    audit.running.reconciliation.step()
    after = told(audit)
    assert after["grants_open"] == after["grants_without_end"] == 0


def test_a_receipt_that_waits_for_another_is_a_gap(audit: AuditForTest) -> None:
    first, second = audit.authorize().entry, audit.authorize().entry
    missing = audit.receipt(first)
    audit.publish(audit.receipt(second))
    audit.take_in()
    assert told(audit)["receipts_held/US-UT"] == 1
    audit.publish(missing)
    audit.take_in()
    assert "receipts_held/US-UT" not in told(audit)


def test_the_age_and_size_of_the_log(audit: AuditForTest) -> None:
    audit.authorize()
    audit.running.ledger.publish()
    assert isinstance(audit.clock, SetClock)
    audit.clock.pass_(seconds=40)
    now = told(audit)
    assert now["ledger_size_entries"] > 0
    assert now["ledger_unpublished_entries"] == 0
    assert 40 <= now["ledger_checkpoint_age_seconds"] < 60
    assert "ledger_witness_age_seconds" not in now


def test_policies_say_how_long_they_last(audit: AuditForTest) -> None:
    now = told(audit)
    assert now["policy_expiry_seconds/US-UT"] > 0
    assert now["policies_unusable"] == 0
    assert isinstance(audit.clock, SetClock)
    audit.clock.pass_(days=4000)
    assert told(audit)["policy_expiry_seconds/US-UT"] < 0


def test_a_quota_that_is_nearly_used_is_told(audit: AuditForTest) -> None:
    """R-9: before the requests are refused, not after."""
    name = "quotas_nearly_used/US-UT/per_person_per_day"
    assert told(audit)[name] == 0
    for n in range(19):  # of 20 a day
        audit.authorize(case_number=f"26-{n}", probe=f"{n:064x}")
    assert told(audit)[name] == 0  # read once a minute
    assert isinstance(audit.clock, SetClock)
    audit.clock.pass_(seconds=61)
    assert told(audit)[name] == 1


def test_an_alarm_is_told_for_six_hours_by_whichever_process_is_asked(audit: AuditForTest) -> None:
    """R-25: also by one that has just started, since it stands in the ledger."""
    assert isinstance(audit.clock, SetClock)
    late = audit.receipt(audit.authorize().entry)
    audit.clock.pass_(minutes=30)
    audit.take_in()
    audit.running.reconciliation.step()
    assert told(audit)["ledger_alarms_recent/receipt"] == 0
    audit.told(late)
    assert told(audit)["ledger_alarms_recent/receipt"] == 1
    again = audit.reopen()
    assert told(again)["ledger_alarms_recent/receipt"] == 1
    audit.clock.pass_(hours=5, minutes=59)
    assert told(again)["ledger_alarms_recent/receipt"] == 1
    audit.clock.pass_(minutes=2)
    assert told(again)["ledger_alarms_recent/receipt"] == 0
    assert told(again.reopen())["ledger_alarms_recent/receipt"] == 0


def test_a_key_of_a_state_is_told_when_it_is_pinned(audit: AuditForTest) -> None:
    assert isinstance(audit.clock, SetClock)
    assert told(audit)["authority_keys_changed_recent"] == 3
    audit.clock.pass_(hours=7)
    assert told(audit)["authority_keys_changed_recent"] == 0
    key = audit.state_keys["US-CA"].verifier.text
    audit.service.pin_authority_key("US-CA", key, audit.operator(), soon())
    assert told(audit)["authority_keys_changed_recent"] == 1


def test_a_ledger_that_is_stopped_says_so(audit: AuditForTest) -> None:
    """Law 4: what is published is not ours, so nothing is appended."""
    assert told(audit)["ledger_stopped"] == 0
    audit.objects.put(CHECKPOINT_PATH, b"somebody else's")
    audit.authorize()
    until(lambda: told(audit)["ledger_stopped"] == 1)


def test_the_size_of_the_database_and_the_room_on_its_disk(audit: AuditForTest) -> None:
    now = told(audit)
    assert now["ledger_database_bytes"] > 10_000
    if audit.running.engine.dialect.name == "sqlite":
        assert now["ledger_disk_free_bytes"] > 0
    else:
        assert "ledger_disk_free_bytes" not in now
