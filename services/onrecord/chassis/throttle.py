"""Work in the background gives way to calls that somebody waits for.

A search holds `call()`; whoever works through a backlog asks `give_way` before each piece. It
never waits longer than a limit: a gallery fills slowly under steady searches, not never.

Where a service is several processes, one sees a part of each search, and only some of them. So it
gives way for a moment after what it has seen, too: the search has gone on to other processes of
the same machine, and where one came, more come.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

GIVE_WAY_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 0.25


class Foreground(Protocol):
    """May be used from many threads."""

    def call(self) -> AbstractContextManager[object]:
        """Hold it while somebody waits for an answer."""
        ...

    def give_way(self) -> None:
        """Return when nobody waits, or after the longest time that it gives way for."""
        ...


class ForegroundCalls:
    """Counts the calls at work in this process; gives way to them, and for `linger` seconds after
    the last of them, for at most `longest` seconds in all.
    """

    def __init__(
        self,
        longest: float = GIVE_WAY_SECONDS,
        linger: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._longest = longest
        self._linger = linger
        self._monotonic = monotonic
        self._at_work = 0
        self._quiet_from = -math.inf
        self._idle = threading.Condition()

    @contextmanager
    def call(self) -> Iterator[None]:
        with self._idle:
            self._at_work += 1
        try:
            yield
        finally:
            with self._idle:
                self._at_work -= 1
                if not self._at_work:
                    self._quiet_from = self._monotonic() + self._linger
                    self._idle.notify_all()

    def give_way(self) -> None:
        # Read without the lock: the common case must cost nothing.
        if not self._at_work and self._monotonic() >= self._quiet_from:
            return
        until = self._monotonic() + self._longest
        with self._idle:
            while True:
                now = self._monotonic()
                goes_on = until if self._at_work else min(until, self._quiet_from)
                if now >= goes_on:
                    return
                self._idle.wait(goes_on - now)


class Unthrottled:
    """Nobody gives way: the throttle switched off, and the default where nothing is behind."""

    @contextmanager
    def call(self) -> Iterator[None]:
        yield

    def give_way(self) -> None:
        pass


def throttle(seconds: float, linger: float = 0.0) -> Foreground:
    """Work gives way for at most so many seconds before each piece, to calls at work and for
    `linger` seconds after them; 0: it never does.
    """
    return ForegroundCalls(seconds, linger) if seconds else Unthrottled()
