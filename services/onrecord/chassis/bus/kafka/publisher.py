"""Publishing to Kafka: all are handed over, then all are waited for, in one go."""

import threading
from collections.abc import Callable, Sequence

from onrecord.chassis.bus.kafka.errors import closed, ours
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.ports import Message, must_fit
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_CLOSING_SECONDS = 30.0


class KafkaPublisher:
    """A `Publisher` on the producer that all of its bus share.

    One that ends with a fatal error (its sequence cannot be kept) is replaced.
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
        outgoing = self._producing.outgoing(deadline)
        delivery = outgoing.send(messages, deadline)
        is_told = delivery.is_told(deadline.remaining())
        failures = tuple(delivery.failures)
        if any(error.fatal() for error in failures):
            self._producing.discard(outgoing)
        if failures:
            worst = next((error for error in failures if not error.retriable()), failures[0])
            count = f"{len(failures)} of {len(messages)} messages not published"
            raise ours(worst, count)
        if not is_told:
            raise _late()


def _late() -> OnRecordError:
    return OnRecordError(
        ErrorCode.DEADLINE_EXCEEDED, "the caller's deadline passed before it was published"
    )
