"""Drawing the two examiners of a sealed search (R-15)."""

from collections.abc import Sequence
from random import Random

from onrecord.gateway.core import draw, write_points
from onrecord.gateway.custody import Custody
from onrecord.gateway.store import CaseworkStore, SealedCasework, Search, Task
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import SearchStatus, TaskStatus
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof.casework import MergedCandidate


class ExaminerDraw:
    """Draws as soon as two qualified people are in the pool; until then a search stays sealed."""

    def __init__(
        self,
        store: CaseworkStore,
        custody: Custody,
        clock: Clock,
        chance: Random,
        reached: WritePoint,
    ) -> None:
        self._store = store
        self._custody = custody
        self._clock = clock
        self._chance = chance
        self._reached = reached

    def draw(self, search: Search) -> Search:
        """The search as it is afterwards. Both tasks are made in one step, and alike."""
        if search.status is not SearchStatus.SEALED or search.sealed is None:
            return search
        tasks = self.tasks(search, search.sealed, self._custody.named(search))
        if not tasks:
            return search
        search = self._store.searches.assign(search, tasks)
        self._reached(write_points.SEARCH_DRAWN)
        return search

    def tasks(
        self, search: Search, sealed: SealedCasework, named: Sequence[MergedCandidate]
    ) -> tuple[Task, ...]:
        """The two tasks of a search whose casework is `sealed`; none while nobody can be drawn.

        `named`: everybody whom its receipts name.
        """
        pool = self._store.examiners.for_case(search.agency, search.case_number)
        known = pool.case_team | {search.person}
        eligible = draw.qualified(pool.examiners, self._clock.now().date(), known)
        drawn = draw.draw_examiners(eligible, self._chance)
        if drawn is None:
            return ()
        references = [one.candidate_ref for one in named]
        return tuple(self._task(search, sealed, one.person, references) for one in drawn)

    def draw_waiting(self) -> None:
        """Every search that waits for examiners."""
        for search_id in self._store.searches.in_state(SearchStatus.SEALED):
            self.draw(self._store.searches.get(search_id))

    def _task(
        self, search: Search, sealed: SealedCasework, person: str, references: list[str]
    ) -> Task:
        task_id = f"task-{self._chance.getrandbits(128):032x}"
        order = draw.shuffled(references, self._chance)
        return Task(
            task_id=task_id,
            search_id=search.search_id,
            person=person,
            status=TaskStatus.OPEN,
            sealed_order=self._custody.seal_order(search.search_id, sealed, task_id, order),
        )
