"""What every consumer of enrolments does alike: say what cannot be, and why."""

from datetime import datetime

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Message, Received
from onrecord.chassis.dispositions import DISPOSITIONS, Disposition
from onrecord.contracts import events
from onrecord.contracts.events import DeadLetter, EnrolmentRef
from onrecord.events.messages import dead_letter_message, message_of, read_event
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import Clock
from onrecord.proof.attestation import Attestation


def ended(
    error: OnRecordError,
    enrolment: EnrolmentRef,
    now: datetime,
    refusal: Attestation | None = None,
) -> Outcome:
    """An error as an outcome: where it is the enrolment's own end, everybody is told."""
    if DISPOSITIONS[error.code] is not Disposition.REJECT:
        return Failed(error)
    rejected = events.EnrolmentRejected(enrolment, error.code, error.message, now, refusal)
    return Done((message_of(rejected),))


class DeadLetterWriter:
    """What stands on `<topic>.dlq`: where the message stands, whose it was, and why."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, received: Received, error: OnRecordError, attempts: int) -> Message:
        letter = DeadLetter(
            topic=received.message.topic,
            partition=received.partition.number,
            offset=received.offset,
            enrolment=_about(received),
            code=error.code,
            message=error.message,
            attempts=attempts,
            time=self._clock.now(),
        )
        return dead_letter_message(letter, {})


def _about(received: Received) -> EnrolmentRef | None:
    try:
        event = read_event(received)
    except OnRecordError:
        return None
    return getattr(event, "enrolment", None)
