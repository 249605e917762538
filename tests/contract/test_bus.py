"""The bus contract. Only the ports are used, so every implementation passes it unchanged."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onrecord.chassis.bus.ports import (
    DEAD,
    LARGEST,
    PARKED,
    TRACE,
    Bus,
    Message,
    Partition,
    Position,
    Received,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.buses import (
    LEASE,
    MANY,
    ONE,
    PATIENCE,
    a_child,
    gather,
    in_a_child,
    open_bus,
    poll_until,
    said,
    soon,
    texts,
)


def refused(code: ErrorCode, attempt: Callable[[], object]) -> None:
    with pytest.raises(OnRecordError) as caught:
        attempt()
    assert caught.value.code is code, caught.value


@pytest.fixture(params=["sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:{tmp_path / 'bus'}"


@pytest.fixture
def bus(address: str) -> Iterator[Bus]:
    opened = open_bus(address)
    yield opened
    opened.close()


def publish(bus: Bus, *messages: Message) -> None:
    publisher = bus.publisher()
    publisher.publish(messages, soon())
    publisher.close()


def test_messages_of_a_key_keep_their_order(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", f"key {n % 7}") for n in range(70)))
    publish(bus, *(said(f"{n}", f"key {n % 7}") for n in range(70, 140)))
    found = gather(bus.consumer("g", [MANY]), 140)
    by_key: dict[str, list[int]] = defaultdict(list)
    for one in found:
        by_key[one.message.key].append(int(one.message.payload))
    assert {key: sorted(numbers) for key, numbers in by_key.items()} == by_key
    assert sorted(int(text) for text in texts(found)) == list(range(140))
    assert len({one.partition for one in found}) > 1
    places = {one.message.key: set[Partition]() for one in found}
    for one in found:
        places[one.message.key].add(one.partition)
    assert all(len(partitions) == 1 for partitions in places.values())


def test_a_message_comes_out_as_it_went_in(bus: Bus) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = Message(MANY, "US-UT/é", bytes(range(256)), {TRACE: trace, "onrecord-schema": "s"})
    publish(bus, sent)
    (received,) = gather(bus.consumer("g", [MANY]), 1)
    assert received.message == sent
    assert dict(received.message.headers) == dict(sent.headers)
    assert received.partition.topic == MANY
    assert received.published_at.tzinfo is not None


def test_offsets_rise(bus: Bus) -> None:
    publish(bus, *(said(f"{n}") for n in range(5)))
    offsets = [one.offset for one in gather(bus.consumer("g", [MANY]), 5)]
    assert offsets == sorted(set(offsets))


def test_what_was_published_outlives_the_process(address: str) -> None:
    """R-22: killed as soon as `publish` has returned, nothing is lost."""
    in_a_child("publish", address, "200", "10")
    bus = open_bus(address)
    found = gather(bus.consumer("g", [MANY]), 200)
    assert sorted(int(text) for text in texts(found)) == list(range(200))
    bus.close()


def test_a_crop_sized_payload_comes_whole(address: str, bus: Bus) -> None:
    in_a_child("publish", address, "5", "900000")
    found = gather(bus.consumer("g", [MANY]), 5)
    assert {len(one.message.payload) for one in found} == {900_000}


def test_what_is_too_large_is_refused_and_none_of_it_published(bus: Bus) -> None:
    largest = Message(ONE, "k", bytes(LARGEST))
    publish(bus, largest)
    larger = Message(ONE, "k", bytes(LARGEST + 1))
    wordy = Message(ONE, "k", b"", {"onrecord-schema": "s" * 20_000})
    refused(ErrorCode.MESSAGE_TOO_LARGE, lambda: publish(bus, said("a", topic=ONE), larger))
    refused(ErrorCode.MESSAGE_TOO_LARGE, lambda: publish(bus, said("a", topic=ONE), wordy))
    assert bus.lag("g", [ONE]) == {Partition(ONE, 0): 1}
    assert gather(bus.consumer("g", [ONE]), 1)[0].message == largest


def test_what_was_not_committed_is_read_again(address: str) -> None:
    """R-45: a consumer that ended between reading and committing has lost nothing."""
    bus = open_bus(address)
    publish(bus, *(said(f"{n}", topic=ONE) for n in range(10)))
    consumer = bus.consumer("g", [ONE])
    first = gather(consumer, 10)
    consumer.commit({first[0].partition: Position(first[4].offset)})
    bus.close()
    again = open_bus(address)
    consumer = again.consumer("g", [ONE])
    assert texts(gather(consumer, 6)) == ["4", "5", "6", "7", "8", "9"]
    assert consumer.poll(10, 0.0) == ()
    again.close()


def test_what_a_dead_process_had_in_hand_is_read_again(address: str) -> None:
    bus = open_bus(address)
    publish(bus, *(said(f"{n}", f"k{n}") for n in range(40)))
    in_a_child("read", address, "g", "40")
    consumer = bus.consumer("g", [MANY])
    found = poll_until([consumer], lambda: len(consumer.assigned()) == 4)
    found += gather(consumer, 40 - len(found))
    assert sorted(int(text) for text in texts(found)) == list(range(40))
    bus.close()


def test_a_poll_waits_for_the_first_message_of_another_process(address: str, bus: Bus) -> None:
    consumer = bus.consumer("g", [MANY])
    poll_until([consumer], lambda: len(consumer.assigned()) == 4)
    child = threading.Thread(target=in_a_child, args=("publish", address, "1", "1"))
    child.start()
    assert texts(consumer.poll(10, 20.0)) == ["0"]
    child.join()


def test_a_poll_gives_no_more_than_was_asked_for(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", f"k{n}") for n in range(20)))
    consumer = bus.consumer("g", [MANY])
    polled: list[int] = []
    while sum(polled) < 20:
        polled.append(len(consumer.poll(3, 5.0)))
    assert max(polled) == 3


def test_groups_do_not_disturb_each_other(bus: Bus) -> None:
    publish(bus, said("a"), said("b"))
    for group in ("detection", "gateway"):
        consumer = bus.consumer(group, [MANY])
        found = gather(consumer, 2)
        consumer.commit({found[0].partition: Position(found[1].offset + 1)})
        assert texts(found) == ["a", "b"]


def test_members_share_the_partitions(bus: Bus) -> None:
    one, other = bus.consumer("g", [MANY]), bus.consumer("g", [MANY])
    poll_until([one, other], lambda: len(one.assigned()) == len(other.assigned()) == 2)
    assert one.assigned().isdisjoint(other.assigned())
    publish(bus, *(said(f"{n}", f"k{n}") for n in range(40)))
    got: list[list[Received]] = [[], []]
    until = time.monotonic() + PATIENCE
    while sum(len(part) for part in got) < 40:
        assert time.monotonic() < until, got
        for consumer, part in zip((one, other), got, strict=True):
            part.extend(consumer.poll(100, 0.1))
    assert all(got)
    assert sorted(int(text) for part in got for text in texts(part)) == list(range(40))
    for consumer, part in zip((one, other), got, strict=True):
        assert {received.partition for received in part} <= consumer.assigned()


def test_one_more_member_than_partitions_has_nothing(bus: Bus) -> None:
    members = [bus.consumer("g", [ONE]) for _ in range(2)]
    poll_until(members, lambda: sorted(len(m.assigned()) for m in members) == [0, 1])


def test_a_member_that_leaves_is_replaced_at_once(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", f"k{n}") for n in range(40)))
    one = bus.consumer("g", [MANY])
    poll_until([one], lambda: len(one.assigned()) == 4)
    other = bus.consumer("g", [MANY])
    poll_until([one, other], lambda: len(other.assigned()) == 2)
    one.close()
    one.close()
    found = poll_until([other], lambda: len(other.assigned()) == 4)
    assert {received.partition for received in found} <= other.assigned()


def test_a_member_that_falls_silent_is_missed(address: str, bus: Bus) -> None:
    """Its process died in the middle: what it held goes to those who still poll."""
    consumer = bus.consumer("g", [MANY])
    poll_until([consumer], lambda: len(consumer.assigned()) == 4)
    publish(bus, *(said(f"{n}", f"k{n}") for n in range(40)))
    with a_child("read", address, "g", "0"):
        poll_until([consumer], lambda: len(consumer.assigned()) == 2)
    poll_until([consumer], lambda: len(consumer.assigned()) == 4)


def test_a_member_that_works_for_long_keeps_its_partitions(bus: Bus) -> None:
    """Working on a poll is not falling silent: its process answers for it."""
    one, other = bus.consumer("g", [MANY]), bus.consumer("g", [MANY])
    poll_until([one, other], lambda: len(one.assigned()) == len(other.assigned()) == 2)
    until = time.monotonic() + LEASE * 1.2
    poll_until([other], lambda: time.monotonic() > until)
    assert len(other.assigned()) == 2
    one.commit({partition: Position(0, "still mine") for partition in one.assigned()})


def test_whoever_lost_a_partition_can_commit_nothing_of_it(bus: Bus) -> None:
    """Fencing: a member that slept must not move the group over another's work."""
    publish(bus, *(said(f"{n}", f"k{n}") for n in range(40)))
    one = bus.consumer("g", [MANY])
    held = {received.partition: received.offset + 1 for received in gather(one, 40)}
    assert len(held) == 4
    other = bus.consumer("g", [MANY])
    poll_until([one, other], lambda: len(one.assigned()) == len(other.assigned()) == 2)
    every = {partition: Position(offset) for partition, offset in held.items()}
    refused(ErrorCode.BUS_REBALANCED, lambda: one.commit(every))
    assert all(one.position(partition).offset == 0 for partition in held), "all or nothing"
    kept = {partition: every[partition] for partition in one.assigned()}
    one.commit(kept)
    assert {partition: one.position(partition) for partition in kept} == kept


def test_a_new_owner_goes_on_where_the_group_stands(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", topic=ONE) for n in range(10)))
    one = bus.consumer("g", [ONE])
    found = gather(one, 10)
    one.commit({found[0].partition: Position(found[7].offset)})
    one.close()
    assert texts(gather(bus.consumer("g", [ONE]), 3)) == ["7", "8", "9"]


def test_a_note_is_kept_beside_the_offset(address: str, bus: Bus) -> None:
    publish(bus, said("a", topic=ONE))
    consumer = bus.consumer("g", [ONE])
    (received,) = gather(consumer, 1)
    partition = received.partition
    assert consumer.position(partition) == Position(0, "")
    noted = Position(received.offset, "tried twice, é" + "x" * 900)
    consumer.commit({partition: noted})
    assert consumer.position(partition) == noted
    consumer.close()
    again = open_bus(address)
    consumer = again.consumer("g", [ONE])
    assert texts(gather(consumer, 1)) == ["a"], "a note alone moves nobody"
    assert consumer.position(partition) == noted
    again.close()


def test_a_consumer_that_keeps_its_own_offsets_says_where_to_start(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", topic=ONE) for n in range(10)))
    first = bus.consumer("other", [ONE])
    offsets = [received.offset for received in gather(first, 10)]
    own = bus.consumer("g", [ONE], start=lambda _: offsets[6])
    assert texts(gather(own, 4)) == ["6", "7", "8", "9"]
    own.close()
    none = bus.consumer("h", [ONE], start=lambda _: None)
    assert len(gather(none, 10)) == 10


def test_seek_goes_back_and_forth(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", topic=ONE) for n in range(10)))
    consumer = bus.consumer("g", [ONE])
    found = gather(consumer, 10)
    consumer.seek(found[0].partition, found[3].offset)
    assert texts(consumer.poll(2, 5.0)) == ["3", "4"]
    consumer.seek(found[0].partition, found[8].offset)
    assert texts(gather(consumer, 2)) == ["8", "9"]
    refused(ErrorCode.BUS_REBALANCED, lambda: consumer.seek(Partition(MANY, 0), 0))


def test_whoever_has_polled_to_the_ends_has_polled_all(bus: Bus) -> None:
    """A short poll does not say so: messages may be on their way."""
    publish(bus, *(said(f"{n}", topic=ONE) for n in range(10)))
    consumer = bus.consumer("g", [ONE])
    poll_until([consumer], lambda: bool(consumer.assigned()))
    consumer.seek(Partition(ONE, 0), 0)
    ends = consumer.ends()
    assert ends == {Partition(ONE, 0): 10}
    found = gather(consumer, 7)
    assert not consumer.has_polled(ends)
    found += gather(consumer, 10 - len(found))
    assert consumer.has_polled(ends)
    publish(bus, said("more", topic=ONE))
    assert consumer.has_polled(ends)
    assert not consumer.has_polled(consumer.ends() or {})
    consumer.seek(Partition(ONE, 0), found[3].offset)
    assert not consumer.has_polled(ends)
    assert not consumer.has_polled({Partition(MANY, 0): 0}), "not this member's"


def test_lag_is_what_the_group_has_before_it(bus: Bus) -> None:
    publish(bus, *(said(f"{n}", topic=ONE) for n in range(10)))
    partition = Partition(ONE, 0)
    assert bus.lag("g", [ONE]) == {partition: 10}
    consumer = bus.consumer("g", [ONE])
    found = gather(consumer, 10)
    consumer.commit({partition: Position(found[7].offset)})
    assert bus.lag("g", [ONE]) == {partition: 3}
    consumer.commit({partition: Position(found[9].offset + 1)})
    assert bus.lag("g", [ONE, MANY]) == {
        partition: 0,
        **{Partition(MANY, number): 0 for number in range(4)},
    }


def test_a_topic_that_does_not_exist(bus: Bus) -> None:
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: publish(bus, said("a", topic="nowhere.v1")))
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: bus.consumer("g", ["nowhere.v1"]))
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: bus.partitions("nowhere.v1"))


def test_every_topic_has_a_parking_place_and_a_dead_letter_box(bus: Bus) -> None:
    assert (bus.partitions(MANY), bus.partitions(ONE)) == (4, 1)
    for topic in (MANY, ONE):
        publish(bus, said("p", topic=topic + PARKED), said("d", topic=topic + DEAD))
        for ending, text in ((PARKED, "p"), (DEAD, "d")):
            consumer = bus.consumer("g", [topic + ending])
            assert texts(gather(consumer, 1)) == [text]
            consumer.close()


def test_many_threads_publish_and_nothing_is_lost(bus: Bus) -> None:
    publisher = bus.publisher()

    def work(thread: int) -> None:
        for number in range(25):
            publisher.publish([said(f"{thread}/{number}", f"t{thread}")], soon())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    found = gather(bus.consumer("g", [MANY]), 200)
    by_key: dict[str, list[str]] = defaultdict(list)
    for one in found:
        by_key[one.message.key].append(one.message.payload.decode())
    assert by_key == {f"t{t}": [f"{t}/{number}" for number in range(25)] for t in range(8)}


def test_topics_of_several_kinds_in_one_call_and_one_consumer(bus: Bus) -> None:
    publish(bus, said("small", topic=ONE), said("large", topic=MANY))
    found = gather(bus.consumer("g", [ONE, MANY]), 2)
    assert sorted(texts(found)) == ["large", "small"]


def test_nothing_to_publish_is_published(bus: Bus) -> None:
    publish(bus)
    assert set(bus.lag("g", [ONE]).values()) == {0}


def test_no_time_left_is_said(bus: Bus) -> None:
    publisher = bus.publisher()
    past = Deadline.after(-1.0)
    refused(ErrorCode.DEADLINE_EXCEEDED, lambda: publisher.publish([said("late")], past))


def test_a_closed_bus_says_so(address: str) -> None:
    bus = open_bus(address)
    publisher, consumer = bus.publisher(), bus.consumer("g", [ONE])
    bus.close()
    bus.close()
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: publisher.publish([said("late")], soon()))
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: consumer.poll(1, 0.0))
    refused(ErrorCode.BUS_UNAVAILABLE, bus.publisher)
    refused(ErrorCode.BUS_UNAVAILABLE, lambda: bus.consumer("g", [ONE]))
