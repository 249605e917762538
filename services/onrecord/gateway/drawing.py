"""Drawing the two examiners of a sealed search (R-15)."""

from random import Random

from onrecord.gateway.core import draw, write_points
from onrecord.gateway.custody import Custody
from onrecord.gateway.store import CaseworkStore, Search, Task
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import SearchStatus, TaskStatus
from onrecord.kernel.writepoints import WritePoint


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
        if search.status is not SearchStatus.SEALED:
            return search
        team = self._store.examiners.case_team(search.agency, search.case_number)
        eligible = draw.qualified(
            self._store.examiners.all(), self._clock.now().date(), team | {search.person}
        )
        drawn = draw.draw_examiners(eligible, self._chance)
        if drawn is None:
            return search
        references = [one.candidate_ref for one in self._custody.candidates(search)]
        tasks = [self._task(search, examiner.person, references) for examiner in drawn]
        self._store.tasks.assign(search.search_id, tasks)
        self._reached(write_points.SEARCH_DRAWN)
        return self._store.searches.get(search.search_id)

    def draw_waiting(self) -> None:
        """Every search that waits for examiners."""
        for search_id in self._store.searches.in_state(SearchStatus.SEALED):
            self.draw(self._store.searches.get(search_id))

    def _task(self, search: Search, person: str, references: list[str]) -> Task:
        task_id = f"task-{self._chance.getrandbits(128):032x}"
        order = draw.shuffled(references, self._chance)
        return Task(
            task_id=task_id,
            search_id=search.search_id,
            person=person,
            status=TaskStatus.OPEN,
            sealed_order=self._custody.seal_order(search, task_id, order),
        )
