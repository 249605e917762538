"""Searching every granted gallery at once, each to its own end (law 8)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from onrecord.contracts.images import Template
from onrecord.contracts.vector_search import GalleryResult, GallerySearch, Plane
from onrecord.gateway.core import states, write_points
from onrecord.gateway.core.states import GalleryState, Reason
from onrecord.gateway.limits import Limits
from onrecord.gateway.passing import is_passing, leaves_open
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.statements import read, statement_sha256

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Searched:
    """How far one gallery is, and its receipt's statement where it was searched."""

    state: GalleryState
    receipt: Mapping[str, Any] | None = None


class FanOut:
    """A thread a gallery: the caller's, and others of an executor that is shared and bounded."""

    def __init__(
        self,
        planes: PlaneDirectory,
        executor: Executor,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._planes = planes
        self._executor = executor
        self._limits = limits
        self._reached = reached

    def search(
        self,
        galleries: Sequence[GalleryState],
        grant: LoggedEntry,
        templates: Mapping[str, Template],
        deadline: Deadline,
    ) -> tuple[Searched, ...]:
        """Each gallery searched, unreached, given up or expired, in the order given.

        A gallery that cannot be searched is told in its state. A plane answers only once its
        receipt is on its way to the ledger (law 3), so there is nothing to carry there.
        """
        *others, last = galleries
        running = [
            self._executor.submit(self._search_one, state, grant, templates, deadline)
            for state in others
        ]
        # This thread would only wait: it takes one gallery itself.
        mine = self._search_one(last, grant, templates, deadline)
        return (*(future.result() for future in running), mine)

    def _search_one(
        self,
        state: GalleryState,
        grant: LoggedEntry,
        templates: Mapping[str, Template],
        deadline: Deadline,
    ) -> Searched:
        try:
            plane = self._planes.of(state.gallery, deadline)
        except OnRecordError as error:
            return Searched(_unsearched(state, error))
        template = templates[state.model_id or ""]
        result = self._ask(plane, GallerySearch(state.gallery, grant, template), deadline)
        if isinstance(result, _Failed):
            if result.open:
                return Searched(states.unanswered(state, _reason(result.error)))
            return Searched(_unsearched(state, result.error))
        self._reached(write_points.SEARCH_PLANE_ANSWERED)
        receipt = read(result.receipt)
        done = states.searched(state, int(receipt["sequence"]), statement_sha256(result.receipt))
        return Searched(done, receipt)

    def _ask(
        self, plane: Plane, wanted: GallerySearch, deadline: Deadline
    ) -> "GalleryResult | _Failed":
        """The answer, asked for again at once where the first attempt failed in passing."""
        may_be_done = False
        for attempt in range(1, _ATTEMPTS + 1):
            seconds = min(self._limits.plane_seconds, deadline.remaining())
            try:
                return plane.search(wanted, Deadline.after(seconds))
            except OnRecordError as error:
                may_be_done = may_be_done or leaves_open(error)
                if attempt == _ATTEMPTS or not is_passing(error) or deadline.remaining() <= 0:
                    return _Failed(error, may_be_done)
        raise AssertionError("the last attempt returns")


@dataclass(frozen=True, slots=True)
class _Failed:
    """No answer. `open`: the gallery may have been searched nevertheless."""

    error: OnRecordError
    open: bool


def _unsearched(state: GalleryState, error: OnRecordError) -> GalleryState:
    """A gallery that was not searched this time; where it was asked before, that stays open."""
    reason = _reason(error)
    if states.in_doubt(state):
        return states.unanswered(state, reason)
    if error.code is ErrorCode.GRANT_EXPIRED:
        return states.expired(state)
    if is_passing(error):
        return states.unreached(state, reason)
    return states.given_up(state, reason, retryable=False)


def _reason(error: OnRecordError) -> Reason:
    return Reason(error.code.value, error.message)
