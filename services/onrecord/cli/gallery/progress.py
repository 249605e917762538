"""How far a long work is, said on standard error: one line rewritten, or one now and then."""

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

_WINDOW_SECONDS = 60.0
_LINE_SECONDS = 10.0


class Progress:
    """`told` may be called often. Rate and time left are those of the last minute."""

    def __init__(
        self,
        total: int,
        unit: str,
        *,
        out: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._unit = unit
        self._out = out or sys.stderr
        self._monotonic = monotonic
        self._live = self._out.isatty()
        self._seen: deque[tuple[float, int]] = deque()
        self._said_at = float("-inf")
        self._width = 0

    def told(self, done: int, note: str = "") -> None:
        """`done` of the total; `note` is added as it is."""
        now = self._monotonic()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        if self._live:
            self._rewrite(self._line(done, note))
        elif now - self._said_at >= _LINE_SECONDS:
            self._said_at = now
            self._out.write(self._line(done, note) + "\n")
            self._out.flush()

    def end(self, done: int, note: str = "") -> None:
        """The last word, whenever the one before was."""
        line = self._line(done, note)
        if self._live:
            self._rewrite(line)
            self._out.write("\n")
        else:
            self._out.write(line + "\n")
        self._out.flush()

    def _line(self, done: int, note: str) -> str:
        share = 100 * done // max(1, self._total)
        rate = self._rate()
        said = f"{done:,} of {self._total:,} {self._unit} ({share} %)"
        if rate > 0:
            said += f", {rate:.1f}/s"
            if done < self._total:
                said += f", {duration((self._total - done) / rate)} left"
        return said + (f"; {note}" if note else "")

    def _rate(self) -> float:
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    def _rewrite(self, line: str) -> None:
        self._out.write("\r" + line.ljust(self._width))
        self._out.flush()
        self._width = len(line)


def duration(seconds: float) -> str:
    """`2 d 3 h`, `3 h 5 min`, `4 min 10 s`, `8 s`."""
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {whole % 60} s"
    return f"{whole} s"
