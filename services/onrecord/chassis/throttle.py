"""Work in the background gives way to calls that somebody waits for.

A search holds `call()`; whoever works through a backlog asks `give_way` before each piece. It
never waits longer than it was told to: a gallery fills slowly under steady searches, not never.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Foreground(Protocol):
    """May be used from many threads."""

    def call(self) -> AbstractContextManager[object]:
        """Hold it while somebody waits for an answer."""
        ...

    def give_way(self, longest: float) -> None:
        """Return when nobody waits, or after so many seconds."""
        ...


class ForegroundCalls:
    """Counts the calls at work in this process."""

    def __init__(self) -> None:
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

    def give_way(self, longest: float) -> None:
        if not self._at_work:  # read without the lock: the common case must cost nothing
            return
        until = time.monotonic() + longest
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

    def give_way(self, longest: float) -> None:
        del longest
