"""After a start: finish what the last process did not (R-22)."""

from datetime import timedelta

from onrecord.gateway.endings import Endings
from onrecord.gateway.limits import Limits
from onrecord.gateway.store import EventStore
from onrecord.kernel.times import Clock


class Recovery:
    """Repeatable, and harmless beside another gateway that does the same."""

    def __init__(self, endings: Endings, events: EventStore, clock: Clock, limits: Limits) -> None:
        self._endings = endings
        self._events = events
        self._clock = clock
        self._limits = limits

    def run(self) -> None:
        """Settle every search that is on its way. What is out of reach is left for later: each
        search is settled again whenever somebody looks at it.
        """
        self._endings.recover()
        self._events.forget_before(self._clock.now() - timedelta(days=self._limits.event_days))
