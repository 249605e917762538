"""Wakes the readers of this process when somebody in it has published what they read."""

import threading
from collections import Counter
from collections.abc import Iterable


class Bell:
    """A count of rings for each topic. Whoever has seen fewer than there were need not wait."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings: Counter[str] = Counter()

    def ring(self, topics: Iterable[str]) -> None:
        with self._condition:
            self._rings.update(set(topics))
            self._condition.notify_all()

    def rings(self, topics: Iterable[str]) -> int:
        """Of these topics together."""
        with self._condition:
            return self._sum(topics)

    def wait(self, topics: Iterable[str], heard: int, seconds: float) -> None:
        """Until there are more rings of these topics than `heard`; at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._sum(topics) != heard, seconds)

    def _sum(self, topics: Iterable[str]) -> int:
        return sum(self._rings[topic] for topic in topics)
