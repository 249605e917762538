"""The blind comparison of a probe with every candidate, by two people (R-14, R-15).

Nothing an examiner is shown depends on what the other has done, nor on who asked or what for; no
score, no gallery and no rank reaches them. Each look is written down before it is opened.
"""

from dataclasses import dataclass
from typing import Any

from onrecord.contracts.audit import Audit, DecideCall, LookCall
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import draw, write_points
from onrecord.gateway.core.decisions import decision_digest, parse_decision
from onrecord.gateway.custody import Custody
from onrecord.gateway.drawing import ExaminerDraw
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.settling import Settling
from onrecord.gateway.store import CaseworkStore, Search, Task
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import GalleryStatus, Role, SearchStatus, TaskStatus
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof.entry import LoggedEntry


@dataclass(frozen=True, slots=True)
class OpenedTask:
    """A task and its candidates in this examiner's order; none once it is closed."""

    task: Task
    candidate_refs: tuple[str, ...]


class Examinations:
    """The use-cases of an examiner."""

    def __init__(
        self,
        *,
        audit: Audit,
        planes: PlaneDirectory,
        store: CaseworkStore,
        custody: Custody,
        draw: ExaminerDraw,
        settling: Settling,
        clock: Clock,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._audit = audit
        self._planes = planes
        self._store = store
        self._custody = custody
        self._draw = draw
        self._settling = settling
        self._clock = clock
        self._limits = limits
        self._reached = reached

    def join(self, caller: Caller) -> draw.Examiner:
        """Enter the pool, and draw for the searches that wait. Raises ROLE_MISSING, TRAINING_*."""
        caller.require(Role.EXAMINER)
        now = self._clock.now()
        completed = draw.check_training(caller.claims.training_completed, now.date())
        examiner = draw.Examiner(caller.person, caller.claims.agency, completed)
        self._store.examiners.join(examiner, now)
        self._draw.draw_waiting()
        return examiner

    def list_own(self, caller: Caller, after: str, limit: int) -> tuple[Task, ...]:
        """The caller's tasks, by rising id above `after`."""
        caller.require(Role.EXAMINER)
        return self._store.tasks.of_person(caller.person, after, limit)

    def open(self, caller: Caller, task_id: str) -> OpenedTask:
        """A task with its candidates. Raises NOT_FOUND, TASK_NOT_YOURS."""
        task = self._own(caller, task_id)
        if task.sealed_order is None:
            return OpenedTask(task, ())
        return OpenedTask(task, self._custody.order(self._searched(task), task))

    def look_at_probe(self, caller: Caller, task_id: str) -> bytes:
        """The probe (encoded image), after the look is logged."""
        task, search = self._undecided(caller, task_id)
        probe = self._custody.probe(search)
        call = LookCall(search.search_id, task.task_id, None, None, caller.token, caller.request_id)
        self._authorize_look(call, Deadline.after(self._limits.call_seconds))
        return probe

    def look_at_candidate(self, caller: Caller, task_id: str, candidate_ref: str) -> bytes:
        """A candidate's portrait (encoded image), opened by its plane against the logged look."""
        task, search = self._undecided(caller, task_id)
        gallery = self._gallery_of(search, candidate_ref)
        deadline = Deadline.after(self._limits.call_seconds)
        call = LookCall(
            search.search_id,
            task.task_id,
            gallery,
            candidate_ref,
            caller.token,
            caller.request_id,
        )
        look = self._authorize_look(call, deadline)
        return self._planes.of(gallery, deadline).open_portrait(look, deadline)

    def decide(self, caller: Caller, task_id: str, document: dict[str, Any]) -> Task:
        """Log a decision on every candidate; with the second, audit derives the outcome.

        Raises TASK_DECIDED, DECISION_*, FIELD_*. A repeat of the very decision whose answer was
        lost on the way succeeds.
        """
        task, search = self._undecided(caller, task_id)
        order = self._custody.order(search, task)
        method, decisions = parse_decision(document, order)
        digest = decision_digest(method, decisions)
        intended = self._store.tasks.intend(task_id, digest)
        self._reached(write_points.DECISION_INTENDED)
        call = DecideCall(
            search.search_id, task_id, method, decisions, caller.token, caller.request_id
        )
        index, other = self._log_decision(call)
        self._reached(write_points.DECISION_LOGGED)
        self._store.tasks.decided(task_id, intended if other else digest, index)
        self._reached(write_points.DECISION_KEPT)
        self._settling.settle(self._store.searches.get(search.search_id))
        if other is not None:
            raise other
        return self._store.tasks.get(task_id)

    def _authorize_look(self, call: LookCall, deadline: Deadline) -> LoggedEntry:
        try:
            look = self._audit.authorize_look(call, deadline)
        except OnRecordError as error:
            self._say_if_passing(call.search_id, error)
            raise
        self._reached(write_points.LOOK_LOGGED)
        return look

    def _say_if_passing(self, search_id: str, error: OnRecordError) -> None:
        """Raises LEDGER_UNAVAILABLE in place of `error` where waiting helps.

        The ledger hears of the searched galleries over the bus. While it has not, it takes neither
        look nor decision; that passes by itself, and is told as what passes. Where the
        ledger has ended every gallery otherwise, nothing comes any more.
        """
        if error.code is not ErrorCode.SEARCH_STATE:
            return
        search = self._settling.with_entries(self._store.searches.get(search_id))
        searched = any(state.status is GalleryStatus.SEARCHED for state in search.galleries)
        if searched and search.status is SearchStatus.EXAMINING:
            raise OnRecordError(
                ErrorCode.LEDGER_UNAVAILABLE,
                "the ledger does not hold the receipts of this search yet; try again",
            ) from error

    def _log_decision(self, call: DecideCall) -> tuple[int | None, OnRecordError | None]:
        """The entry's index, a repeat's too; or the error where another decision stands there.

        The ledger alone knows which one stands: what was intended here may not have been logged.
        """
        try:
            deadline = Deadline.after(self._limits.call_seconds)
            return self._audit.decide(call, deadline).index, None
        except OnRecordError as error:
            self._say_if_passing(call.search_id, error)
            if error.code is not ErrorCode.TASK_DECIDED:
                raise
            return None, error

    def _own(self, caller: Caller, task_id: str) -> Task:
        caller.require(Role.EXAMINER)
        task = self._store.tasks.get(task_id)
        if task.person != caller.person:
            raise OnRecordError(ErrorCode.TASK_NOT_YOURS, "this task was given to somebody else")
        return task

    def _undecided(self, caller: Caller, task_id: str) -> tuple[Task, Search]:
        task = self._own(caller, task_id)
        search = self._store.searches.get(task.search_id)
        if task.status is TaskStatus.DECIDED:
            self._settling.settle(search)
            raise OnRecordError(ErrorCode.TASK_DECIDED, "this task has been decided")
        return task, self._settling.with_entries(search)

    def _searched(self, task: Task) -> Search:
        """The task's search, with the galleries that the ledger holds as searched."""
        return self._settling.with_entries(self._store.searches.get(task.search_id))

    def _gallery_of(self, search: Search, candidate_ref: str) -> str:
        for candidate in self._custody.candidates(search):
            if candidate.candidate_ref == candidate_ref:
                return candidate.gallery
        raise OnRecordError(ErrorCode.NOT_FOUND, "that candidate is not in this task")
