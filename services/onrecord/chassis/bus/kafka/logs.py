"""What librdkafka may say in our logs."""

import logging
import re
import time
from typing import Final

_NUMBERS: Final = re.compile(r"\d+")
_EVERY: Final = 60.0
LOGGER: Final = "librdkafka"
INFORMATION: Final = 6
"""As syslog numbers it: what librdkafka is to tell us."""
_CUT_OFF: Final = "Disconnected"


class Seldom(logging.Filter):
    """Lets each kind of line through once in so many seconds.

    Of a broker that is away, or lets us not in, each of its threads tells again and again. Why it
    is so stands nowhere else. Lines that differ in numbers only are of one kind, whichever client
    says them.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = _kind(record), time.monotonic()
        if now - self._told.get(kind, float("-inf")) < self._seconds:
            return False
        self._told[kind] = now
        return True


def _kind(record: logging.LogRecord) -> str:
    """Its arguments: facility, client, text."""
    given = record.args if isinstance(record.args, tuple) else ()
    return _NUMBERS.sub("#", str(given[-1] if given else record.msg))


class Heard:
    """What librdkafka says goes to its logger: warnings, and that a broker has cut it off, which
    it holds for mere information, and which is all that it can say of some who are not let in.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER)
        if not any(isinstance(held, Seldom) for held in self._logger.filters):
            self._logger.addFilter(Seldom(_EVERY))

    def log(self, level: int, form: str, *given: str) -> None:
        """`given`: facility, client, text."""
        if level < logging.WARNING and given and _CUT_OFF in given[-1]:
            level = logging.WARNING
        if level >= logging.WARNING:
            self._logger.log(level, form, *given)
