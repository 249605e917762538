"""The reader of the dead-letter topics, which have none of their own: it never gives up."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from onrecord.chassis.bus.ports import DEAD, Bus, Consumer, Partition, Position, Received
from onrecord.contracts.events import TOPICS, DeadLetter
from onrecord.events.messages import read_dead_letter
from onrecord.gateway.consumer import GROUP
from onrecord.gateway.core import write_points
from onrecord.gateway.store.dead_letters import DeadLetterStore
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import WritePoint

DEAD_TOPICS: Final = tuple(topic + DEAD for topic in TOPICS)
LETTERS: Final = GROUP + DEAD
"""Its group: apart from the worker's, which would otherwise wait for it, and it for the worker."""
_log = logging.getLogger(__name__)
_LIMIT: Final = 100
_WAIT: Final = 1.0
_PAUSE: Final = 2.0


class LetterReader:
    """Keeps what it reads and commits then. Started, asked and waited for like a `Worker`."""

    def __init__(
        self, bus: Bus, store: DeadLetterStore, reached: WritePoint, wait: float = _WAIT
    ) -> None:
        self._bus = bus
        self._store = store
        self._reached = reached
        self._wait = wait
        self._consumer: Consumer | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: OnRecordError | None = None

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def last_error(self) -> OnRecordError | None:
        """Why it does not get on at present; None while it does."""
        return self._error

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="dead letters", daemon=True)
        self._thread.start()

    def stop(self, grace: float) -> bool:
        """Whether it ended, in `grace` seconds. Repeatable."""
        self._stopping.set()
        if self._thread is None:
            self._leave()
            return True
        self._thread.join(grace)
        return not self._thread.is_alive()

    def step(self, seconds: float = 0.0) -> int:
        """Take in what is there, or wait for it at most `seconds`; how many were read."""
        if self._consumer is None:
            self._consumer = self._bus.consumer(LETTERS, DEAD_TOPICS)
        poll = self._consumer.poll(_LIMIT, seconds)
        if poll:
            self._store.keep(_readable(poll))
            self._reached(write_points.LETTERS_KEPT)
            self._consumer.commit(_after(poll))
        return len(poll)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._tried(lambda: self.step(self._wait)):
                self._error = None
            else:
                self._leave()  # what was read and not kept is read again
                self._stopping.wait(_PAUSE)
        self._leave()

    def _tried(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except OnRecordError as error:
            self._error = error
            return False
        except Exception as error:  # noqa: BLE001 - a thread that ends in silence is worse
            _log.exception("dead letters not read")
            self._error = OnRecordError(ErrorCode.INTERNAL, type(error).__name__)
            return False
        return True

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._tried(consumer.close)


def _readable(poll: Sequence[Received]) -> list[DeadLetter]:
    found = []
    for received in poll:
        try:
            found.append(read_dead_letter(received.message.payload))
        except OnRecordError as error:
            at = f"{received.partition.topic} {received.partition.number} {received.offset}"
            _log.error("not a dead letter", extra={"code": error.code.value, "place": at})
    return found


def _after(poll: Sequence[Received]) -> dict[Partition, Position]:
    return {one.partition: Position(one.offset + 1) for one in poll}
