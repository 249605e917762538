"""Events to bus messages and back: `message_of(event)` and `read_event(received)`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Protobuf

from onrecord.chassis.bus.ports import SCHEMA, Message, Received
from onrecord.contracts import events
from onrecord.contracts.events import EnrolmentRef, Event, SealedBytes
from onrecord.events.v1 import events_pb2 as pb
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.rpc.values import attestation_message, read_attestation

_P = TypeVar("_P", bound=Protobuf)


def message_of(event: Event, headers: Mapping[str, str] | None = None) -> Message:
    """The message of an event on its own topic. `headers` are handed on, such as the trace."""
    topic, key, payload = _written(event)
    named = {**(headers or {}), SCHEMA: payload.DESCRIPTOR.full_name}
    return Message(topic, key, payload.SerializeToString(), named)


def read_event(received: Received) -> Event:
    """The event in a message of one of our topics, whatever the offset it stands at.

    A parked message is read as one of the topic it was parked from. Raises EVENT_VERSION_UNKNOWN
    for another schema than this program knows, EVENT_MALFORMED for bytes that are none.
    """
    schema = received.message.headers.get(SCHEMA, "")
    read = _READERS.get(schema)
    if read is None:
        raise OnRecordError(
            ErrorCode.EVENT_VERSION_UNKNOWN, f"no event {schema[:100]!r} is known here"
        )
    try:
        return read(received.message.payload)
    except (DecodeError, OnRecordError, ValueError) as error:
        raise OnRecordError(
            ErrorCode.EVENT_MALFORMED, f"the bytes are not those of a {schema}"
        ) from error


def dead_letter_message(letter: events.DeadLetter, headers: Mapping[str, str]) -> Message:
    """A dead letter on the topic `<topic>.dlq`. `headers`: the trace and nothing else is kept."""
    payload = pb.DeadLetter(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        enrolment=None if letter.enrolment is None else _ref_message(letter.enrolment),
        code=letter.code.value,
        message=letter.message,
        attempts=letter.attempts,
        time=format_time(letter.time),
    )
    key = "" if letter.enrolment is None else events.enrolment_key(letter.enrolment)
    named = {**headers, SCHEMA: payload.DESCRIPTOR.full_name}
    return Message(letter.topic + ".dlq", key, payload.SerializeToString(), named)


def read_dead_letter(payload: bytes) -> events.DeadLetter:
    """Raises EVENT_MALFORMED."""
    try:
        message = _parsed(pb.DeadLetter, payload)
        return events.DeadLetter(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            enrolment=_ref(message.enrolment) if message.HasField("enrolment") else None,
            code=ErrorCode(message.code),
            message=message.message,
            attempts=message.attempts,
            time=parse_time(message.time),
        )
    except (DecodeError, OnRecordError, ValueError) as error:
        raise OnRecordError(ErrorCode.EVENT_MALFORMED, "that is no dead letter") from error


def _written(event: Event) -> tuple[str, str, Protobuf]:
    match event:
        case events.EnrolmentRequested(ref, ticket, object_key, image_sha256, key_id):
            requested = pb.EnrolmentRequested(
                enrolment=_ref_message(ref),
                ticket=attestation_message(ticket),
                object_key=object_key,
                image_sha256=image_sha256,
                key_id=key_id,
            )
            return events.ENROLMENT_REQUESTED, events.enrolment_key(ref), requested
        case events.FaceDetected(ref, ticket, crop):
            detected = pb.FaceDetected(
                enrolment=_ref_message(ref),
                ticket=attestation_message(ticket),
                crop=_sealed_message(crop),
            )
            return events.FACE_DETECTED, events.enrolment_key(ref), detected
        case events.FaceEmbedded(ref, template):
            embedded = pb.FaceEmbedded(
                enrolment=_ref_message(ref), template=_sealed_message(template)
            )
            return events.FACE_EMBEDDED, events.enrolment_key(ref), embedded
        case events.EnrolmentRejected(ref, code, said, time, refusal):
            rejected = pb.EnrolmentRejected(
                enrolment=_ref_message(ref),
                code=code.value,
                message=said,
                time=format_time(time),
                refusal=None if refusal is None else attestation_message(refusal),
            )
            return events.ENROLMENT_REJECTED, events.enrolment_key(ref), rejected
        case events.RecordEnrolled(ref, model_id, time):
            enrolled = pb.RecordEnrolled(
                enrolment=_ref_message(ref), model_id=model_id, time=format_time(time)
            )
            return events.RECORD_ENROLLED, events.enrolment_key(ref), enrolled
        case events.SearchExecuted(receipt):
            executed = pb.SearchExecuted(receipt=attestation_message(receipt))
            return events.SEARCH_EXECUTED, _gallery_of(receipt), executed
        case events.GalleryChanged(change):
            changed = pb.GalleryChanged(change=attestation_message(change))
            return events.GALLERY_CHANGED, _gallery_of(change), changed


def _read_requested(payload: bytes) -> Event:
    message = _parsed(pb.EnrolmentRequested, payload)
    return events.EnrolmentRequested(
        enrolment=_ref(message.enrolment),
        ticket=read_attestation(message.ticket),
        object_key=message.object_key,
        image_sha256=message.image_sha256,
        key_id=message.key_id,
    )


def _read_detected(payload: bytes) -> Event:
    message = _parsed(pb.FaceDetected, payload)
    return events.FaceDetected(
        _ref(message.enrolment), read_attestation(message.ticket), _sealed(message.crop)
    )


def _read_embedded(payload: bytes) -> Event:
    message = _parsed(pb.FaceEmbedded, payload)
    return events.FaceEmbedded(_ref(message.enrolment), _sealed(message.template))


def _read_rejected(payload: bytes) -> Event:
    message = _parsed(pb.EnrolmentRejected, payload)
    return events.EnrolmentRejected(
        enrolment=_ref(message.enrolment),
        code=ErrorCode(message.code),
        message=message.message,
        time=parse_time(message.time),
        refusal=read_attestation(message.refusal) if message.HasField("refusal") else None,
    )


def _read_enrolled(payload: bytes) -> Event:
    message = _parsed(pb.RecordEnrolled, payload)
    return events.RecordEnrolled(
        _ref(message.enrolment), message.model_id, parse_time(message.time)
    )


def _read_executed(payload: bytes) -> Event:
    return events.SearchExecuted(read_attestation(_parsed(pb.SearchExecuted, payload).receipt))


def _read_changed(payload: bytes) -> Event:
    return events.GalleryChanged(read_attestation(_parsed(pb.GalleryChanged, payload).change))


_READERS: Final[dict[str, Callable[[bytes], Event]]] = {
    pb.EnrolmentRequested.DESCRIPTOR.full_name: _read_requested,
    pb.FaceDetected.DESCRIPTOR.full_name: _read_detected,
    pb.FaceEmbedded.DESCRIPTOR.full_name: _read_embedded,
    pb.EnrolmentRejected.DESCRIPTOR.full_name: _read_rejected,
    pb.RecordEnrolled.DESCRIPTOR.full_name: _read_enrolled,
    pb.SearchExecuted.DESCRIPTOR.full_name: _read_executed,
    pb.GalleryChanged.DESCRIPTOR.full_name: _read_changed,
}


def _parsed(kind: type[_P], payload: bytes) -> _P:
    message = kind()
    message.ParseFromString(payload)
    return message


def _ref_message(ref: EnrolmentRef) -> pb.Enrolment:
    return pb.Enrolment(
        gallery=ref.gallery, enrolment_id=ref.enrolment_id, generation=ref.generation
    )


def _ref(message: pb.Enrolment) -> EnrolmentRef:
    if not message.gallery or not message.enrolment_id or message.generation < 1:
        raise ValueError("an event about no enrolment")
    return EnrolmentRef(message.gallery, message.enrolment_id, message.generation)


def _sealed_message(sealed: SealedBytes) -> pb.Sealed:
    return pb.Sealed(key_id=sealed.key_id, ciphertext=sealed.ciphertext)


def _sealed(message: pb.Sealed) -> SealedBytes:
    return SealedBytes(message.key_id, message.ciphertext)


def _gallery_of(statement: Attestation) -> str:
    said: dict[str, Any] = statements.read(statement)
    return str(said["gallery"])
