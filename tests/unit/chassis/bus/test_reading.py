"""What a reader has in hand is not lost where its consumer cannot go back at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from onrecord.chassis.bus.ports import Consumer, Message, Partition, Position, Received
from onrecord.chassis.bus.reading import Item, Reading
from onrecord.kernel.errors import ErrorCode, OnRecordError

ONE, TWO = Partition("t", 0), Partition("t", 1)
AT = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Stuck:
    """A consumer of two partitions with five messages each; `away`: those it cannot seek."""

    away: set[Partition] = field(default_factory=set)
    following: dict[Partition, int] = field(default_factory=lambda: {ONE: 0, TWO: 0})
    lost: set[Partition] = field(default_factory=set)
    unknown: set[Partition] = field(default_factory=set)

    def poll(self, limit: int, seconds: float) -> tuple[Received, ...]:
        found = []
        for partition in self.assigned():
            for at in range(self.following[partition], min(5, self.following[partition] + limit)):
                found.append(Received(Message("t", "k", b""), partition, at, AT))
                self.following[partition] = at + 1
        return tuple(sorted(found, key=lambda one: (one.partition, one.offset)))

    def assigned(self) -> frozenset[Partition]:
        return frozenset(self.following.keys() - self.lost)

    def position(self, partition: Partition) -> Position:
        if partition in self.unknown:
            raise away()
        return Position(0)

    def commit(self, positions: Mapping[Partition, Position]) -> None: ...

    def seek(self, partition: Partition, offset: int) -> None:
        if partition in self.away:
            raise away()
        self.following[partition] = offset


def away() -> OnRecordError:
    return OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the last commit has no answer yet")


def reads(consumer: Stuck) -> Reading:
    return Reading(cast(Consumer, consumer))


def places(polled: tuple[Received, ...]) -> list[tuple[int, int]]:
    return [(one.partition.number, one.offset) for one in polled]


def item(one: Received) -> Item:
    return Item(one, 0, AT, one.partition, one.offset)


def unavailable(attempt: Callable[[], object]) -> None:
    with pytest.raises(OnRecordError) as caught:
        attempt()
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE


def test_nothing_is_read_out_of_a_partition_that_is_still_to_go_back() -> None:
    """R-45: one that cannot keeps no other from it, and goes back before it is read on."""
    consumer = Stuck()
    reading = reads(consumer)
    first = reading.poll(2, 0.0)
    assert places(first) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    reading.finish([item(first[0])])
    consumer.away = {ONE}
    unavailable(reading.rewind)
    assert consumer.following == {ONE: 2, TWO: 0}
    for _ in range(2):
        unavailable(lambda: reading.poll(1, 0.0))
        unavailable(reading.rewind)
    consumer.away = set()
    assert places(reading.poll(10, 0.0)) == [(0, n) for n in range(1, 5)] + [
        (1, n) for n in range(5)
    ]


def test_what_is_lost_before_it_could_go_back_is_another_members() -> None:
    """R-45: its new owner reads it; and come back, it is read from where its group stands."""
    consumer = Stuck()
    reading = reads(consumer)
    reading.poll(2, 0.0)
    consumer.away = {ONE}
    unavailable(reading.rewind)
    consumer.lost = {ONE}
    assert places(reading.poll(1, 0.0)) == [(1, 0)]
    consumer.lost, consumer.following[ONE] = set(), 4
    assert places(reading.poll(1, 0.0)) == [(0, 4), (1, 1)]


def test_one_that_could_not_be_set_back_is_polled_again() -> None:
    """R-45: nobody holds it any more, and it is not finished."""
    consumer = Stuck()
    reading = reads(consumer)
    polled = reading.poll(1, 0.0)
    reading.finish([item(polled[1])])
    consumer.away = {ONE}
    unavailable(lambda: reading.set_back(ONE, 0))
    unavailable(reading.rewind)
    consumer.away = set()
    assert places(reading.poll(1, 0.0)) == [(0, 0), (1, 1)]


def test_what_was_polled_while_a_position_was_not_to_be_had_is_polled_again() -> None:
    """R-45: it was in nobody's hand yet, and the consumer had gone on."""
    consumer = Stuck(unknown={ONE})
    reading = reads(consumer)
    unavailable(lambda: reading.poll(2, 0.0))
    reading.rewind()
    consumer.unknown = set()
    assert places(reading.poll(1, 0.0)) == [(0, 0), (1, 0)]
