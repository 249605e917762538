"""The engine's own count of searches against the plane's (R-23): who has searched behind us?

The engine counts each search at a moment of its own, somewhere between our call and its answer.
So the two are compared from a first reading on: of the searches since then, the engine may have
counted at most those that we had begun by now, and those that had not ended at the first reading.
What it counted beyond these was somebody else's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnCount:
    """How many searches this plane has begun, and how many of them have ended."""

    begun: int
    ended: int


@dataclass(slots=True)
class _Readings:
    """The first reading since the engine started, the last one, and how many were told of."""

    started: str
    first: int
    ended: int
    last: int
    told: int = 0


class Comparison:
    """Compares reading after reading. Not for several threads."""

    def __init__(self) -> None:
        self._readings: _Readings | None = None

    def begins_anew(self, started: str, vectors: int) -> bool:
        """Whether the engine has lost its count since the last reading."""
        held = self._readings
        return held is not None and (held.started != started or vectors < held.last)

    def strangers(self, before: OwnCount, started: str, vectors: int, after: OwnCount) -> int:
        """How many searches of others this reading shows that none before it has shown.

        `before` and `after` are our own count on both sides of the reading. Where the engine has
        begun anew, so do we: what others searched meanwhile cannot be told.
        """
        held = self._readings
        if held is None or self.begins_anew(started, vectors):
            self._readings = _Readings(started, vectors, before.ended, vectors)
            return 0
        held.last = vectors
        beyond = (vectors - held.first) - (after.begun - held.ended)
        new = max(0, beyond - held.told)
        held.told += new
        return new
