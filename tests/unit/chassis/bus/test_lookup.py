"""Questions to the brokers: who is asked again, and who is told that nobody answers."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from onrecord.chassis.bus.kafka.lookup import Lookup
from onrecord.kernel.errors import ErrorCode, OnRecordError

PATIENCE = 30.0


@dataclass
class Topic:
    partitions: tuple[int, ...] = (0, 1, 2)


@dataclass
class Brokers:
    """An admin client as far as it is asked here. `says`: what is answered first, in turn."""

    says: list[int] = field(default_factory=list)
    answers: bool = True
    asked: int = 0
    refreshed: int = 0

    def describe_topics(
        self, topics: TopicCollection, *, request_timeout: float
    ) -> dict[str, Future[Any]]:
        assert request_timeout > 0.0
        self.asked += 1
        return {
            str(name.decode() if isinstance(name, bytes) else name): self._answer()
            for name in topics.topic_names
        }

    def _answer(self) -> Future[Any]:
        future: Future[Any] = Future()
        if self.says:
            future.set_exception(KafkaException(KafkaError(self.says.pop(0))))
        elif self.answers:
            future.set_result(Topic())
        return future

    def list_topics(self, *, timeout: float) -> None:
        assert timeout > 0.0
        self.refreshed += 1

    def poll(self, seconds: float) -> int:
        assert seconds == 0.0
        return 0


def lookup_at(brokers: Brokers, answer: float = PATIENCE) -> Lookup:
    def of_group(group: str) -> Consumer:
        raise AssertionError(group)

    return Lookup(lambda: cast(AdminClient, brokers), of_group, 0.0, answer)


def test_many_threads_ask_at_once_and_each_topic_once() -> None:
    brokers = Brokers()
    lookup = lookup_at(brokers)
    with ThreadPoolExecutor(16) as threads:
        found = [threads.submit(lookup.partitions, f"topic-{n}") for n in range(16)]
        assert [one.result(PATIENCE) for one in found] == [3] * 16
    assert lookup.partitions("topic-3") == 3
    assert brokers.asked == 16


@pytest.mark.parametrize(
    "says", [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.FENCED_LEADER_EPOCH]
)
def test_brokers_that_settle_are_asked_again_by_whom_they_have_become(says: int) -> None:
    """R-45: after a restart, a leader that librdkafka remembers leads no more."""
    brokers = Brokers([says, says])
    assert lookup_at(brokers).partitions("topic") == 3
    assert (brokers.asked, brokers.refreshed) == (3, 2)


@pytest.mark.parametrize(
    "says", [KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED]
)
def test_a_plain_no_is_told_at_once(says: int) -> None:
    brokers = Brokers([says])
    with pytest.raises(OnRecordError) as refused:
        lookup_at(brokers).partitions("topic")
    assert refused.value.code is ErrorCode.BUS_UNAVAILABLE
    assert brokers.asked == 1


def test_who_gets_no_answer_is_told_in_time() -> None:
    """Brokers that do not answer hold nobody for longer than is set."""
    lookup = lookup_at(Brokers(answers=False), 0.1)
    told = threading.Event()

    def ask() -> None:
        with pytest.raises(OnRecordError) as refused:
            lookup.partitions("topic")
        assert refused.value.code is ErrorCode.BUS_UNAVAILABLE
        told.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert told.wait(PATIENCE)
    thread.join()


def test_who_waits_no_longer_is_not_held_until_the_brokers_have_had_their_time() -> None:
    """Brokers that do not answer, and those that settle for ever."""
    for brokers in (Brokers(answers=False), Brokers([KafkaError.NOT_COORDINATOR] * 10**6)):
        start = time.monotonic()
        with pytest.raises(OnRecordError) as refused:
            lookup_at(brokers).partitions("topic", 0.1)
        assert refused.value.code is ErrorCode.BUS_UNAVAILABLE
        assert time.monotonic() - start < PATIENCE / 2
