"""Work in the background gives way to calls that somebody waits for.

A search holds `call()`; whoever works through a backlog asks `give_way` before each piece. It
never waits longer than a limit: a gallery fills slowly under steady searches, not never.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

GIVE_WAY_SECONDS: Final = 1.0


class Foreground(Protocol):
    """May be used from many threads."""

    def call(self) -> AbstractContextManager[object]:
        """Hold it while somebody waits for an answer."""
        ...

    def give_way(self) -> None:
        """Return when nobody waits, or after the longest time that it gives way for."""
        ...


class ForegroundCalls:
    """Counts the calls at work in this process; gives way for at most `longest` seconds."""

    def __init__(self, longest: float = GIVE_WAY_SECONDS) -> None:
        self._longest = longest
        self._at_work = 0
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
                    self._idle.notify_all()

    def give_way(self) -> None:
        if not self._at_work:  # read without the lock: the common case must cost nothing
            return
        until = time.monotonic() + self._longest
        with self._idle:
            while self._at_work:
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._idle.wait(left)


class Unthrottled:
    """Nobody gives way: the throttle switched off, and the default where nothing is behind."""

    @contextmanager
    def call(self) -> Iterator[None]:
        yield

    def give_way(self) -> None:
        pass


def throttle(seconds: float) -> Foreground:
    """Work gives way for at most so many seconds before each piece; 0: it never does."""
    return ForegroundCalls(seconds) if seconds else Unthrottled()
