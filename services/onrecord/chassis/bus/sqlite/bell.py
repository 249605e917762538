"""Wakes the readers of this process when somebody in it has published."""

import threading


class Bell:
    """A count of rings. Whoever has seen fewer than there were need not wait."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    def ring(self) -> None:
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def rings(self) -> int:
        with self._condition:
            return self._rings

    def wait(self, heard: int, seconds: float) -> None:
        """Until there are more rings than `heard`; at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings != heard, seconds)
