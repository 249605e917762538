"""Wakes the readers of this process when somebody in it has published what they read."""

import threading
from collections import Counter
from collections.abc import Iterable


class Bell:
    """A count of rings for each topic. Whoever has seen fewer than there were need not wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rings: Counter[str] = Counter()
        # Each is woken for topics of its own: one bell for all would wake them all, each time.
        self._waiting: dict[threading.Event, frozenset[str]] = {}

    def ring(self, topics: Iterable[str]) -> None:
        rung = frozenset(topics)
        with self._lock:
            self._rings.update(rung)
            for waiting, theirs in self._waiting.items():
                if not theirs.isdisjoint(rung):
                    waiting.set()

    def rings(self, topics: Iterable[str]) -> int:
        """Of these topics together."""
        with self._lock:
            return self._sum(topics)

    def wait(self, topics: Iterable[str], heard: int, seconds: float) -> None:
        """Until there are more rings of these topics than `heard`; at most `seconds`."""
        mine, woken = frozenset(topics), threading.Event()
        with self._lock:
            if self._sum(mine) != heard:
                return
            self._waiting[woken] = mine
        try:
            woken.wait(seconds)
        finally:
            with self._lock:
                del self._waiting[woken]

    def _sum(self, topics: Iterable[str]) -> int:
        return sum(self._rings[topic] for topic in topics)
