"""Publishing to Kafka: all are handed over, then all are waited for."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from onrecord.chassis.bus.kafka.errors import closed, is_passing, ours, told_as_ours
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.ports import Message, must_fit
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_CLOSING_SECONDS = 30.0


class KafkaPublisher:
    """A `Publisher` on the producer that all of its bus share.

    It is told what becomes of what it was given, so that one which has gone silent is replaced.
    """

    def __init__(
        self,
        producing: Producing,
        partitions: Callable[[str], int],
        is_closed: Callable[[], bool],
    ) -> None:
        self._producing = producing
        self._partitions = partitions
        self._bus_is_closed = is_closed
        self._closed = False
        self._idle = threading.Condition()
        self._at_work = 0

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        with self._idle:
            if self._closed or self._bus_is_closed():
                raise closed()
            self._at_work += 1
        try:
            self._publish(messages, deadline)
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """What is being published is finished first. Repeatable."""
        with self._idle:
            self._closed = True
            self._idle.wait_for(lambda: self._at_work == 0, _CLOSING_SECONDS)

    def _publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        for message in messages:
            must_fit(message)
        for topic in sorted({message.topic for message in messages}):
            if not deadline.remaining():
                raise _late()
            self._partitions(topic)
        if not messages:
            return
        began, producer = self._producing.now(), self._producing.producer(deadline)
        with told_as_ours("not published"):
            waiting = [_sent(producer, message) for message in messages]
        failures = [error for one in waiting if (error := _failure(one, deadline)) is not None]
        if not failures:
            self._producing.published(producer)
            return
        self._producing.not_published(producer, began)
        told = [error for error in failures if not isinstance(error, _LateError)]
        if not told:
            raise _late()
        worst = next((error for error in told if not is_passing(error)), told[0])
        if not is_passing(worst):
            self._producing.discard(producer)
        count = f"{len(failures)} of {len(messages)} messages not published"
        raise ours(worst, count) from worst


class _LateError(Exception):
    """The caller waits no longer; whether it is published, nobody can say."""


def _sent(producer: Any, message: Message) -> Any:
    return producer.send(
        message.topic,
        key=message.key.encode(),
        value=message.payload,
        headers=[(name, text.encode()) for name, text in message.headers.items()],
    )


def _failure(waiting: Any, deadline: Deadline) -> BaseException | None:
    """Why this message was not published in time; None where it was."""
    try:
        waiting.get(timeout=deadline.remaining())
    except Exception as error:  # noqa: BLE001 - of whatever kind: it is told, and the others too
        return error if waiting.is_done else _LateError()
    return None


def _late() -> OnRecordError:
    return OnRecordError(
        ErrorCode.DEADLINE_EXCEEDED, "the caller's deadline passed before it was published"
    )
