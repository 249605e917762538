"""The producer that all publishers of a bus share."""

import threading
from collections.abc import Callable

from onrecord.chassis.bus.kafka.outgoing import Outgoing
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError


class Producing:
    """Made where it is needed and there is none; given up where it is of no use any more.

    `make` raises BUS_UNAVAILABLE; `end` is given each that was made.
    """

    def __init__(self, make: Callable[[], Outgoing], end: Callable[[Outgoing], None]) -> None:
        self._make = make
        self._end = end
        self._opening = threading.Lock()
        self._outgoing: Outgoing | None = None

    def outgoing(self, deadline: Deadline) -> Outgoing:
        """Made by whoever comes first while the others wait. Raises DEADLINE_EXCEEDED."""
        if not self._opening.acquire(timeout=deadline.remaining()):
            raise OnRecordError(
                ErrorCode.DEADLINE_EXCEEDED,
                "the caller's deadline passed before there was a producer",
            )
        try:
            if self._outgoing is None:
                self._outgoing = self._make()
            return self._outgoing
        finally:
            self._opening.release()

    def discard(self, outgoing: Outgoing) -> None:
        """Of no use any more; the next publication has another one made."""
        with self._opening:
            if self._outgoing is not outgoing:
                return
            self._outgoing = None
        self._end(outgoing)

    def close(self) -> None:
        """End the one that there is."""
        with self._opening:
            outgoing, self._outgoing = self._outgoing, None
        if outgoing is not None:
            self._end(outgoing)
