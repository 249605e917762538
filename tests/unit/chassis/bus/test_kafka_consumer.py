"""What a member of a Kafka group has taken and could not tell, or could not finish, is read again.

The client under it is a fake; what librdkafka does with brokers stands in `tests/cluster`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from onrecord.chassis.bus.kafka.consumer import KafkaConsumer
from onrecord.chassis.bus.outcomes import Done, Outcome
from onrecord.chassis.bus.ports import Bus, Partition, Received
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.worker import Worker
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from onrecord.kernel.writepoints import WritePoint, unobserved
from tests.unit.chassis.bus.librdkafka import TOPIC, Client, OneClientBus, consumer, until
from tests.unit.chassis.bus.workers import dead_letter

AWAY = KafkaException(KafkaError(KafkaError._TRANSPORT))


def offsets(polled: Sequence[Received]) -> list[int]:
    return [one.offset for one in polled]


def begun(client: Client, limit: int = 100) -> KafkaConsumer:
    made = consumer(client)
    assert made.poll(limit, 0.0) == ()
    assert made.assigned() == {Partition(TOPIC, 0)}
    return made


@pytest.mark.parametrize("milliseconds", [2**60, -(2**60), 2**63 - 1, 10**15])
def test_a_record_with_an_impossible_time_is_a_message_like_any_other(milliseconds: int) -> None:
    """R-45: whoever writes to the topic stops nobody who reads it, and loses none of the others."""
    member = begun(Client(5, timestamps={2: milliseconds}))
    found = member.poll(10, 0.0)
    assert offsets(found) == [0, 1, 2, 3, 4]
    assert found[2].published_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert found[3].published_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "told"),
    [(AWAY, OnRecordError), (RuntimeError("closed"), OnRecordError), (ValueError(), ValueError)],
)
def test_what_was_taken_before_a_poll_failed_is_polled_again(
    error: Exception, told: type[Exception]
) -> None:
    """R-45: the first was taken by then, and what `consume` itself had taken nobody knows."""
    client = Client(6)
    member = begun(client)
    assert offsets(member.poll(2, 0.0)) == [0, 1]
    client.consume_fails.append(error)
    with pytest.raises(told):
        member.poll(3, 0.0)
    assert offsets(member.poll(10, 0.0)) == [2, 3, 4, 5]
    assert client.sought == [2]


def test_nothing_is_polled_beyond_a_gap_while_it_cannot_go_back() -> None:
    """R-45: a seek that fails once more is tried again, and nothing is told before."""
    client = Client(6)
    member = begun(client)
    client.consume_fails.append(AWAY)
    with pytest.raises(OnRecordError):
        member.poll(3, 0.0)
    client.seek_fails.append(AWAY)
    with pytest.raises(OnRecordError) as caught:
        member.poll(2, 0.0)
    assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
    assert offsets(member.poll(10, 0.0)) == [0, 1, 2, 3, 4, 5]


def a_worker(
    client: Client,
    handle: Callable[[int], None],
    settings: WorkerSettings | None = None,
    reached: WritePoint = unobserved,
) -> Worker:
    def handler(received: Sequence[Received]) -> Sequence[Outcome]:
        for one in received:
            handle(one.offset)
        return [Done()] * len(received)

    return Worker(
        cast(Bus, OneClientBus(client)),
        group="crew",
        topics=[TOPIC],
        handler=handler,
        dead_letter=dead_letter,
        clock=SystemClock(),
        settings=settings,
        reached=reached,
    )


@pytest.mark.parametrize("away_at", ["mark", "finish"])
def test_the_poll_in_hand_is_read_again_after_a_commit_that_had_no_answer(away_at: str) -> None:
    """R-45: the coordinator was away for longer than an answer is waited for."""
    client, handled = Client(6), list[int]()

    def handle(offset: int) -> None:
        handled.append(offset)
        if away_at == "finish" and handled == [0, 1]:
            client.answers.clear()

    worker = a_worker(client, handle, WorkerSettings(limit=2))
    assert worker.step() == 0, "it has its share"
    if away_at == "mark":
        client.answers.clear()
    for _ in range(3):
        with pytest.raises(OnRecordError) as caught:
            worker.step()
        assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
    assert handled == ([] if away_at == "mark" else [0, 1])
    seen = len(handled)
    client.answers.set()
    assert client.idle.wait(20.0)
    until(lambda: client.committed_at == 6 or (not _step(worker) and client.at == 6))
    assert handled[seen:] == [0, 1, 2, 3, 4, 5]
    assert client.committed_at == 6
    worker.stop(5.0)


def _step(worker: Worker) -> int:
    """The answer is there a moment before it is known."""
    try:
        return worker.step()
    except OnRecordError:
        return 1


def test_a_worker_outlives_an_unforeseen_error_while_it_cannot_go_back() -> None:
    """R-45: its thread goes on, and so does what it had in hand."""
    client, handled, failed = Client(4), list[int](), list[str]()

    def reached(point: str) -> None:
        if point == "crew.handled" and not failed:
            failed.append(point)
            client.seek_fails.append(AWAY)
            raise ValueError(point)

    worker = a_worker(client, handled.append, reached=reached)
    worker.start()
    until(lambda: client.committed_at == 4 or not worker.is_alive)
    assert worker.is_alive
    assert handled == [0, 1, 2, 3, 0, 1, 2, 3]
    assert worker.stop(10.0)
