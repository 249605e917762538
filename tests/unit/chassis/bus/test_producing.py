"""R-22: what is told as published was; a producer that has failed for good is replaced."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Producer

from onrecord.chassis.bus.kafka.outgoing import Outgoing
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.kafka.publisher import KafkaPublisher
from onrecord.chassis.bus.ports import Message
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

LONG = 30.0
Told = Callable[[KafkaError | None, object], None]


def failed(code: int, fatal: bool = False) -> KafkaError:
    return KafkaError(code, None, fatal)


@dataclass(eq=False)
class Client:
    """A producer as librdkafka's: what becomes of a message is told in `poll` and `flush`.

    `becomes`: of each payload, the error that it ends with; None where it is published. `full`:
    how often there is no room.
    """

    becomes: Callable[[bytes], KafkaError | None] = lambda _: None
    refuses: KafkaError | None = None
    full: int = 0
    answers: threading.Event = field(default_factory=threading.Event)
    given: list[tuple[bytes, Told]] = field(default_factory=list)
    is_ended: bool = False

    def produce(
        self, topic: str, value: bytes, key: bytes, *, on_delivery: Told, headers: Any
    ) -> None:
        assert topic and key is not None and headers is not None
        if self.full:
            self.full -= 1
            raise BufferError("full")
        if self.refuses is not None:
            raise KafkaException(self.refuses)
        self.given.append((value, on_delivery))

    def poll(self, seconds: float) -> int:
        if self.answers.wait(0.01):
            self._tell(self.becomes)
        return 0

    def flush(self, seconds: float) -> int:
        return len(self.given)

    def purge(self) -> None:
        self.is_ended = True
        self._tell(lambda _: failed(KafkaError._PURGE_QUEUE))

    def _tell(self, becomes: Callable[[bytes], KafkaError | None]) -> None:
        given, self.given = self.given, []
        for value, told in given:
            told(becomes(value), None)


@dataclass
class World:
    """The producers that are made, in turn."""

    clients: list[Client]
    made: list[Outgoing] = field(default_factory=list)
    ended: list[Outgoing] = field(default_factory=list)

    def make(self) -> Outgoing:
        self.made.append(Outgoing(cast(Producer, self.clients[len(self.made)])))
        return self.made[-1]

    def end(self, outgoing: Outgoing) -> None:
        outgoing.close(LONG)
        self.ended.append(outgoing)


def answering(**given: Any) -> Client:
    client = Client(**given)
    client.answers.set()
    return client


def publisher_on(*clients: Client) -> tuple[KafkaPublisher, World, Producing]:
    world = World(list(clients))
    producing = Producing(world.make, world.end)
    return KafkaPublisher(producing, lambda _: 1, lambda: False), world, producing


def publish(publisher: KafkaPublisher, *payloads: bytes, seconds: float = LONG) -> ErrorCode | None:
    messages = [Message("topic", "key", payload, {"a": "b"}) for payload in payloads or (b"one",)]
    try:
        publisher.publish(messages, Deadline.after(seconds))
    except OnRecordError as error:
        return error.code
    return None


def test_it_is_published_when_all_are_told_so() -> None:
    publisher, world, producing = publisher_on(answering())
    for _ in range(3):
        assert publish(publisher, b"1", b"2", b"3") is None
    assert len(world.made) == 1
    producing.close()
    assert world.ended == world.made


def test_one_that_failed_is_told_among_many_and_the_producer_kept() -> None:
    def becomes(payload: bytes) -> KafkaError | None:
        return failed(KafkaError._MSG_TIMED_OUT) if payload == b"2" else None

    publisher, world, producing = publisher_on(answering(becomes=becomes))
    assert publish(publisher, b"1", b"2", b"3") is ErrorCode.BUS_UNAVAILABLE
    assert publish(publisher, b"1", b"3") is None
    assert not world.ended
    producing.close()


def test_who_waits_no_longer_is_told_so_and_another_may_wait_on() -> None:
    client = Client()
    publisher, world, producing = publisher_on(client)
    assert publish(publisher, seconds=0.05) is ErrorCode.DEADLINE_EXCEEDED
    client.answers.set()
    assert publish(publisher) is None
    assert not world.ended
    producing.close()


def test_one_that_failed_for_good_is_replaced() -> None:
    def becomes(_: bytes) -> KafkaError | None:
        return failed(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, fatal=True)

    publisher, world, producing = publisher_on(answering(becomes=becomes), answering())
    assert publish(publisher) is ErrorCode.BUS_UNAVAILABLE
    assert world.ended == world.made
    assert publish(publisher) is None
    assert len(world.made) == 2
    producing.close()


def test_one_that_takes_nothing_any_more_is_replaced() -> None:
    gone = answering(refuses=failed(KafkaError._FATAL, fatal=True))
    publisher, world, producing = publisher_on(gone, answering())
    assert publish(publisher, b"1", b"2") is ErrorCode.BUS_UNAVAILABLE
    assert publish(publisher) is None
    assert len(world.made) == 2
    producing.close()


def test_too_large_for_the_brokers_is_the_messages_own_fault() -> None:
    becomes = failed(KafkaError.MSG_SIZE_TOO_LARGE)
    publisher, world, producing = publisher_on(answering(becomes=lambda _: becomes))
    assert publish(publisher) is ErrorCode.MESSAGE_TOO_LARGE
    assert not world.ended
    producing.close()


def test_where_there_is_no_room_room_is_waited_for_until_the_deadline() -> None:
    publisher, _, producing = publisher_on(answering(full=3))
    assert publish(publisher, b"1", b"2") is None
    producing.close()
    publisher, _, producing = publisher_on(Client(full=10**9))
    assert publish(publisher, b"1", b"2", seconds=0.05) is ErrorCode.BUS_UNAVAILABLE
    producing.close()


def test_who_still_waits_when_it_ends_is_told_that_it_failed() -> None:
    client = Client()
    publisher, _, producing = publisher_on(client)
    codes: list[ErrorCode | None] = []
    thread = threading.Thread(target=lambda: codes.append(publish(publisher)), daemon=True)
    thread.start()
    pause = threading.Event()
    while not client.given:
        pause.wait(0.01)
    producing.close()
    thread.join(LONG)
    assert codes == [ErrorCode.BUS_UNAVAILABLE]
    assert client.is_ended


def test_who_comes_late_ends_no_other() -> None:
    _, world, producing = publisher_on(answering(), answering())
    first = producing.outgoing(Deadline.after(LONG))
    producing.discard(first)
    second = producing.outgoing(Deadline.after(LONG))
    producing.discard(first)
    assert producing.outgoing(Deadline.after(LONG)) is second
    assert world.ended == [first]
    producing.close()
    assert world.ended == [first, second]
