"""What every consumer of enrolments does alike: say what cannot be, and why."""

from datetime import datetime

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Message, Received
from onrecord.chassis.dispositions import DISPOSITIONS, Disposition
from onrecord.contracts import events
from onrecord.contracts.events import DeadLetter, EnrolmentRef
from onrecord.events.messages import dead_letter_message, message_of, read_event
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.proof import statements
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


def ticketed_model(ticket: Attestation, enrolment: EnrolmentRef) -> str:
    """The model that the ticket names, if it is this enrolment's; nobody's signature is checked.

    Raises ATTESTATION_INVALID.
    """
    try:
        said = statements.read(ticket)
    except (OnRecordError, ValueError) as error:
        raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "that is no ticket") from error
    named = (said.get("gallery"), said.get("enrolment_id"), said.get("generation"))
    if named != (enrolment.gallery, enrolment.enrolment_id, enrolment.generation):
        raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "the ticket is another enrolment's")
    return str(said.get("model_id"))


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
