"""What is peculiar to the bus in SQLite files."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.chassis.bus.ports import DEAD, PARKED, Message, Partition, Position
from onrecord.chassis.bus.sqlite import SqliteBus, TopicFile
from onrecord.chassis.bus.sqlite.assignment import shared
from onrecord.chassis.bus.sqlite.connection import Connection
from onrecord.chassis.bus.sqlite.groups import Groups
from onrecord.chassis.bus.sqlite.life import Life
from onrecord.chassis.bus.sqlite.log import Log
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.buses import poll_until
from tests.unit.chassis.bus.workers import Times

T = "t.v1"
DAY = timedelta(hours=24)
P0 = Partition(T, 0)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    lived = Life(tmp_path / "alive")
    yield lived
    lived.end()


@pytest.fixture
def groups(tmp_path: Path, life: Life) -> Callable[[Times], Groups]:
    return lambda times: Groups(tmp_path / "g.sqlite", {T: 2}, life, 10.0, times.monotonic)


def test_a_member_that_no_longer_polls_is_missed(groups: Callable[[Times], Groups]) -> None:
    times = Times()
    here = groups(times)
    here.join("g", "one", [T])
    here.join("g", "two", [T])
    times.pass_(9.0)
    here.renew([("g", "two")])
    here.sweep("g")
    assert len(here.owned("g", "two")) == 1
    times.pass_(2.0)
    here.sweep("g")
    assert len(here.owned("g", "two")) == 2
    assert not here.is_member("g", "one")
    here.close()


def test_one_that_has_polled_and_never_again_is_missed_in_the_end(tmp_path: Path) -> None:
    """Its thread hangs while its process lives: patience ends, and others go on."""
    bus = SqliteBus(tmp_path, [TopicFile("f", {T: 2})], Times(), lease=0.2, patience=0.2)
    hangs, works = bus.consumer("g", [T]), bus.consumer("g", [T])
    poll_until([hangs, works], lambda: len(hangs.assigned()) == len(works.assigned()) == 1)
    (lost,) = hangs.assigned()
    poll_until([works], lambda: len(works.assigned()) == 2)
    with pytest.raises(OnRecordError) as caught:
        hangs.commit({lost: Position(1)})
    assert caught.value.code is ErrorCode.BUS_REBALANCED
    poll_until([hangs, works], lambda: len(hangs.assigned()) == 1)
    bus.close()


def test_an_open_bus_forgets_by_itself(tmp_path: Path) -> None:
    files = [TopicFile("f", {T: 1}, retention=DAY), TopicFile("kept", {"kept.v1": 1})]
    before, after = Times(), Times()
    first = SqliteBus(tmp_path, files, before)
    messages = [Message(topic, "k", b"old") for topic in (T, T + PARKED, T + DEAD, "kept.v1")]
    first.publisher().publish(messages, Deadline.after(30.0))
    first.close()
    after.pass_(25 * 3600)
    bus = SqliteBus(tmp_path, files, after, lease=0.03)
    topics = [message.topic for message in messages]
    until = time.monotonic() + 60.0
    while sum(bus.lag("g", topics).values()) > 2:
        assert time.monotonic() < until
        bus.consumer("other", [T]).poll(1, 0.02)
    left = {partition.topic: count for partition, count in bus.lag("g", topics).items()}
    assert left == {T: 0, T + PARKED: 0, T + DEAD: 1, "kept.v1": 1}
    bus.close()


def test_leases_from_before_the_machine_started_are_none(
    groups: Callable[[Times], Groups],
) -> None:
    before, after = Times(seconds=1_000_000.0), Times(seconds=60.0)
    groups(before).join("g", "old", [T])
    here = groups(after)
    here.join("g", "new", [T])
    assert len(here.owned("g", "new")) == 2


def test_the_dead_are_missed_at_once_by_whoever_joins(
    tmp_path: Path, groups: Callable[[Times], Groups]
) -> None:
    """A process that starts again after a crash need not wait for its own lease."""
    times = Times()
    dead = Life(tmp_path / "alive")
    Groups(tmp_path / "g.sqlite", {T: 2}, dead, 10.0, times.monotonic).join("g", "old", [T])
    here = groups(times)
    here.join("g", "waiting", [T])
    assert len(here.owned("g", "waiting")) == 1
    dead.end()
    here.join("g", "new", [T])
    assert len(here.owned("g", "new")) + len(here.owned("g", "waiting")) == 2


def test_a_partition_that_went_and_came_back_is_not_the_one_it_was(
    groups: Callable[[Times], Groups],
) -> None:
    """Fencing: what was read of it before, another has worked on since."""
    here = groups(Times())
    here.join("g", "one", [T])
    held = here.owned("g", "one")
    here.join("g", "zwei", [T])
    here.leave("g", "zwei")
    again = here.owned("g", "one")
    (moved,) = [partition for partition in held if held[partition] != again[partition]]
    here.commit("g", "one", again, {moved: Position(7)})
    with pytest.raises(OnRecordError) as caught:
        here.commit("g", "one", held, {moved: Position(3)})
    assert caught.value.code is ErrorCode.BUS_REBALANCED
    assert here.position("g", moved) == Position(7)


@given(
    held=st.dictionaries(st.integers(0, 11), st.sampled_from("abcdefg"), max_size=12),
    readers=st.sets(st.sampled_from("abcde"), min_size=1),
    others=st.sets(st.sampled_from("abcde")),
)
def test_partitions_are_shared_evenly_and_stay_where_they_can(
    held: dict[int, str], readers: set[str], others: set[str]
) -> None:
    """All owned, none by a stranger; nobody has two more than another; no needless move."""
    members = {m: ["a.v1"] * (m in readers) + ["b.v1"] * (m in others) for m in readers | others}
    before = {Partition("a.v1", number): member for number, member in held.items()}
    owners = shared(members, before, {"a.v1": 12, "b.v1": 1})
    of_a = {p: m for p, m in owners.items() if p.topic == "a.v1"}
    assert {p.number for p in of_a} == set(range(12))
    counts = {member: list(of_a.values()).count(member) for member in readers}
    assert sum(counts.values()) == 12
    assert max(counts.values()) - min(counts.values()) <= 1
    assert len([p for p in owners if p.topic == "b.v1"]) == bool(others)
    for partition, member in before.items():
        if member in readers and of_a[partition] != member:
            had = list(before.values()).count(member)
            assert had > 12 // len(readers), "taken from one who had no more than its share"


def test_every_commit_is_synced_to_disk(tmp_path: Path) -> None:
    """R-22: what a kill cannot show, a power failure would."""
    log = Log(tmp_path / "f.sqlite", {T: 1})
    raw = log._connection._raw
    assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    log.close()


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    """Bad input: a full disk."""
    log = Log(tmp_path / "f.sqlite", {T: 1})
    pages = sqlite3.connect(tmp_path / "f.sqlite").execute("PRAGMA page_count").fetchone()[0]
    connection: Connection = log._connection
    connection._raw.execute(f"PRAGMA max_page_count={pages + 3}")
    small, large = Message(T, "k", b"a"), Message(T, "k", bytes(100_000))
    times = Times()
    log.append([small], times.now(), 1.0)
    with pytest.raises(OnRecordError) as caught:
        log.append([small, large], times.now(), 1.0)
    assert caught.value.code is ErrorCode.STORAGE_FULL
    assert len(log.read(P0, 0, 10)) == 1
    log.append([small], times.now(), 1.0)
    assert [one.offset for one in log.read(P0, 0, 10)] == [0, 1]
    log.close()


def test_what_is_old_is_forgotten_and_no_offset_used_twice(tmp_path: Path) -> None:
    """Crops and templates stay on the bus for a day, their keys with them (R-46)."""
    times = Times()
    log = Log(tmp_path / "f.sqlite", {T: 1})
    log.append([Message(T, "k", b"%d" % n) for n in range(450)], times.now(), 1.0)
    times.pass_(3600)
    log.append([Message(T, "k", b"young")], times.now(), 1.0)
    times.pass_(23 * 3600 + 1)
    removed = []
    while some := log.forget(T, times.now() - DAY):
        removed.append(some)
    assert sum(removed) == 450
    assert max(removed) <= 200, "a little at a time, so that nobody waits for the lock"
    assert [(one.offset, one.message.payload) for one in log.read(P0, 0, 10)] == [(450, b"young")]
    assert log.ends(P0) == (450, 451)
    times.pass_(3600)
    log.forget(T, times.now() - DAY)
    assert log.ends(P0) == (451, 451)
    log.append([Message(T, "k", b"new")], times.now(), 1.0)
    assert [one.offset for one in log.read(P0, 0, 10)] == [451]
    log.close()


def test_a_consumer_goes_on_past_what_was_forgotten(tmp_path: Path) -> None:
    times = Times()
    bus = SqliteBus(tmp_path, [TopicFile("f", {T: 1}, retention=DAY)], times)
    publisher = bus.publisher()
    publisher.publish([Message(T, "k", b"old")] * 3, Deadline.after(30.0))
    log = Log(tmp_path / "f.sqlite", {T: 1})
    log.forget(T, times.now() + DAY)
    assert bus.lag("g", [T]) == {P0: 0}
    publisher.publish([Message(T, "k", b"new")], Deadline.after(30.0))
    assert bus.lag("g", [T]) == {P0: 1}
    consumer = bus.consumer("g", [T])
    (received,) = consumer.poll(10, 5.0)
    assert (received.offset, received.message.payload) == (3, b"new")
    bus.close()


def test_a_topic_keeps_the_partitions_it_was_made_with(tmp_path: Path) -> None:
    """With another number, the messages of a key would stand in two orders."""
    SqliteBus(tmp_path, [TopicFile("f", {T: 2})], Times()).close()
    bus = SqliteBus(tmp_path, [TopicFile("f", {T: 8, "new.v1": 8})], Times())
    assert (bus.partitions(T), bus.partitions(T + PARKED), bus.partitions("new.v1")) == (2, 2, 8)
    bus.close()


def test_a_file_that_is_none_is_a_bus_that_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "f.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(OnRecordError) as caught:
        SqliteBus(tmp_path, [TopicFile("f", {T: 2})], Times())
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
