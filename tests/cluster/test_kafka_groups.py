"""What only Kafka has: members that stall and come back, and rebalances in the middle of work."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from deploy.local.running import Running
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.kafka.consumer import KafkaConsumer
from onrecord.chassis.bus.ports import Partition, Position, Received
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.buses import (
    KAFKA_TIMES,
    MANY,
    ONE,
    gather,
    in_a_child,
    open_bus,
    poll_until,
    said,
    soon,
    texts,
)
from tests.cluster.kafka_topics import emptied, until
from tests.cluster.test_kafka_faults import copier, in_time

SHORT = replace(KAFKA_TIMES, patience=2.5)
FORTY = [str(n) for n in range(40)]


def impatient(kafka: Running) -> KafkaBus:
    emptied(kafka.place.at("clients"))
    bus = KafkaBus(KafkaAccess((kafka.place.at("clients"),)), SHORT)
    bus.publisher().publish([said(text, f"k{text}") for text in FORTY], soon())
    return bus


def after(received: Sequence[Received]) -> dict[Partition, Position]:
    return {one.partition: Position(one.offset + 1) for one in received}


def numbers(received: Sequence[Received]) -> list[str]:
    return sorted(texts(received), key=int)


def refused(attempt: object, code: ErrorCode) -> None:
    with pytest.raises(OnRecordError) as caught:
        assert callable(attempt) and attempt()
    assert caught.value.code is code, caught.value


def test_who_works_beyond_patience_loses_all_and_can_commit_nothing(kafka: Running) -> None:
    """R-45: its process answers, but it does not poll; another goes on in its place."""
    bus = impatient(kafka)
    slow, other = bus.consumer("g", [MANY]), bus.consumer("g", [MANY])
    in_hand = gather(slow, 40) if not other.assigned() else []
    assert numbers(in_hand) == FORTY
    found = poll_until([other], lambda: len(other.assigned()) == 4)
    found += gather(other, 40 - len(found))
    assert numbers(found) == FORTY
    refused(lambda: slow.commit(after(in_hand)), ErrorCode.BUS_REBALANCED)
    assert {other.position(partition).offset for partition in after(in_hand)} == {0}
    other.commit(after(found))
    poll_until([slow, other], lambda: len(slow.assigned()) == len(other.assigned()) == 2)
    assert slow.poll(10, 0.2) == (), "what the other has finished does not come again"
    bus.close()


def test_what_was_lost_and_came_back_is_told_to_have_been_lost(kafka: Running) -> None:
    """Somebody else may have had it: for one poll it is not this member's, and begins anew."""
    bus = impatient(kafka)
    alone = bus.consumer("g", [MANY])
    assert numbers(gather(alone, 40)) == FORTY
    until(lambda: alone.ends() is None, "it is not put out")
    held = alone.assigned()
    polled: list[Received] = []
    seen: list[frozenset[Partition]] = []

    def is_back() -> bool:
        polled.extend(alone.poll(100, 0.1))
        seen.append(alone.assigned())
        return bool(seen[-1] == held and frozenset() in seen)

    until(is_back, "it does not come back")
    polled += gather(alone, 40 - len(polled))
    assert numbers(polled) == FORTY, "not committed, so read again, once"
    alone.commit(after(polled))
    assert set(bus.lag("g", [MANY]).values()) == {0}
    bus.close()


def test_members_that_come_and_go_in_the_middle_of_work(kafka: Running) -> None:
    """R-45: who leaves in order finishes and commits; each message is worked on exactly once."""
    address = emptied(kafka.place.at("clients"))
    bus = open_bus(address)
    sent = [str(n) for n in range(1500)]
    stopped = threading.Event()

    def publish() -> None:
        publisher = bus.publisher()
        for start in range(0, len(sent), 10):
            some = sent[start : start + 10]
            publisher.publish([said(text, f"k{int(text) % 13}") for text in some], soon())
            stopped.wait(0.02)

    thread = threading.Thread(target=publish)
    thread.start()
    buses = [open_bus(address) for _ in range(3)]
    first, second, third = (copier(one) for one in buses)
    first.start()
    in_time(lambda: copied(bus) > 100, "the first does not work")
    second.start()
    in_time(lambda: copied(bus) > 400, "two do not work")
    assert first.stop(30.0)
    third.start()
    thread.join()
    in_time(lambda: sum(bus.lag("copiers", [MANY]).values()) == 0, "it is not worked on")
    assert second.stop(30.0)
    assert third.stop(30.0)
    found = gather(bus.consumer("g", [ONE]), copied(bus))
    assert numbers(found) == sent
    for key in {one.message.key for one in found}:
        of_it = [int(one.message.payload) for one in found if one.message.key == key]
        assert of_it == sorted(of_it), f"the order of {key}"
    for one in (*buses, bus):
        one.close()


def test_a_member_that_is_killed_in_the_middle_of_work_loses_nothing(kafka: Running) -> None:
    address = emptied(kafka.place.at("clients"))
    bus = open_bus(address)
    bus.publisher().publish([said(str(n), f"k{n}") for n in range(300)], soon())
    in_a_child("read", address, "copiers", "100")
    worker = copier(bus)
    worker.start()
    in_time(lambda: sum(bus.lag("copiers", [MANY]).values()) == 0, "it is not worked on")
    assert worker.stop(30.0)
    found = gather(bus.consumer("g", [ONE]), copied(bus))
    assert numbers(found) == [str(n) for n in range(300)]
    bus.close()


def copied(bus: KafkaBus | object) -> int:
    assert isinstance(bus, KafkaBus)
    return sum(bus.lag("nobody", [ONE]).values())


def rests(members: Sequence[KafkaConsumer]) -> bool:
    """Whether nothing is shared out anew for three seconds."""
    before = [one._membership.shares for one in members]
    threading.Event().wait(3)
    return before == [one._membership.shares for one in members]


def test_two_that_poll_now_and_then_come_to_rest(kafka: Running) -> None:
    """R-45: who joins a group between two polls has joined it; else all of them would share out
    their partitions anew, again and again, and work on hardly anything.
    """
    emptied(kafka.place.at("clients"))
    # A join has two heartbeats to end in, on a machine that does much else besides.
    times = replace(KAFKA_TIMES, session=4.0, heartbeat=1.0)
    bus = KafkaBus(KafkaAccess((kafka.place.at("clients"),)), times)
    members = [bus.consumer("g", [MANY]) for _ in range(2)]
    over = threading.Event()

    def at_leisure(number: int) -> None:
        while not over.wait(0.3):
            members[number].poll(10, 0.0)

    threads = [threading.Thread(target=at_leisure, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: [len(one.assigned()) for one in members] == [2, 2], "not shared out")
        until(lambda: rests(members), "the group does not come to rest", seconds=20)
    finally:
        over.set()
        for thread in threads:
            thread.join()
        bus.close()
