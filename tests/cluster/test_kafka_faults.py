"""What only Kafka has: brokers that die and come back under those who publish and read."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from deploy.local.running import Running
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.outcomes import Done, Outcome
from onrecord.chassis.bus.ports import DEAD, Bus, Message, Position, Received
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.worker import Worker
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from tests.builders.buses import KAFKA_TIMES, MANY, ONE, gather, open_bus, said, soon, texts
from tests.cluster.kafka_topics import emptied, until

LONG = 120.0


def patient(kafka: Running) -> KafkaBus:
    """A bus whose producer goes on through a restart of the broker."""
    emptied(kafka.place.at("clients"))
    times = replace(KAFKA_TIMES, delivery=LONG)
    return KafkaBus(KafkaAccess((kafka.place.at("clients"),)), times)


def test_what_was_acknowledged_outlives_the_broker_once_and_in_order(kafka: Running) -> None:
    """R-22, R-45: SIGKILL under a publisher; nothing lost, nothing twice, in the order of the key.

    Each is published by one call, which spans the death: the broker knows a repetition.
    """
    bus = patient(kafka)
    publisher, acknowledged, enough = bus.publisher(), list[str](), threading.Event()
    failed: list[OnRecordError] = []

    def publish() -> None:
        try:
            while not enough.is_set():
                ten = [str(len(acknowledged) + n) for n in range(10)]
                publisher.publish([said(text) for text in ten], Deadline.after(LONG))
                acknowledged.extend(ten)
        except OnRecordError as error:
            failed.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    until(lambda: len(acknowledged) >= 200 or bool(failed), "nothing was published")
    kafka.kill()
    kafka.start()
    before = len(acknowledged)
    until(lambda: len(acknowledged) >= before + 200 or bool(failed), "no more", LONG)
    enough.set()
    thread.join()
    assert not failed
    assert texts(gather(bus.consumer("g", [MANY]), len(acknowledged))) == acknowledged
    # Who asks a moment after the brokers are back may hear once more that they are away.
    in_time(lambda: lag(bus, "nobody", MANY) == len(acknowledged), "not as many as acknowledged")
    bus.close()


def copy_to_one(poll: Sequence[Received]) -> list[Outcome]:
    return [Done((replace(one.message, topic=ONE),)) for one in poll]


def no_letter(received: Received, error: OnRecordError, attempts: int) -> Message:
    return Message(received.message.topic + DEAD, "", error.code.value.encode())


def copier(bus: Bus, limit: int = 8) -> Worker:
    settings = WorkerSettings(limit=limit, wait=0.1, pauses=(0.2,))
    return Worker(
        bus,
        group="copiers",
        topics=[MANY],
        handler=copy_to_one,
        dead_letter=no_letter,
        clock=SystemClock(),
        settings=settings,
    )


def in_time(holds: Callable[[], bool], says: str) -> None:
    until(holds, says, LONG)


def lag(bus: Bus, group: str, topic: str) -> int | None:
    """None while nobody answers."""
    try:
        return sum(bus.lag(group, [topic]).values())
    except OnRecordError:
        return None


def test_a_worker_goes_on_after_the_broker_was_killed(kafka: Running) -> None:
    """R-45: whatever it had in hand is worked on; the trouble is told while it lasts."""
    bus = patient(kafka)
    publisher = bus.publisher()
    publisher.publish([said(str(n), f"k{n % 7}") for n in range(1000)], soon())
    worker = copier(bus)
    worker.start()
    in_time(lambda: (lag(bus, "nobody", ONE) or 0) > 50, "the worker does not work")
    kafka.kill()
    in_time(lambda: worker.last_error is not None, "nobody says that the broker is away")
    error = worker.last_error
    kafka.start()
    in_time(lambda: lag(bus, "copiers", MANY) == 0, "it is not worked on")
    in_time(lambda: worker.last_error is None, "it is told that the broker is away")
    assert worker.stop(30.0)
    assert error is not None
    assert error.code is ErrorCode.BUS_UNAVAILABLE
    left = lag(bus, "nobody", ONE)
    assert left is not None
    found = texts(gather(bus.consumer("g", [ONE]), left))
    assert {int(text) for text in found} == set(range(1000))
    assert sum(bus.lag("nobody", [MANY + DEAD]).values()) == 0
    bus.close()


def test_while_the_broker_is_away_everyone_says_so_in_bounded_time(kafka: Running) -> None:
    bus = open_bus(emptied(kafka.place.at("clients")))
    publisher = bus.publisher()
    publisher.publish([said("a", topic=ONE)], soon())
    consumer = bus.consumer("g", [ONE])
    (first,) = gather(consumer, 1)
    kafka.kill()
    try:
        for attempt, codes in (
            (
                lambda: publisher.publish([said("late", topic=ONE)], Deadline.after(1.0)),
                {ErrorCode.DEADLINE_EXCEEDED, ErrorCode.BUS_UNAVAILABLE},
            ),
            (
                lambda: consumer.commit({first.partition: Position(first.offset + 1)}),
                {ErrorCode.BUS_UNAVAILABLE, ErrorCode.BUS_REBALANCED},
            ),
            (lambda: _polled_for_long(consumer.poll), {ErrorCode.BUS_UNAVAILABLE}),
            (lambda: bus.lag("g", [ONE]), {ErrorCode.BUS_UNAVAILABLE}),
            (lambda: bus.consumer("h", [ONE]), {ErrorCode.BUS_UNAVAILABLE}),
            (lambda: open_bus(f"kafka:{kafka.place.at('clients')}").partitions(ONE), _AWAY),
        ):
            with pytest.raises(OnRecordError) as caught:
                attempt()
            assert caught.value.code in codes, caught.value
        closed = threading.Thread(target=bus.close)
        closed.start()
        closed.join(30.0)
        assert not closed.is_alive()
    finally:
        kafka.start()
    again = open_bus(f"kafka:{kafka.place.at('clients')}")
    found = gather(again.consumer("g", [ONE]), 1)
    assert texts(found) == ["a"], "what was not committed is read again"
    again.close()


_AWAY = {ErrorCode.BUS_UNAVAILABLE}


def _polled_for_long(poll: Callable[[int, float], object]) -> None:
    """A broker is looked for every few seconds, and not at each poll."""
    for _ in range(100):
        poll(1, 0.2)
