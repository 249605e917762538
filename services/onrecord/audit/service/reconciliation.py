"""The ledger looks through its own books: what should have ended, and what nobody told (R-23)."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from onrecord.audit.core.changes import GAP_PATIENCE, change_gap
from onrecord.audit.core.draft import Books, Draft, Existing
from onrecord.audit.core.emergencies import overdue_alarm
from onrecord.audit.core.searching import clock_alarm, endless_alarm, expire
from onrecord.audit.service.fan_out import FanOutWatch
from onrecord.audit.service.ports import Emergencies, EndsOfSearches, Ledger
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock

UNREAD_GRACE = timedelta(seconds=30)
"""How long after it was due an end may still be on the bus before an alarm says so.

Whoever has just started has read nothing yet, so it counts from the start at the earliest.
"""

_LEDGER_AT_FAULT = frozenset(
    {ErrorCode.LEDGER_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED, ErrorCode.OVERLOADED}
)
_AT_ONCE = 256
_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Reconciliation:
    """One pass is one `step`; whatever it finds, it writes once.

    `read_until`: whether everything that planes had published by an instant has been taken in.
    Before that nobody can say that a search was never made.
    """

    def __init__(
        self,
        ledger: Ledger,
        ends: EndsOfSearches,
        emergencies: Emergencies,
        fan_out: FanOutWatch,
        read_until: Callable[[datetime], bool],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._ends = ends
        self._emergencies = emergencies
        self._fan_out = fan_out
        self._read_until = read_until
        self._clock = clock
        self._began = clock.now()

    def step(self) -> int:
        """How many entries were written. Raises LEDGER_UNAVAILABLE."""
        passes = (
            self._clock_was_wrong,
            self._passed,
            self._endless,
            self._changes_missing,
            self._not_followed_up,
            self._fan_out.step,
        )
        return sum(one() for one in passes)

    def _endless(self) -> int:
        return sum(
            self._overdue(search_id, due)
            for search_id, due in self._ends.overdue(self._clock.now(), _AT_ONCE)
        )

    def _passed(self) -> int:
        """Receipts of later searches show that these will get none: nobody has to wait for them."""
        return sum(
            self._append(partial(expire, search_id=one)) for one in self._ends.passed(_AT_ONCE)
        )

    def _changes_missing(self) -> int:
        """A gallery was changed, and its plane's statement never came (R-42, law 9)."""
        missing = self._ends.changes_missing(self._clock.now() - GAP_PATIENCE, _AT_ONCE)
        return sum(
            self._append(partial(change_gap, gallery=gallery, seen=seen))
            for gallery, seen in missing
        )

    def _not_followed_up(self) -> int:
        """R-10: an emergency whose instrument has not come in time."""
        late = self._emergencies.overdue(self._clock.now(), _AT_ONCE)
        return sum(self._append(partial(overdue_alarm, search_id=one)) for one in late)

    def _overdue(self, search_id: str, due: datetime) -> int:
        if self._read_until(due):
            return self._append(lambda books: expire(books, search_id))
        if self._clock.now() >= max(due, self._began) + UNREAD_GRACE:
            return self._append(lambda books: endless_alarm(books, search_id))
        return 0

    def _clock_was_wrong(self) -> int:
        """Say so, as soon as the ledger takes an entry again."""
        fault = self._ledger.clock_fault
        if fault is None:
            return 0
        _log.critical("the ledger takes no entries: %s", fault)
        written = self._append(lambda books: clock_alarm(books, fault.clock, fault.last))
        self._ledger.forget_clock_fault()
        return written

    def _append(self, proposal: Callable[[Books], Draft | Existing]) -> int:
        try:
            appended = self._ledger.append(proposal, Deadline.after(_SECONDS))
        except OnRecordError as error:
            if error.code is ErrorCode.SEARCH_STATE:
                return 0  # it has ended meanwhile
            if error.code in _LEDGER_AT_FAULT:
                raise
            _log.error("one search could not be brought to its end", exc_info=error)
            return 0  # and the others still can
        return 0 if appended.existed else 1
