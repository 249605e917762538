"""How long a caller still waits. Travels on every call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from onrecord.kernel.errors import ErrorCode, OnRecordError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, so that a clock that jumps moves no deadline."""

    at: float
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> "Deadline":
        return cls(monotonic() + seconds, monotonic)

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.at - self.monotonic())

    def check(self) -> None:
        """Raises DEADLINE_EXCEEDED when nothing is left."""
        if self.remaining() <= 0.0:
            raise OnRecordError(
                ErrorCode.DEADLINE_EXCEEDED, "the caller's deadline passed before the work was done"
            )
