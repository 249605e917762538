"""What the bus tells the gateway of enrolments and galleries. The handler of its worker."""

from collections.abc import Sequence
from typing import Final

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Received
from onrecord.contracts.events import ENROLMENT_TOPICS, GALLERY_CHANGED, GalleryChanged
from onrecord.events.messages import read_event
from onrecord.gateway.arrivals import Arrivals
from onrecord.gateway.core import write_points
from onrecord.gateway.core.changes import ChangeNews, news_of
from onrecord.gateway.core.enrolments import EnrolmentProgress, progress_of
from onrecord.gateway.store.galleries import GalleryStore
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.writepoints import WritePoint

GROUP: Final = "gateway"
PROJECTED_TOPICS: Final = (*ENROLMENT_TOPICS, GALLERY_CHANGED)


class Projection:
    """Takes in a poll in two transactions; told again, late or in another order, it is the same."""

    def __init__(self, store: GalleryStore, arrivals: Arrivals, reached: WritePoint) -> None:
        self._store = store
        self._arrivals = arrivals
        self._reached = reached

    def __call__(self, poll: Sequence[Received]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        progress: list[EnrolmentProgress] = []
        news: list[ChangeNews] = []
        for received in poll:
            try:
                self._sort(received, progress, news)
            except OnRecordError as error:
                outcomes.append(Failed(error))
            else:
                outcomes.append(Done())
        ended = self._store.enrolments.advance(progress) if progress else frozenset()
        if news:
            self._store.changes.tell(news)
        self._reached(write_points.ENROLMENT_PROJECTED)
        self._arrivals.told(ended)
        return outcomes

    def _sort(
        self, received: Received, progress: list[EnrolmentProgress], news: list[ChangeNews]
    ) -> None:
        event = read_event(received)
        if isinstance(event, GalleryChanged):
            told = news_of(event.change)
            if told is not None:
                news.append(told)
            return
        one = progress_of(event)
        if one is not None:
            progress.append(one)
