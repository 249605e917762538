"""Portraits that are to be enrolled: from the object store to a sealed crop on the bus."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Received
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.throttle import Foreground
from onrecord.clients.transport import CROP, PORTRAIT, TransportSeals
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.events import (
    EnrolmentRequested,
    FaceDetected,
    SealedBytes,
    ingest_object_key,
)
from onrecord.contracts.images import DetectionRefusal
from onrecord.events.handling import ended, ticketed_model
from onrecord.events.messages import message_of, read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.rpc.values import aligned_crop_message

_ONE_SECONDS = 30.0


class PortraitConsumer:
    """The handler of `enrolment.requested`. Keeps nothing; what it meets twice it does twice.

    `executor`: on what the portraits of one poll are worked on side by side.
    """

    def __init__(
        self,
        *,
        detection: FaceDetection,
        seals: TransportSeals,
        ingest: ObjectStore,
        foreground: Foreground,
        executor: Executor,
        clock: Clock,
    ) -> None:
        self._detection = detection
        self._seals = seals
        self._ingest = ingest
        self._foreground = foreground
        self._executor = executor
        self._clock = clock

    def __call__(self, poll: Sequence[Received]) -> Sequence[Outcome]:
        return list(self._executor.map(self._outcome, poll))

    def _outcome(self, received: Received) -> Outcome:
        self._foreground.give_way()
        try:
            event = read_event(received)
        except OnRecordError as error:
            return Failed(error)
        if not isinstance(event, EnrolmentRequested):
            return Failed(OnRecordError(ErrorCode.EVENT_MALFORMED, "another event's message"))
        try:
            return self._detected(event, Deadline.after(_ONE_SECONDS))
        except OnRecordError as error:
            return ended(error, event.enrolment, self._clock.now())

    def _detected(self, event: EnrolmentRequested, deadline: Deadline) -> Outcome:
        ref = event.enrolment
        model_id = ticketed_model(event.ticket, ref)
        portrait = self._opened(event, deadline)
        found = self._detection.detect(portrait, event.ticket, [model_id], deadline)
        if isinstance(found, DetectionRefusal):
            error = OnRecordError(found.code, found.message)
            return ended(error, ref, self._clock.now(), found.attestation)
        (crop,) = found.crops
        encoded = aligned_crop_message(crop).SerializeToString()
        sealed = self._seals.seal(CROP, ref, encoded, deadline)
        return Done((message_of(FaceDetected(ref, event.ticket, sealed)),))

    def _opened(self, event: EnrolmentRequested, deadline: Deadline) -> bytes:
        ref = event.enrolment
        if event.object_key != ingest_object_key(ref.gallery, ref.enrolment_id):
            raise OnRecordError(ErrorCode.EVENT_MALFORMED, "its portrait stands in another's place")
        try:
            ciphertext = self._ingest.get(event.object_key)
        except OnRecordError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            # Worked on before, or lost. The plane knows which: a live row stays live.
            raise OnRecordError(
                ErrorCode.IMAGE_MISSING, "the portrait's sealed copy is not there"
            ) from error
        portrait = self._seals.open(PORTRAIT, ref, SealedBytes(event.key_id, ciphertext), deadline)
        if hashlib.sha256(portrait).hexdigest() != event.image_sha256:
            raise OnRecordError(
                ErrorCode.IMAGE_HASH_MISMATCH, "it is another image than was announced"
            )
        return portrait
