"""Follows the requests of the day through the ledger, and alarms on who spreads out (R-9)."""

from functools import partial

from onrecord.audit.core.fan_out import FanOutLimits, Spans
from onrecord.audit.service.ports import Ledger, RequestsMade
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import Clock

_AT_ONCE = 1000
_SECONDS = 30.0


class FanOutWatch:
    """One pass is one `step`. Starts from the day's first entry, whenever the process began."""

    def __init__(
        self, ledger: Ledger, requests: RequestsMade, limits: FanOutLimits, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._requests = requests
        self._limits = limits
        self._clock = clock
        self._spans: Spans | None = None
        self._next = 0

    def step(self) -> int:
        """How many alarms were written. Raises LEDGER_UNAVAILABLE."""
        today = self._clock.now().date()
        spans = self._spans
        if spans is None or spans.day != today:
            spans = self._spans = Spans(today, self._limits)
            self._next = self._requests.first_of(today)
        self._read(spans)
        written = 0
        for who in tuple(spans.unusual()):
            appended = self._ledger.append(partial(spans.alarm, who=who), Deadline.after(_SECONDS))
            spans.told(who)
            written += not appended.existed
        return written

    def _read(self, spans: Spans) -> None:
        while True:
            made, following = self._requests.after(self._next, _AT_ONCE)
            for one in made:
                spans.see(one)
            if following == self._next:
                return
            self._next = following
