"""Publishing to Kafka: all are handed over, then all are waited for, in one go."""

import threading
from collections.abc import Callable, Sequence

from onrecord.chassis.bus.kafka.errors import closed, ours, worst
from onrecord.chassis.bus.kafka.producing import Producing
from onrecord.chassis.bus.ports import Message, must_fit
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_CLOSING_SECONDS = 30.0


class KafkaPublisher:
    """A `Publisher` on the producer that all of its bus share.

    One that ended with a fatal error (its sequence cannot be kept) is replaced by the next
    publication. `partitions` is given how many seconds its answer may take.
    """

    def __init__(
        self,
        producing: Producing,
        partitions: Callable[[str, float], int],
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
            self._must_be_there(topic, deadline)
        if not messages:
            return
        delivery = self._producing.outgoing(deadline).send(messages, deadline)
        is_told = delivery.is_told(deadline.remaining())
        failures = tuple(delivery.failures)
        if failures:
            count = f"{len(failures)} of {len(messages)} messages not published"
            raise ours(worst(failures), count)
        if not is_told:
            raise _late()

    def _must_be_there(self, topic: str, deadline: Deadline) -> None:
        left = deadline.remaining()
        if not left:
            raise _late()
        try:
            self._partitions(topic, left)
        except OnRecordError as error:
            if not deadline.remaining():
                raise _late() from error
            raise


def _late() -> OnRecordError:
    return OnRecordError(
        ErrorCode.DEADLINE_EXCEEDED, "the caller's deadline passed before it was published"
    )
