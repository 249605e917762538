"""The producer that all publishers of a bus share."""

import threading
from collections.abc import Callable

from onrecord.chassis.bus.kafka.outgoing import Outgoing
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError


class Producing:
    """Made where it is needed and there is none, or one that librdkafka has called its error fatal.

    `make` raises BUS_UNAVAILABLE; `end` is given each that was made.
    """

    def __init__(self, make: Callable[[], Outgoing], end: Callable[[Outgoing], None]) -> None:
        self._make = make
        self._end = end
        self._opening = threading.Lock()
        self._outgoing: Outgoing | None = None
        self._ending: list[threading.Thread] = []

    def outgoing(self, deadline: Deadline) -> Outgoing:
        """Made by whoever comes first while the others wait. Raises DEADLINE_EXCEEDED."""
        if not self._opening.acquire(timeout=deadline.remaining()):
            raise OnRecordError(
                ErrorCode.DEADLINE_EXCEEDED,
                "the caller's deadline passed before there was a producer",
            )
        try:
            if self._outgoing is not None and self._outgoing.is_fatal:
                self._give_up(self._outgoing)
                self._outgoing = None
            if self._outgoing is None:
                self._outgoing = self._make()
            return self._outgoing
        finally:
            self._opening.release()

    def close(self) -> None:
        """End the one that there is, and wait for those that end."""
        with self._opening:
            outgoing, self._outgoing = self._outgoing, None
            ending, self._ending = self._ending, []
        if outgoing is not None:
            self._end(outgoing)
        for thread in ending:
            thread.join()

    def _give_up(self, outgoing: Outgoing) -> None:
        """In a thread of its own: nobody who publishes waits for seconds until it has ended."""
        thread = threading.Thread(
            target=self._end, args=(outgoing,), name="kafka producer ends", daemon=True
        )
        thread.start()
        self._ending = [*(one for one in self._ending if one.is_alive()), thread]
