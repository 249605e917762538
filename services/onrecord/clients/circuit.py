"""A circuit for one service that others call: who calls a dead one is told so at once.

A call to a service that hangs holds its thread for as long as its deadline. So after some calls in
a row that nobody answered, the next ones fail without being made; one goes through now and then,
and the first that is answered, however it is answered, lets all through again (ADR 38).
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from onrecord.chassis.telemetry import Label, Meter
from onrecord.kernel.vocabulary import Service

_log = logging.getLogger(__name__)

_SERVICE: Final = Label(
    "service", "the service that is called", tuple(one.value for one in Service)
)
METER: Final = Meter("calls to other services")
OPENED: Final = METER.counter(
    "circuit_opened_total",
    "How often calls to a service were given up, since several in a row had no answer.",
    (_SERVICE,),
)
REFUSED: Final = METER.counter(
    "circuit_refused_calls_total",
    "Calls that failed at once, without being made, while their service was given up.",
    (_SERVICE,),
)


@dataclass(frozen=True, slots=True)
class CircuitLimits:
    """`failures` in a row, each within `window_seconds` of the first, open it.

    While it is open a call goes through `pause_seconds` after the last one failed; and
    `probe_seconds` after one went through that has not come back: no thread is waited for.
    A call that had less than `patience_seconds` to be answered in, and was not, says nothing.
    """

    failures: int = 5
    window_seconds: float = 30.0
    pause_seconds: float = 2.0
    probe_seconds: float = 10.0
    patience_seconds: float = 1.0


class Circuit:
    """Of one client. Safe to share between threads."""

    def __init__(
        self,
        service: Service,
        limits: CircuitLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or CircuitLimits()
        self._service = service.value
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._since = 0.0
        self._next: float | None = None  # when the next call goes through; None: closed

    @property
    def is_open(self) -> bool:
        return self._next is not None

    def lets_through(self) -> bool:
        """Whether a call may be made now."""
        if self._next is None:
            return True
        with self._lock:
            now = self._monotonic()
            if self._next is None:
                return True
            if now >= self._next:
                self._next = now + self.limits.probe_seconds
                return True
        REFUSED.add(service=self._service)
        return False

    def answered(self) -> None:
        """A call had an answer from the service itself, whatever it says."""
        if self._failures == 0 and self._next is None:
            return
        with self._lock:
            if self._next is not None:
                _log.info("%s answers again", self._service)
            self._failures, self._next = 0, None

    def unanswered(self) -> None:
        """A call had none: nobody was reached, or nobody answered in time."""
        with self._lock:
            now = self._monotonic()
            if self._next is not None:
                self._next = now + self.limits.pause_seconds
                return
            if self._failures == 0 or now - self._since > self.limits.window_seconds:
                self._failures, self._since = 0, now
            self._failures += 1
            if self._failures < self.limits.failures:
                return
            self._next = now + self.limits.pause_seconds
        OPENED.add(service=self._service)
        _log.warning("%s does not answer: calls to it fail at once for now", self._service)
