"""R-22: what is told as published was; a producer that has failed for good is replaced."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from onrecord.chassis.bus.kafka.outgoing import Outgoing
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.kafka.publisher import KafkaPublisher
from onrecord.chassis.bus.ports import Message
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

LONG = 30.0
CLOSING = 1.0
Told = Callable[[KafkaError | None, object], None]


def failed(code: int, fatal: bool = False) -> KafkaError:
    return KafkaError(code, None, fatal)


@dataclass(eq=False)
class Client:
    """A producer as librdkafka's: what becomes of a message is told in `poll`.

    `becomes`: of each payload, the error that it ends with; None where it is published. `full`:
    how often there is no room. `breaks`: with the next message it fails for good, at the latest
    when it is closed. Only what `poll` then raises, once, says that it is fatal: no message does,
    and `produce` does not (test_producing_for_good.py asks the library itself).
    """

    becomes: Callable[[bytes], KafkaError | None] = lambda _: None
    full: int = 0
    breaks: bool = False
    is_broken: bool = False
    raised: int = 0
    answers: threading.Event = field(default_factory=threading.Event)
    given: list[tuple[bytes, Told]] = field(default_factory=list)
    is_ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def produce(
        self, topic: str, value: bytes, key: bytes, *, on_delivery: Told, headers: Any
    ) -> None:
        assert topic and key is not None and headers is not None
        if self.full:
            self.full -= 1
            raise BufferError("full")
        if self.is_broken:
            raise KafkaException(failed(KafkaError._FATAL))
        self.given.append((value, on_delivery))

    def poll(self, seconds: float) -> int:
        is_closed = threading.current_thread() is threading.main_thread()
        if self.answers.wait(0.01) or (self.breaks and is_closed) or self.is_ended:
            with self.lock:
                count = len(self.given)
                self._may_break(count)
                self._tell(count)
        return 0

    def __len__(self) -> int:
        return len(self.given)

    def purge(self) -> None:
        self.is_ended = True

    def _may_break(self, count: int) -> None:
        self.is_broken = self.is_broken or (self.breaks and count > 0)
        if self.is_broken and not self.raised:
            self.raised += 1
            raise KafkaException(failed(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, fatal=True))

    def _tell(self, count: int) -> None:
        is_lost = self.is_broken or self.is_ended
        given = self.given[:count]
        del self.given[:count]
        for value, told in given:
            told(failed(KafkaError._PURGE_QUEUE) if is_lost else self.becomes(value), None)


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
        outgoing.close(CLOSING)
        self.ended.append(outgoing)


def answering(**given: Any) -> Client:
    client = Client(**given)
    client.answers.set()
    return client


def publisher_on(*clients: Client) -> tuple[KafkaPublisher, World, Producing]:
    world = World(list(clients))
    producing = Producing(world.make, world.end)
    return KafkaPublisher(producing, lambda *_: 1, lambda: False), world, producing


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
    """Whoever had a message on its way is told at once, and by no error that says fatal."""
    publisher, world, producing = publisher_on(answering(breaks=True), answering())
    assert publish(publisher, b"1", b"2") is ErrorCode.BUS_UNAVAILABLE
    assert publish(publisher) is None
    assert len(world.made) == 2
    producing.close()
    assert set(world.ended) == set(world.made)


def test_one_that_takes_nothing_any_more_is_replaced() -> None:
    """Also where its refusal is heard before what is raised where it is polled."""
    gone = Client(is_broken=True)
    publisher, world, producing = publisher_on(gone, answering())
    assert publish(publisher, b"1", b"2") is ErrorCode.BUS_UNAVAILABLE
    assert not gone.raised
    assert publish(publisher) is None
    assert len(world.made) == 2
    producing.close()


def test_one_that_fails_for_good_while_it_ends_tells_those_who_wait() -> None:
    """What it raises then is no reason not to end."""
    client = Client(breaks=True)
    outgoing = Outgoing(cast(Producer, client))
    delivery = outgoing.send([Message("topic", "key", b"1")], Deadline.after(LONG))
    outgoing.close(LONG)
    assert client.raised == 1
    assert delivery.is_told(LONG)
    assert [error.code() for error in delivery.failures] == [KafkaError._PURGE_QUEUE]


def test_nobody_waits_until_one_that_failed_for_good_has_ended() -> None:
    world, may_end = World([answering(breaks=True), answering()]), threading.Event()

    def end(outgoing: Outgoing) -> None:
        assert may_end.wait(LONG)
        world.end(outgoing)

    producing = Producing(world.make, end)
    publisher = KafkaPublisher(producing, lambda *_: 1, lambda: False)
    assert publish(publisher) is ErrorCode.BUS_UNAVAILABLE
    assert publish(publisher) is None
    assert not world.ended
    may_end.set()
    producing.close()
    assert set(world.ended) == set(world.made)


def test_what_does_not_pass_is_told_before_what_does() -> None:
    """Whoever is told that it passes would publish a message for ever that is too large."""
    ends = {b"1": KafkaError._MSG_TIMED_OUT, b"2": KafkaError.TOPIC_AUTHORIZATION_FAILED}

    def becomes(payload: bytes) -> KafkaError:
        return failed(ends.get(payload, KafkaError.MSG_SIZE_TOO_LARGE))

    publisher, _, producing = publisher_on(answering(becomes=becomes))
    with pytest.raises(OnRecordError, match="do not let us"):
        publisher.publish([Message("t", "k", b"1"), Message("t", "k", b"2")], Deadline.after(LONG))
    assert publish(publisher, b"1", b"2", b"3") is ErrorCode.MESSAGE_TOO_LARGE
    producing.close()


def test_brokers_are_asked_for_no_longer_than_the_caller_waits() -> None:
    given: list[float] = []

    def partitions(topic: str, seconds: float) -> int:
        given.append(seconds)
        threading.Event().wait(seconds)
        raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, topic)

    producing = Producing(World([]).make, World([]).end)
    publisher = KafkaPublisher(producing, partitions, lambda: False)
    assert publish(publisher, seconds=0.05) is ErrorCode.DEADLINE_EXCEEDED
    assert len(given) == 1
    assert 0.0 < given[0] <= 0.05


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
