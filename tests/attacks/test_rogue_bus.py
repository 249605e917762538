"""Attacker: runs the bus: reads, drops, repeats and writes what it likes. No service's key."""

from onrecord.chassis.bus.ports import SCHEMA, Message
from onrecord.contracts.events import GALLERY_CHANGED, SEARCH_EXECUTED
from tests.attacks.conftest import entries, kinds
from tests.builders.audit import SetClock, soon
from tests.builders.joined import Joined


def _later(joined: Joined, **duration: float) -> None:
    clock = joined.audit.clock
    assert isinstance(clock, SetClock)
    clock.pass_(**duration)
    joined.audit.take_in()
    joined.audit.running.reconciliation.step()


def test_a_receipt_that_was_dropped_is_missed_at_the_next(joined: Joined) -> None:
    """Law 3, R-23: until the next one comes the search stands as expired, and its result is out."""
    granted = joined.audit.authorize()
    joined.bus.drops.add(SEARCH_EXECUTED)
    assert joined.search(granted.entry).candidates
    _later(joined, minutes=10)
    assert kinds(joined.audit)[-1] == "search.expired"
    assert "alarm.raised" not in kinds(joined.audit)

    joined.bus.drops.clear()
    joined.world.clock.pass_by(minutes=10)
    joined.searched(1, case_number="the next")
    _later(joined, seconds=31)
    _later(joined, seconds=1)
    (alarm,) = [one for one in entries(joined.audit) if one["kind"] == "alarm.raised"]
    assert (alarm["what"], alarm["expected"], alarm["seen"]) == ("receipt_gap", 1, 2)


def test_a_gallery_change_that_was_dropped_is_missed_at_the_next(joined: Joined) -> None:
    """R-42, law 9: changes are numbered as receipts are; until the next one nobody knows."""
    joined.audit.take_in()
    before = kinds(joined.audit).count("gallery.enrolled")
    joined.bus.drops.add(GALLERY_CHANGED)
    joined.world.enrol(7)
    _later(joined, minutes=5)
    assert "alarm.raised" not in kinds(joined.audit)

    joined.bus.drops.clear()
    joined.world.enrol(8)
    _later(joined, seconds=1)
    _later(joined, seconds=31)
    assert kinds(joined.audit).count("gallery.enrolled") == before + 1
    (alarm,) = [one for one in entries(joined.audit) if one["kind"] == "alarm.raised"]
    assert (alarm["what"], alarm["gallery"]) == ("change_gap", "US-UT")
    assert (alarm["expected"], alarm["seen"]) == (before + 1, before + 2)


def test_possible_the_ledger_is_flooded_with_alarms(joined: Joined) -> None:
    """The attack succeeds: each different message that cannot be read is an entry of its own.

    What is behind them is read, and one that comes again is no second entry.
    """
    schema = "onrecord.events.v1.SearchExecuted"
    junk = [
        Message(SEARCH_EXECUTED, "US-UT", b"\xff%d" % (number % 10), {SCHEMA: schema})
        for number in range(20)
    ]
    joined.audit.bus.publisher().publish(junk, soon())
    joined.searched(1)
    assert kinds(joined.audit).count("alarm.raised") == 10
    assert kinds(joined.audit).count("search.executed") == 1
