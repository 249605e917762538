"""Searching every granted gallery at once, each to its own end (law 8)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from onrecord.contracts.images import Template
from onrecord.contracts.vector_search import (
    GalleryFailure,
    GalleryResult,
    Plane,
    PlaneSearch,
    TemplateSearch,
)
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


@dataclass(frozen=True, slots=True)
class _Failed:
    """No answer. `open`: the gallery may have been searched nevertheless."""

    error: OnRecordError
    open: bool


_Outcomes = dict[str, GalleryResult | _Failed]
"""What came of each gallery, by name."""


class FanOut:
    """One call a plane, side by side: the caller's thread makes one of them, others are made in
    an executor that is shared and bounded.
    """

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
        wanted = {state.gallery: templates[state.model_id or ""] for state in galleries}
        running: list[Future[_Outcomes]] = []

        known = self._planes.known(wanted)
        unknown = [name for name in wanted if name not in known]
        outcomes: _Outcomes = {}
        calls = _by_plane(known)
        if unknown:
            # Those whose plane is known do not wait until it is found for the others.
            running += self._begun(calls, grant, wanted, deadline)
            found, missing = self._planes.find(unknown, deadline)
            outcomes |= {name: _Failed(error, open=False) for name, error in missing.items()}
            calls = _by_plane(found)
        running += self._begun(calls[:-1], grant, wanted, deadline)
        for plane, names in calls[-1:]:
            # This thread would only wait: it asks one plane itself.
            outcomes |= self._ask(plane, names, grant, wanted, deadline)
        for future in running:
            outcomes |= future.result()
        return tuple(self._searched(state, outcomes[state.gallery]) for state in galleries)

    def _begun(
        self,
        calls: Sequence[tuple[Plane, Sequence[str]]],
        grant: LoggedEntry,
        wanted: Mapping[str, Template],
        deadline: Deadline,
    ) -> "list[Future[_Outcomes]]":
        return [
            self._executor.submit(self._ask, plane, names, grant, wanted, deadline)
            for plane, names in calls
        ]

    def _ask(
        self,
        plane: Plane,
        names: Sequence[str],
        grant: LoggedEntry,
        wanted: Mapping[str, Template],
        deadline: Deadline,
    ) -> _Outcomes:
        """The plane's answers; asked again at once for what failed in passing."""
        outcomes: _Outcomes = {}
        may_be_done: set[str] = set()
        for _ in range(_ATTEMPTS):
            seconds = min(self._limits.plane_seconds, deadline.remaining())
            search = _plane_search(grant, {name: wanted[name] for name in names})
            answers = _answers(plane, search, Deadline.after(seconds))
            for name in names:
                answer = answers[name]
                if isinstance(answer, OnRecordError):
                    if leaves_open(answer):
                        may_be_done.add(name)
                    outcomes[name] = _Failed(answer, name in may_be_done)
                else:
                    outcomes[name] = answer
            names = [name for name in names if _is_to_repeat(outcomes[name])]
            if not names or deadline.remaining() <= 0:
                break
        return outcomes

    def _searched(self, state: GalleryState, outcome: GalleryResult | _Failed) -> Searched:
        if isinstance(outcome, _Failed):
            if outcome.open:
                return Searched(states.unanswered(state, _reason(outcome.error)))
            return Searched(_unsearched(state, outcome.error))
        self._reached(write_points.SEARCH_PLANE_ANSWERED)
        receipt = read(outcome.receipt)
        done = states.searched(state, int(receipt["sequence"]), statement_sha256(outcome.receipt))
        return Searched(done, receipt)


def _by_plane(held: Mapping[str, Plane]) -> list[tuple[Plane, list[str]]]:
    """Each plane once, with those of its galleries that are named."""
    calls: dict[int, tuple[Plane, list[str]]] = {}
    for name, plane in held.items():
        calls.setdefault(id(plane), (plane, []))[1].append(name)
    return list(calls.values())


def _plane_search(grant: LoggedEntry, wanted: Mapping[str, Template]) -> PlaneSearch:
    by_model: dict[str, tuple[Template, list[str]]] = {}
    for name, template in wanted.items():
        by_model.setdefault(template.model_id, (template, []))[1].append(name)
    return PlaneSearch(
        grant,
        tuple(TemplateSearch(template, tuple(names)) for template, names in by_model.values()),
    )


def _answers(
    plane: Plane, search: PlaneSearch, deadline: Deadline
) -> dict[str, GalleryResult | OnRecordError]:
    """By gallery; a call that fails as a whole fails for each of them."""
    try:
        told = plane.search_galleries(search, deadline)
    except OnRecordError as error:
        return dict.fromkeys(search.galleries, error)
    answers = {one.gallery: one.error if isinstance(one, GalleryFailure) else one for one in told}
    if set(answers) != set(search.galleries):
        # Whoever answers for others than were asked for may have done anything.
        wrong = OnRecordError(ErrorCode.INTERNAL, "the plane answered for other galleries")
        return dict.fromkeys(search.galleries, wrong)
    return answers


def _is_to_repeat(outcome: GalleryResult | _Failed) -> bool:
    return isinstance(outcome, _Failed) and is_passing(outcome.error)


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
