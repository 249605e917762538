"""Who waits for an enrolment to end: woken by the projection, holding no thread meanwhile."""

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

_Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class Arrivals:
    """`told` may be called from any thread; `expecting` from an event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[_Waiter]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def expecting(self, enrolment_id: str) -> Iterator[asyncio.Event]:
        """Set whenever there is news of it. Begin before looking, and none is missed."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.setdefault(enrolment_id, []).append(waiter)
        try:
            yield waiter[1]
        finally:
            with self._lock:
                others = [one for one in self._waiting[enrolment_id] if one is not waiter]
                if others:
                    self._waiting[enrolment_id] = others
                else:
                    del self._waiting[enrolment_id]

    def told(self, enrolment_ids: Collection[str]) -> None:
        """These have ended."""
        with self._lock:
            woken = [one for key in enrolment_ids for one in self._waiting.get(key, ())]
        for loop, news in woken:
            with suppress(RuntimeError):  # its loop has ended, and whoever waited with it
                loop.call_soon_threadsafe(news.set)
