"""How a process runs and ends (R-45).

Asked to end, it says that it is not ready, takes no more calls and polls no more messages, lets
what it accepted finish, and only then closes what it stood on. Asked twice, it does the same:
a second signal does not break off what the first began.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Protocol

from onrecord.chassis.health import Health

if TYPE_CHECKING:  # a witness stops the same way, and has no telemetry installed
    from onrecord.chassis.telemetry import Reading

_log = logging.getLogger(__name__)
_WATCH_SECONDS = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Part(Protocol):
    """Something that works until it is asked to stop: a server, a consumer, a background job."""

    def start(self) -> None: ...

    def ask_to_stop(self) -> None:
        """Take nothing new from now on. Returns at once; repeatable."""
        ...

    def wait(self, seconds: float) -> bool:
        """Whether what was accepted has finished within `seconds`."""
        ...

    def failed(self) -> bool:
        """Whether it ended, or cannot go on, without having been asked."""
        ...


class Drains(Protocol):
    """Whatever says whether the process is ready."""

    def drain(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Process:
    """A service put together: what says whether it is ready, and what it is made of.

    `parts` in the order in which they are started: those that are called before those that call.
    `readings`: the gauges it tells of when metrics are asked for.
    """

    health: Health
    parts: tuple[Part, ...]
    readings: "tuple[Reading, ...]" = ()


class Asked(SystemExit):
    """Somebody asked the process to end before it had begun; exit status 0."""


class StopSignals:
    """SIGTERM and SIGINT, kept as one wish. While nothing is at work yet, the wish is granted at
    once, by `Asked`; later it is for `run` to see.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._at_work = False
        self._before: list[object] = []

    def __enter__(self) -> "StopSignals":
        self._before = [signal.signal(one, self._heard) for one in _SIGNALS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in _SIGNALS:
            # Not the default again: a second signal must not break off the closing.
            signal.signal(one, signal.SIG_IGN)

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def at_work(self) -> None:
        """From now on a signal waits for `run`."""
        self._at_work = True

    def wait(self, seconds: float) -> bool:
        """Whether somebody has asked, within `seconds`."""
        return self._asked.wait(seconds)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._asked.is_set():
            return
        self._asked.set()
        if not self._at_work:
            raise Asked(0)


@dataclass(frozen=True, slots=True)
class Stopping:
    """`unready`: seconds of taking calls while not ready. `grace`: seconds that accepted work may
    take to finish.
    """

    unready: float
    grace: float


def run(
    parts: Sequence[Part],
    health: Drains,
    signals: StopSignals,
    stopping: Stopping,
    ready: Callable[[], None],
) -> bool:
    """Start `parts` in order, say `ready`, wait until asked, and stop them all.

    False where a part failed, or did not finish in time: whoever runs the process ought to know.
    """
    signals.at_work()
    started: list[Part] = []
    try:
        for part in parts:
            part.start()
            started.append(part)
        ready()
        failed = _watch(started, signals)
        health.drain()
        if not failed:
            _log.info("stopping")
            _linger(started, stopping.unready)
    finally:
        finished = _stop(started, stopping.grace)
    return finished and not failed


def _watch(parts: Sequence[Part], signals: StopSignals) -> bool:
    while not signals.wait(_WATCH_SECONDS):
        for part in parts:
            if part.failed():
                _log.error("%s ended by itself; the process ends with it", _name(part))
                return True
    return False


def _linger(parts: Sequence[Part], seconds: float) -> None:
    until = time.monotonic() + seconds
    ended = threading.Event()
    while (left := until - time.monotonic()) > 0 and not any(part.failed() for part in parts):
        ended.wait(min(left, _WATCH_SECONDS))


def _stop(parts: Sequence[Part], grace: float) -> bool:
    # Callers before those they call: what is accepted further in is what they still wait for.
    for part in reversed(parts):
        part.ask_to_stop()
    until = time.monotonic() + grace
    finished = True
    for part in reversed(parts):
        if not part.wait(max(0.0, until - time.monotonic())):
            _log.error("%s did not finish in time", _name(part))
            finished = False
    return finished


def _name(part: Part) -> str:
    return str(getattr(part, "name", type(part).__name__))
