"""What a plane takes from the bus: templates to be made live, and rejections."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Received
from onrecord.chassis.throttle import Foreground
from onrecord.contracts.events import (
    ENROLMENT_REJECTED,
    FACE_EMBEDDED,
    EnrolmentRejected,
    FaceEmbedded,
)
from onrecord.events.messages import read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.service.plane import PlaneService

TOPICS: Final = (FACE_EMBEDDED, ENROLMENT_REJECTED)
_POLL_SECONDS: Final = 60.0

_Event = TypeVar("_Event", FaceEmbedded, EnrolmentRejected)
_Take = Callable[[str, Sequence[_Event], Deadline], list[OnRecordError | None]]


def group_of(plane: str) -> str:
    """Every plane reads everything, and leaves what is another's."""
    return f"plane.{plane}"


class PlaneConsumer:
    """The handler of `TOPICS`: a poll's worth of each gallery at once.

    What it says goes through the roster's outbox, with what it tells of; so nothing is returned
    to be published. Galleries that are not this plane's are passed over.
    """

    def __init__(self, plane: PlaneService, foreground: Foreground) -> None:
        self._plane = plane
        self._foreground = foreground

    def __call__(self, poll: Sequence[Received]) -> Sequence[Outcome]:
        self._foreground.give_way()
        deadline = Deadline.after(_POLL_SECONDS)
        ours = {one.jurisdiction for one in self._plane.galleries(deadline)}
        outcomes: list[Outcome] = [Done() for _ in poll]
        embedded: dict[str, list[tuple[int, FaceEmbedded]]] = {}
        rejected: dict[str, list[tuple[int, EnrolmentRejected]]] = {}
        for place, received in enumerate(poll):
            try:
                event = read_event(received)
            except OnRecordError as error:
                outcomes[place] = Failed(error)
                continue
            match event:
                case FaceEmbedded(ref) if ref.gallery in ours:
                    embedded.setdefault(ref.gallery, []).append((place, event))
                case EnrolmentRejected(ref) if ref.gallery in ours:
                    rejected.setdefault(ref.gallery, []).append((place, event))
                case FaceEmbedded() | EnrolmentRejected():
                    pass
                case _:
                    wrong = OnRecordError(ErrorCode.EVENT_MALFORMED, "another event's message")
                    outcomes[place] = Failed(wrong)
        for gallery, some in embedded.items():
            _work(self._plane.take_embedded, gallery, some, outcomes, deadline)
        for gallery, others in rejected.items():
            _work(self._plane.take_rejected, gallery, others, outcomes, deadline)
        return outcomes


def _work(
    take: "_Take[_Event]",
    gallery: str,
    some: Sequence[tuple[int, _Event]],
    outcomes: list[Outcome],
    deadline: Deadline,
) -> None:
    said: Sequence[OnRecordError | None]
    try:
        said = take(gallery, [event for _, event in some], deadline)
    except OnRecordError as error:  # of this gallery alone: the others' are worked on
        said = [error] * len(some)
    for (place, _), wrong in zip(some, said, strict=True):
        if wrong is not None:
            outcomes[place] = Failed(wrong)
