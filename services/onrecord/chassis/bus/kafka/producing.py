"""The producer that all publishers of a bus share."""

import threading
import time
from collections.abc import Callable
from typing import Any

from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError


class Producing:
    """Made where it is needed and there is none; given up where it is of no use any more.

    One that has published nothing of what it was given for `patience` seconds is: kafka-python
    (3.0.12) may lose the answer to a request for a producer id when the broker that it asked is
    killed, and then publishes nothing ever again, without a word. `make` raises BUS_UNAVAILABLE;
    `end` is given each that was made; `now` in seconds.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        end: Callable[[Any], None],
        patience: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._end = end
        self._patience = patience
        self._now = now
        self._opening = threading.Lock()
        self._producer: Any = None
        self._silent_since: float | None = None

    def now(self) -> float:
        return self._now()

    def producer(self, deadline: Deadline) -> Any:
        """Made by whoever comes first while the others wait. Raises DEADLINE_EXCEEDED."""
        if not self._opening.acquire(timeout=deadline.remaining()):
            raise OnRecordError(
                ErrorCode.DEADLINE_EXCEEDED,
                "the caller's deadline passed before the brokers were reached",
            )
        try:
            if self._producer is None:
                self._producer = self._make()
                self._silent_since = None
            return self._producer
        finally:
            self._opening.release()

    def published(self, producer: Any) -> None:
        """It has just published what it was given."""
        with self._opening:
            if self._producer is producer:
                self._silent_since = None

    def not_published(self, producer: Any, began: float) -> None:
        """It has not published what it was given at `began`, or nobody knows."""
        with self._opening:
            if self._producer is not producer:
                return
            if self._silent_since is None:
                self._silent_since = began
            silent = self._now() - self._silent_since
        if silent >= self._patience:
            self.discard(producer)

    def discard(self, producer: Any) -> None:
        """Of no use any more; the next publication has another one made."""
        with self._opening:
            if self._producer is not producer:
                return
            self._producer = None
        self._end(producer)

    def close(self) -> None:
        """End the one that there is."""
        with self._opening:
            producer, self._producer = self._producer, None
        if producer is not None:
            self._end(producer)
