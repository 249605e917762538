"""What brings a search on, whoever looks at it: every step may be repeated.

It finishes what a crash left between two steps, and takes in what the ledger has heard since:
`settle` and `with_entries` are called whenever a search is looked at, `recover` once at start.
"""

import logging
from datetime import timedelta

from onrecord.contracts.audit import Audit, SearchEnd
from onrecord.gateway.core import states, write_points
from onrecord.gateway.core.states import GalleryState
from onrecord.gateway.drawing import ExaminerDraw
from onrecord.gateway.endings import Endings
from onrecord.gateway.limits import Limits
from onrecord.gateway.passing import is_passing
from onrecord.gateway.store import CaseworkStore, Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import EntryKind, SearchStatus, TaskStatus
from onrecord.kernel.writepoints import WritePoint

_log = logging.getLogger(__name__)


class Settling:
    """Brings searches as far as they can go by themselves."""

    def __init__(
        self,
        *,
        audit: Audit,
        store: CaseworkStore,
        draw: ExaminerDraw,
        endings: Endings,
        clock: Clock,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._audit = audit
        self._store = store
        self._draw = draw
        self._endings = endings
        self._clock = clock
        self._limits = limits
        self._reached = reached

    def settle(self, search: Search) -> Search:
        """Bring a search as far as it can go by itself. Never raises for what may pass."""
        try:
            return self._settle(search)
        except OnRecordError as error:
            if not is_passing(error):
                raise
            _log.warning(
                "search not settled",
                extra={"search_id": search.search_id, "code": error.code.value},
            )
            return search

    def with_entries(self, search: Search) -> Search:
        """With what the ledger has heard of its receipts since it was answered."""
        if not any(states.awaits_entry(state) for state in search.galleries):
            return search
        try:
            ends = self._audit.ends(search.search_id, Deadline.after(self._limits.call_seconds))
        except OnRecordError as error:
            if not is_passing(error):
                raise
            return search
        galleries = tuple(
            _as_logged(state, [one for one in ends if one.gallery == state.gallery])
            for state in search.galleries
        )
        if galleries == search.galleries:
            return search
        return self._store.searches.note_entries(search, galleries)

    def recover(self) -> None:
        """After a start: finish what a crash left between two steps."""
        for status in (SearchStatus.PROCESSING, SearchStatus.SEALED, SearchStatus.EXAMINING):
            for search_id in self._store.searches.in_state(status):
                self.settle(self._store.searches.get(search_id))

    def _settle(self, search: Search) -> Search:
        if search.status is SearchStatus.PROCESSING and self._is_abandoned(search):
            return self._endings.expire(search)
        if search.status is SearchStatus.SEALED:
            return self._draw.draw(search)
        if search.status is SearchStatus.EXAMINING:
            return self._conclude(search)
        return search

    def _is_abandoned(self, search: Search) -> bool:
        # A call that began before the expiry may still be at work on it.
        still_at_work = timedelta(seconds=self._limits.search_seconds)
        return (
            search.expires_at is not None and self._clock.now() >= search.expires_at + still_at_work
        )

    def _conclude(self, search: Search) -> Search:
        """Release or close, once both decisions are in the ledger.

        A task whose decision was begun counts as possibly in: its answer may have been lost.
        """
        tasks = self._store.tasks.of_search(search.search_id)
        if any(task.decision_digest is None for task in tasks):
            return search
        deadline = Deadline.after(self._limits.call_seconds)
        try:
            outcome = self._audit.release(search.search_id, deadline)
        except OnRecordError as error:
            if error.code is ErrorCode.SEARCH_STATE:
                return search
            raise
        self._reached(write_points.RELEASE_LOGGED)
        for task in tasks:
            if task.status is TaskStatus.OPEN:
                self._store.tasks.decided(task.task_id, str(task.decision_digest), None)
        status = SearchStatus.NO_LEAD if outcome.proof is None else SearchStatus.RELEASED
        search = self._store.searches.conclude(search, status, outcome.entry.index)
        self._reached(write_points.RELEASE_KEPT)
        return search


def _as_logged(state: GalleryState, ends: list[SearchEnd]) -> GalleryState:
    """A gallery has one end in the ledger: its receipt, or another that was there before it."""
    if not states.awaits_entry(state):
        return state
    for one in ends:
        if one.receipt_sha256 is not None and one.receipt_sha256 == state.receipt_sha256:
            return states.logged(state, one.index)
    for one in ends:
        if one.kind is not EntryKind.SEARCH_EXECUTED:
            return states.overtaken(state, one.kind.value, one.index)
    return state
