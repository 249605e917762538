"""How a search ends, other than by two examinations disagreeing or agreeing in time."""

import logging
from collections.abc import Sequence

from onrecord.contracts.audit import Audit
from onrecord.contracts.images import DetectionRefusal
from onrecord.gateway.core import states, write_points
from onrecord.gateway.core.states import GalleryState, Reason
from onrecord.gateway.store import CaseworkStore, Search
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import GalleryStatus, SearchStatus
from onrecord.kernel.writepoints import WritePoint

_log = logging.getLogger(__name__)


class Endings:
    """Brings searches to their end, on the record."""

    def __init__(
        self,
        *,
        audit: Audit,
        store: CaseworkStore,
        clock: Clock,
        reached: WritePoint,
    ) -> None:
        self._audit = audit
        self._store = store
        self._clock = clock
        self._reached = reached

    def refuse_quality(
        self, search: Search, refusal: DetectionRefusal, deadline: Deadline
    ) -> Search:
        """Detection's signed refusal is logged, and is the end of every granted gallery."""
        try:
            self._audit.record_quality_refusal(search.search_id, refusal.attestation, deadline)
        except OnRecordError as error:
            if error.code is ErrorCode.SEARCH_STATE and self.is_past(search):
                return self.expire(search)  # the ledger has said so already
            raise
        self._reached(write_points.SEARCH_QUALITY_LOGGED)
        reason = Reason(refusal.code.value, refusal.message)
        return self._store.searches.end(
            search,
            SearchStatus.REFUSED_QUALITY,
            galleries=_all_given_up(search.galleries, reason),
            reasons=(reason,),
            quality=refusal.quality,
        )

    def fail(self, search: Search, error: OnRecordError, deadline: Deadline) -> Search:
        """What is wrong will not pass: every gallery that has no end gets this one."""
        if error.code is ErrorCode.GRANT_EXPIRED:
            return self.expire(search)
        reason = Reason(error.code.value, error.message)
        galleries = _all_given_up(search.galleries, reason)
        self._give_up(search, galleries, galleries, deadline)
        return self._store.searches.end(
            search, SearchStatus.FAILED, galleries=galleries, reasons=(reason,)
        )

    def give_up_unreached(
        self, search: Search, galleries: Sequence[GalleryState], deadline: Deadline
    ) -> tuple[GalleryState, ...]:
        """Galleries that were not searched end here, since the others go to examination."""
        ended = tuple(
            state if state.ended else states.given_up(state, _last_reason(state), retryable=True)
            for state in galleries
        )
        if any(_is_failure(state) for state in ended):
            known = {state.gallery: state for state in search.galleries}
            noted = [state if _is_failure(state) else known[state.gallery] for state in ended]
            self._give_up(search, noted, ended, deadline)
        return ended

    def is_past(self, search: Search) -> bool:
        """Whether the grant has expired."""
        return search.expires_at is not None and self._clock.now() >= search.expires_at

    def expire(self, search: Search) -> Search:
        """The grant ran out before anything was sealed. The ledger's own entry is audit's."""
        galleries = tuple(
            state if state.ended else states.expired(state) for state in search.galleries
        )
        return self._store.searches.end(search, SearchStatus.EXPIRED, galleries=galleries)

    def _give_up(
        self,
        search: Search,
        noted: Sequence[GalleryState],
        galleries: Sequence[GalleryState],
        deadline: Deadline,
    ) -> None:
        """Log `search.failed`, once a gallery, so that a repeat finds each entry by itself.

        That they are given up is kept before it is logged: a repeat after a crash must not search
        a gallery whose failure stands in the ledger.
        """
        self._store.searches.note_galleries(search, noted)
        self._reached(write_points.SEARCH_GIVEN_UP)
        for state in galleries:
            if _is_failure(state):
                self._log_failure(search, state, deadline)
        self._reached(write_points.SEARCH_FAILURE_LOGGED)

    def _log_failure(self, search: Search, state: GalleryState, deadline: Deadline) -> None:
        code = _last_reason(state).code
        try:
            self._audit.record_failure(search.search_id, [state.gallery], code, deadline)
        except OnRecordError as error:
            if error.code is not ErrorCode.SEARCH_STATE:
                raise
            # It has an end already, such as `expired`; one is what the ledger wants of each.
            _log.warning(
                "gallery had ended",
                extra={"search_id": search.search_id, "gallery": state.gallery},
            )


def _all_given_up(galleries: Sequence[GalleryState], reason: Reason) -> tuple[GalleryState, ...]:
    return tuple(
        state if state.ended else states.given_up(state, reason, retryable=False)
        for state in galleries
    )


def _is_failure(state: GalleryState) -> bool:
    """Granted, over, and not searched: the ledger is to hold `search.failed`.

    Not where the plane was asked and has not said: a receipt that came after it were an alarm.
    """
    over = state.ended and state.status in (GalleryStatus.UNAVAILABLE, GalleryStatus.EXPIRED)
    return over and not state.asked


def _last_reason(state: GalleryState) -> Reason:
    if state.reasons:
        return state.reasons[-1]
    return Reason(ErrorCode.PLANE_UNAVAILABLE.value, "it was not reached")
