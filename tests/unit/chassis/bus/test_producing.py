"""R-22: a producer that has gone silent is replaced, and no other."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.kafka.publisher import KafkaPublisher
from onrecord.chassis.bus.ports import Message
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

PATIENCE = 20.0


@dataclass
class Future:
    """What kafka-python gives for a message; `is_done` never where nobody answers."""

    is_done: bool

    def get(self, timeout: float) -> None:
        if not self.is_done:
            raise TimeoutError(timeout)


@dataclass(eq=False)
class Producer:
    """As kafka-python's, as far as it is used."""

    works: bool
    given: list[bytes] = field(default_factory=list)

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Any) -> Future:
        assert topic and key is not None and headers is not None
        self.given.append(value)
        return Future(self.works)


@dataclass
class World:
    """The clock, and what was made and ended."""

    time: float = 100.0
    works: bool = True
    made: list[Producer] = field(default_factory=list)
    ended: list[Producer] = field(default_factory=list)

    def make(self) -> Producer:
        self.made.append(Producer(self.works))
        return self.made[-1]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def publisher(world: World) -> KafkaPublisher:
    producing = Producing(world.make, world.ended.append, PATIENCE, lambda: world.time)
    return KafkaPublisher(producing, lambda _: 1, lambda: False)


def publish(publisher: KafkaPublisher) -> ErrorCode | None:
    try:
        publisher.publish([Message("topic", "key", b"one", {})], Deadline.after(5.0))
    except OnRecordError as error:
        return error.code
    return None


def test_one_that_answers_is_kept(publisher: KafkaPublisher, world: World) -> None:
    for _ in range(3):
        assert publish(publisher) is None
        world.time += PATIENCE
    assert len(world.made) == 1
    assert not world.ended


def test_one_that_goes_silent_is_replaced_when_patience_is_over(
    publisher: KafkaPublisher, world: World
) -> None:
    assert publish(publisher) is None
    (silent,) = world.made
    silent.works = False
    assert publish(publisher) is ErrorCode.DEADLINE_EXCEEDED
    world.time += PATIENCE - 1
    assert publish(publisher) is ErrorCode.DEADLINE_EXCEEDED
    assert not world.ended, "it may come back yet"
    world.time += 1
    assert publish(publisher) is ErrorCode.DEADLINE_EXCEEDED
    assert world.ended == [silent]
    assert publish(publisher) is None
    assert len(world.made) == 2


def test_an_answer_in_between_is_an_answer(publisher: KafkaPublisher, world: World) -> None:
    assert publish(publisher) is None
    (slow,) = world.made
    for works in (False, True, False, True):
        slow.works = works
        publish(publisher)
        world.time += PATIENCE - 1
    assert not world.ended


def test_who_comes_late_ends_no_other(world: World) -> None:
    producing = Producing(world.make, world.ended.append, PATIENCE, lambda: world.time)
    first = producing.producer(Deadline.after(5.0))
    producing.discard(first)
    second = producing.producer(Deadline.after(5.0))
    producing.discard(first)
    producing.not_published(first, world.time - PATIENCE)
    assert producing.producer(Deadline.after(5.0)) is second
    assert world.ended == [first]
    producing.close()
    assert world.ended == [first, second]
