"""Topics of the bus's contract on a real Kafka: empty for every test, and no group left of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.kafka.clients import open_admin
from onrecord.chassis.bus.kafka.errors import error_in
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.kafka.topics import Durability, KafkaTopic, make
from onrecord.chassis.bus.ports import DEAD, PARKED
from tests.builders.buses import MANY, ONE, PATIENCE

ALONE = Durability(replicas=1, in_sync=1)
_DAY = timedelta(hours=24)
TOPICS = (
    KafkaTopic(MANY, 4, _DAY),
    KafkaTopic(MANY + PARKED, 4, _DAY),
    KafkaTopic(MANY + DEAD, 1, None),
    KafkaTopic(ONE, 1, None),
    KafkaTopic(ONE + PARKED, 1, None),
    KafkaTopic(ONE + DEAD, 1, None),
)

_NOT_YET = (
    KafkaError.NON_EMPTY_GROUP,
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)


def emptied(server: str, topics: tuple[KafkaTopic, ...] = TOPICS) -> str:
    """Remove all groups and these topics, and make the topics anew; the bus's address."""
    access = KafkaAccess((server,))
    admin = open_admin(access, KafkaTimes())
    until(lambda: not _groups_left(admin), "groups are still there")
    removed(admin, {one.name for one in topics})
    make(access, topics, ALONE)
    return f"kafka:{server}"


def until(holds: Callable[[], bool], says: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition; fails, with `says`, where it does not come to hold."""
    ends, pause = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < ends, says
        pause.wait(0.05)


def removed(admin: AdminClient, names: set[str]) -> None:
    """Remove those of these topics that are there."""
    there = names & topics_of(admin)
    if there:
        for one in admin.delete_topics(sorted(there)).values():
            one.result(PATIENCE)
        until(lambda: not there & topics_of(admin), "topics are still there")


def topics_of(admin: AdminClient) -> set[str]:
    return set(admin.list_topics(timeout=PATIENCE).topics)


def _groups_left(admin: AdminClient) -> bool:
    """Removes what can be removed; members that died have to be missed first."""
    listed = admin.list_consumer_groups().result(PATIENCE)
    if listed.errors:  # a broker that has just come reads them in first
        return True
    groups = [one.group_id for one in listed.valid]
    for one in admin.delete_consumer_groups(groups).values() if groups else ():
        try:
            one.result(PATIENCE)
        except KafkaException as error:
            assert error_in(error).code() in _NOT_YET, error
    return bool(groups)


@contextmanager
def closing_all() -> Iterator[None]:
    """Every bus that is opened within is closed in the end: the member of a group that a failed
    test left behind would keep its group alive, and the next test from beginning.
    """
    opened: list[KafkaBus] = []
    plain = KafkaBus.__init__

    def remembered(bus: KafkaBus, *given: Any, **named: Any) -> None:
        opened.append(bus)
        plain(bus, *given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KafkaBus, "__init__", remembered)
        yield
    for one in opened:
        one.close()
