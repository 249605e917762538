"""A member of a group in SQLite files whose disk fails in the middle: nothing is passed over."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from onrecord.chassis.bus.ports import Message, Partition, Received
from onrecord.chassis.bus.sqlite import SqliteBus, TopicFile
from onrecord.chassis.bus.sqlite.groups import Groups
from onrecord.chassis.bus.sqlite.log import Log
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.unit.chassis.bus.workers import Times

TOPICS = ("a.v1", "b.v1")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[SqliteBus]:
    opened = SqliteBus(tmp_path, [TopicFile("f", dict.fromkeys(TOPICS, 1))], Times())
    yield opened
    opened.close()


def broken() -> OnRecordError:
    return OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the disk does not answer")


@pytest.mark.parametrize("error", [broken(), sqlite3.OperationalError()])
def test_what_was_read_before_a_read_failed_is_polled_again(
    bus: SqliteBus, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """R-45: of two partitions one is read and the other is not; both are before it still."""
    consumer = bus.consumer("g", TOPICS)
    assert consumer.poll(10, 0.0) == ()
    bus.publisher().publish([Message(t, "k", b"1") for t in TOPICS], Deadline.after(30.0))
    read, calls = Log.read, list[Partition]()

    def once_failing(log: Log, partition: Partition, offset: int, limit: int) -> list[Received]:
        calls.append(partition)
        if len(calls) == 2:
            raise error
        return read(log, partition, offset, limit)

    monkeypatch.setattr(Log, "read", once_failing)
    with pytest.raises(type(error)):
        consumer.poll(10, 0.0)
    assert sorted(one.message.topic for one in consumer.poll(10, 0.0)) == list(TOPICS)


def test_a_share_that_could_not_be_learnt_is_learnt_by_the_next_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-45: what went to another is not thought to be this member's for good."""
    bus = SqliteBus(tmp_path, [TopicFile("f", {"a.v1": 2})], Times())
    consumer = bus.consumer("g", ["a.v1"])
    consumer.poll(10, 0.0)
    assert len(consumer.assigned()) == 2
    bus.consumer("g", ["a.v1"])
    owned, failed = Groups.owned, list[str]()

    def once_failing(groups: Groups, group: str, member: str) -> dict[Partition, int]:
        if not failed:
            failed.append(member)
            raise broken()
        return owned(groups, group, member)

    monkeypatch.setattr(Groups, "owned", once_failing)
    with pytest.raises(OnRecordError):
        consumer.poll(10, 0.0)
    consumer.poll(10, 0.0)
    assert len(consumer.assigned()) == 1
    bus.close()
