"""R-22: librdkafka itself, with brokers of its own, when it calls an error fatal."""

import ctypes
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, Producer

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.clients import open_producer
from onrecord.chassis.bus.kafka.outgoing import Outgoing
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.kafka.publisher import KafkaPublisher
from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import Message
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

LONG = 30.0
TIMES = KafkaTimes(delivery=2 * LONG, closing=1.0)
BEHIND_THE_HEAD = 16
"""Bytes into a client of confluent-kafka: where it keeps its `rd_kafka_t *`."""


class OwnBrokers(KafkaAccess):
    """One that librdkafka plays."""

    def options(self) -> dict[str, Any]:
        return {**super().options(), "test.mock.num.brokers": 1}


@dataclass
class World:
    """The producers that are made, in turn: each where the next of `places` says."""

    places: list[KafkaAccess]
    producers: list[Producer] = field(default_factory=list)

    def make(self) -> Outgoing:
        self.producers.append(open_producer(self.places[len(self.producers)], TIMES))
        return Outgoing(self.producers[-1])

    def break_the_last(self) -> None:
        """As it breaks where a broker says that a sequence has a gap."""
        place = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
        (library,) = place.glob("librdkafka*")
        handle = ctypes.c_void_p.from_address(id(self.producers[-1]) + BEHIND_THE_HEAD)
        break_it = ctypes.CDLL(str(library)).rd_kafka_test_fatal_error
        break_it.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
        break_it(handle, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"a gap")


@pytest.fixture
def nobody() -> Iterator[KafkaAccess]:
    """A port at which nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield KafkaAccess((f"127.0.0.1:{held.getsockname()[1]}",))


BROKERS = OwnBrokers(("127.0.0.1:1",))


def publish(publisher: KafkaPublisher) -> ErrorCode | None:
    try:
        publisher.publish([Message("topic", "key", b"one")], Deadline.after(LONG))
    except OnRecordError as error:
        return error.code
    return None


def publisher_on(*places: KafkaAccess) -> tuple[KafkaPublisher, World, Producing]:
    world = World(list(places))
    producing = Producing(world.make, lambda outgoing: outgoing.close(TIMES.closing))
    return KafkaPublisher(producing, lambda *_: 1, lambda: False), world, producing


def test_one_that_failed_for_good_is_replaced_by_the_next_publication() -> None:
    """At the latest after one that is told that it failed."""
    publisher, world, producing = publisher_on(BROKERS, BROKERS)
    assert publish(publisher) is None
    world.break_the_last()
    told = [publish(publisher) for _ in range(3)]
    assert told[0] in {None, ErrorCode.BUS_UNAVAILABLE}
    assert told[1:] == [None, None]
    assert len(world.producers) == 2
    producing.close()


def test_who_has_a_message_on_its_way_is_told_and_may_publish_it_again(
    nobody: KafkaAccess,
) -> None:
    publisher, world, producing = publisher_on(nobody, BROKERS)
    codes: list[ErrorCode | None] = []
    thread = threading.Thread(target=lambda: codes.append(publish(publisher)), daemon=True)
    thread.start()
    until, pause = Deadline.after(LONG), threading.Event()
    while not (world.producers and len(world.producers[0])):
        until.check()
        pause.wait(0.01)
    world.break_the_last()
    thread.join(2 * LONG)
    assert codes == [ErrorCode.BUS_UNAVAILABLE]
    assert publish(publisher) is None
    assert len(world.producers) == 2
    producing.close()


def test_one_that_failed_for_good_ends_without_a_word(nobody: KafkaAccess) -> None:
    world = World([nobody])
    outgoing = world.make()
    delivery = outgoing.send([Message("topic", "key", b"one")], Deadline.after(LONG))
    world.break_the_last()
    outgoing.close(TIMES.closing)
    assert delivery.is_told(LONG)
    assert [error.fatal() for error in delivery.failures] == [False]
