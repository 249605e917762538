"""Crops that are to be enrolled: a poll's worth through the model at once."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Received
from onrecord.chassis.dispositions import DISPOSITIONS, Disposition
from onrecord.chassis.throttle import Foreground
from onrecord.clients.transport import CROP, TEMPLATE, TransportSeals
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.events import EnrolmentRef, FaceDetected, FaceEmbedded
from onrecord.contracts.images import AlignedCrop, Template
from onrecord.events.handling import ended, ticketed_model
from onrecord.events.messages import message_of, read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.rpc.v1 import values_pb2
from onrecord.rpc.values import read_aligned_crop, template_message

_POLL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A crop that was opened, and where in the poll it came from."""

    place: int
    enrolment: EnrolmentRef
    request: EmbedRequest


class CropConsumer:
    """The handler of `face.detected`. A crop that is not sound fails alone.

    `executor`: on what the batches of one poll are worked on side by side.
    """

    def __init__(
        self,
        *,
        embedding: FaceEmbedding,
        seals: TransportSeals,
        foreground: Foreground,
        executor: Executor,
        clock: Clock,
        batch: int = 2,
    ) -> None:
        self._embedding = embedding
        self._seals = seals
        self._foreground = foreground
        self._executor = executor
        self._clock = clock
        self._batch = batch

    def __call__(self, poll: Sequence[Received]) -> Sequence[Outcome]:
        deadline = Deadline.after(_POLL_SECONDS)
        outcomes: dict[int, Outcome] = {}
        waiting: list[_Waiting] = []
        for place, received in enumerate(poll):
            opened = self._opened(place, received, deadline)
            if isinstance(opened, _Waiting):
                waiting.append(opened)
            else:
                outcomes[place] = opened
        size = self._batch
        batches = [waiting[start : start + size] for start in range(0, len(waiting), size)]
        for done in self._executor.map(lambda batch: self._in_turn(batch, deadline), batches):
            outcomes.update(done)
        return [outcomes[place] for place in range(len(poll))]

    def _opened(self, place: int, received: Received, deadline: Deadline) -> _Waiting | Outcome:
        try:
            event = read_event(received)
        except OnRecordError as error:
            return Failed(error)
        if not isinstance(event, FaceDetected):
            return Failed(OnRecordError(ErrorCode.EVENT_MALFORMED, "another event's message"))
        try:
            ticketed_model(event.ticket, event.enrolment)
            crop = _crop(self._seals.open(CROP, event.enrolment, event.crop, deadline))
        except OnRecordError as error:
            return ended(error, event.enrolment, self._clock.now())
        return _Waiting(place, event.enrolment, EmbedRequest(crop, event.ticket))

    def _in_turn(self, waiting: Sequence[_Waiting], deadline: Deadline) -> dict[int, Outcome]:
        # Small batches: a search waits for those at work at the most.
        self._foreground.give_way()
        return self._embedded(waiting, deadline)

    def _embedded(self, waiting: Sequence[_Waiting], deadline: Deadline) -> dict[int, Outcome]:
        try:
            templates = self._embedding.embed([one.request for one in waiting], deadline)
        except OnRecordError as error:
            passing = DISPOSITIONS[error.code] is Disposition.RETRY
            if passing or len(waiting) == 1:
                now = self._clock.now()
                return {one.place: ended(error, one.enrolment, now) for one in waiting}
            # One of them is not to be embedded, and none was: find it.
            found: dict[int, Outcome] = {}
            for one in waiting:
                found.update(self._embedded([one], deadline))
            return found
        return {
            one.place: self._sealed(one, template, deadline)
            for one, template in zip(waiting, templates, strict=True)
        }

    def _sealed(self, one: _Waiting, template: Template, deadline: Deadline) -> Outcome:
        encoded = template_message(template).SerializeToString()
        try:
            sealed = self._seals.seal(TEMPLATE, one.enrolment, encoded, deadline)
        except OnRecordError as error:
            return Failed(error)
        return Done((message_of(FaceEmbedded(one.enrolment, sealed)),))


def _crop(encoded: bytes) -> AlignedCrop:
    try:
        return read_aligned_crop(values_pb2.AlignedCrop.FromString(encoded))
    except (DecodeError, OnRecordError) as error:
        raise OnRecordError(ErrorCode.EVENT_MALFORMED, "what was sealed is no crop") from error
