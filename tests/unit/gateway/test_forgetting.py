"""What the gateway keeps for a time is let go of in time, without anybody asking or restarting."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from onrecord.chassis.database import read_transaction
from onrecord.chassis.jobs import Periodic
from onrecord.gateway.core.changes import ChangeNews
from onrecord.gateway.server import gateway_parts
from onrecord.gateway.settings import GatewaySettings
from onrecord.gateway.store import open_casework
from onrecord.gateway.store.galleries import GalleryStore, open_gallery_store
from onrecord.gateway.store.gallery_tables import enrolments, told_changes
from onrecord.gateway.store.tables import events
from onrecord.kernel.deadlines import Deadline
from tests.builders.gateway import Office
from tests.unit.gateway.test_enrolments import enrol, progress

KEPT = (events, enrolments, told_changes)
WAIT = {"Prefer": "wait=20"}


def held(office: Office) -> list[int]:
    """Rows of events, enrolments and told changes."""
    with read_transaction(office.parts.database) as tx:
        return [tx.execute(select(func.count()).select_from(one)).scalar_one() for one in KEPT]


def galleries(office: Office) -> GalleryStore:
    store = open_casework(office.parts.database, office.clock)
    return open_gallery_store(office.parts.database, store.events, office.clock)


def keys_of(office: Office) -> list[Any]:
    """The transport keys that the gateway under test has in memory."""
    seals = office.gateway.forgetting._seals
    return [*seals._held.values(), *seals._current.values()]


def until(reached: Callable[[], bool]) -> None:
    deadline, waited = Deadline.after(60), threading.Event()
    while not reached():
        deadline.check()
        waited.wait(0.01)


@contextmanager
def upkeep(office: Office, seconds: float) -> Iterator[None]:
    """The gateway's own periodic part at work, as its process starts it."""
    (part,) = [one for one in gateway_parts(office.gateway, seconds) if isinstance(one, Periodic)]
    part.start()
    try:
        yield
    finally:
        part.ask_to_stop()
        assert part.wait(10)


def test_what_is_over_is_forgotten_by_the_part_that_comes_round(office: Office) -> None:
    """R-40, R-46: events, told changes, ended enrolments and transport keys; by the clock."""
    with office.at_work():
        said = enrol(office, headers=WAIT).json()
    galleries(office).changes.tell([ChangeNews("US-UT", "c" * 64)])
    assert all(held(office))
    assert keys_of(office)
    office.clock.at += timedelta(days=29)
    with upkeep(office, 0.01):
        until(lambda: not keys_of(office))
        assert all(held(office)), "nothing is forgotten before its time"
        office.clock.at += timedelta(days=2)
        until(lambda: held(office) == [0, 0, 0])
    assert progress(office, said["enrolment_id"])["status"] == "live", "the roster knows it"


def test_thousands_are_forgotten_in_one_round(office: Office) -> None:
    """Some at a time, so that searches write in between; none is left for another round."""
    store = galleries(office)
    many = [ChangeNews("US-UT", f"{number:064x}") for number in range(2_500)]
    for start in range(0, len(many), 500):
        store.changes.tell(many[start : start + 500])
    assert held(office) == [2_500, 0, 2_500]
    office.clock.at += timedelta(days=31)
    office.gateway.forgetting.run()
    assert held(office) == [0, 0, 0]


def test_an_event_that_comes_after_it_was_forgotten_is_no_news_twice(office: Office) -> None:
    """A change told again while its event is there is not told twice."""
    store, news = galleries(office), ChangeNews("US-UT", "c" * 64)
    store.changes.tell([news])
    office.clock.at += timedelta(days=29)
    office.gateway.forgetting.run()
    store.changes.tell([news])
    assert held(office) == [1, 0, 1]


@pytest.mark.parametrize("days", [0, 1])
def test_enrolments_are_kept_longer_than_the_bus_repeats_them(days: int) -> None:
    """Or a late event would make them anew."""
    with pytest.raises(ValueError, match="enrolment_days"):
        GatewaySettings(enrolment_days=days)
