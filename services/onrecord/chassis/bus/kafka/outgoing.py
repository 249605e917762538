"""A producer, and the thread in which it tells what became of what it was given."""

import threading
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from onrecord.chassis.bus.kafka.errors import error_in
from onrecord.chassis.bus.ports import Message
from onrecord.kernel.deadlines import Deadline

_TELLING_SECONDS: Final = 1.0
"""How soon the thread sees that it is to end."""
_FULL_SECONDS: Final = 0.01
_FATAL_SECONDS: Final = 0.01
_ENDING_SECONDS: Final = 0.1


class Delivery:
    """What becomes of the messages of one call: told one by one, waited for together."""

    __slots__ = ("_done", "_left", "_lock", "failures")

    def __init__(self, count: int) -> None:
        self.failures: list[KafkaError] = []
        self._left = count
        self._lock = threading.Lock()
        self._done = threading.Lock()
        self._done.acquire()

    def told(self, error: KafkaError | None, _: object = None) -> None:
        """Of one of them. Must not raise: a client of librdkafka calls it."""
        with self._lock:
            if error is not None:
                self.failures.append(error)
            self._left -= 1
            if not self._left:
                self._done.release()

    def is_told(self, seconds: float) -> bool:
        """Whether all of them are, within so long. Asked once."""
        return self._done.acquire(timeout=seconds)


class Outgoing:
    """From any thread.

    `is_fatal`: it takes nothing any more, and what it had is told as failed. Neither is told of a
    message as fatal: librdkafka raises that where it is polled, once.
    """

    def __init__(self, producer: Producer) -> None:
        self.is_fatal = False
        self._producer = producer
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="kafka deliveries", daemon=True)
        self._thread.start()

    def send(self, messages: Sequence[Message], deadline: Deadline) -> Delivery:
        """Hand them over, at least one. Where one is not taken, that and those after it fail."""
        delivery = Delivery(len(messages))
        for taken, message in enumerate(messages):
            refused = self._refused(message, delivery, deadline)
            if refused is not None:
                for _ in messages[taken:]:
                    delivery.told(refused)
                break
        return delivery

    def close(self, seconds: float) -> None:
        """What is on its way is given so long; then all who wait are told that it failed."""
        self._ended.set()
        if not self._is_empty_after(seconds):
            self._producer.purge()
            self._is_empty_after(seconds)
        self._thread.join(seconds)

    def _refused(
        self, message: Message, delivery: Delivery, deadline: Deadline
    ) -> KafkaError | None:
        """Waits while there is no room for more: some of those that wait will be sent."""
        while not self._ended.is_set():
            try:
                self._producer.produce(
                    message.topic,
                    message.payload,
                    message.key.encode(),
                    on_delivery=delivery.told,
                    headers=[(name, text.encode()) for name, text in message.headers.items()],
                )
            except BufferError:
                left = deadline.remaining()
                if not left:
                    return KafkaError(KafkaError._QUEUE_FULL)
                self._ended.wait(min(left, _FULL_SECONDS))
            except KafkaException as error:
                return self._heard(error)
            else:
                return None
        return KafkaError(KafkaError._DESTROY)

    def _tell(self) -> None:
        while not self._ended.is_set():
            self._poll(_TELLING_SECONDS)

    def _is_empty_after(self, seconds: float) -> bool:
        """Whether nothing is left that has not been told.

        Not by a flush: where it hears of a fatal error it goes on telling what became of messages
        with that exception set, and who is told so breaks.
        """
        deadline = Deadline.after(seconds)
        while len(self._producer) and deadline.remaining():
            self._poll(min(deadline.remaining(), _ENDING_SECONDS))
        return not len(self._producer)

    def _poll(self, seconds: float) -> None:
        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            # It still has to tell what became of what it had, and is not to spin meanwhile.
            self._heard(error)
            self._ended.wait(_FATAL_SECONDS)

    def _heard(self, exception: KafkaException) -> KafkaError:
        error = error_in(exception)
        if error.fatal() or error.code() == KafkaError._FATAL:
            self.is_fatal = True
        return error
