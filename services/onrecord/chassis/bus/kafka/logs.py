"""What kafka-python may say in our logs."""

import logging
import time
from typing import Final

_TALKATIVE: Final = (
    "kafka.net.manager",
    "kafka.net.connection",
    "kafka.net.transport",
    "kafka.cluster",
    "kafka.coordinator",
)
_EVERY: Final = 60.0


class Seldom(logging.Filter):
    """Lets each kind of line through once in so many seconds.

    Of a broker that is away, or lets us not in, kafka-python tells several times a second. Why it
    is so stands nowhere else.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = str(record.msg), time.monotonic()
        if now - self._told.get(kind, float("-inf")) < self._seconds:
            return False
        self._told[kind] = now
        return True


def calm() -> None:
    """Repeatable. Nothing below warnings, ever: at DEBUG it repeats what messages hold."""
    logger = logging.getLogger("kafka")
    logger.setLevel(max(logger.level, logging.WARNING))
    for name in _TALKATIVE:
        one = logging.getLogger(name)
        if not any(isinstance(held, Seldom) for held in one.filters):
            one.addFilter(Seldom(_EVERY))
