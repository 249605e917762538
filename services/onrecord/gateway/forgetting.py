"""What the gateway keeps only for a time, and lets go of when that is over."""

from datetime import timedelta

from onrecord.clients.transport import TransportSeals
from onrecord.gateway.limits import Limits
from onrecord.gateway.store import EventStore
from onrecord.gateway.store.galleries import GalleryStore
from onrecord.kernel.times import Clock


class Forgetting:
    """Repeatable, stopped anywhere it goes on, and harmless beside another gateway's."""

    def __init__(
        self,
        *,
        events: EventStore,
        galleries: GalleryStore,
        seals: TransportSeals,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._events = events
        self._galleries = galleries
        self._seals = seals
        self._clock = clock
        self._limits = limits

    def run(self) -> None:
        """To be called from time to time. Each transaction is short: searches write in between."""
        self._seals.forget()
        now = self._clock.now()
        events = now - timedelta(days=self._limits.event_days)
        enrolments = now - timedelta(days=self._limits.enrolment_days)
        while self._events.forget_before(events):
            pass
        # A change is known to be told for as long as the event that told it is there.
        while self._galleries.changes.forget_before(events):
            pass
        while self._galleries.enrolments.forget_before(enrolments):
            pass
