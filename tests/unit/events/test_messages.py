"""Events come out of a message as they went in; what is not ours is told apart (R-46)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.chassis.bus.ports import SCHEMA, TRACE, Message, Partition, Received
from onrecord.contracts import events
from onrecord.contracts.events import EnrolmentRef, Event, SealedBytes
from onrecord.events.messages import (
    dead_letter_message,
    message_of,
    read_dead_letter,
    read_event,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.attestation import Attestation

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REF = EnrolmentRef("US-UT", "e" * 32, 3)
SAID = Attestation(canonical.encode({"gallery": "US-UT", "type": "t"}), b"signature", (b"der",))
SEALED = SealedBytes("k1", b"ciphertext")
EVENTS: tuple[Event, ...] = (
    events.EnrolmentRequested(REF, SAID, "ingest/US-UT/e.sealed", "a" * 64, "k1"),
    events.FaceDetected(REF, SAID, SEALED),
    events.FaceEmbedded(REF, SEALED),
    events.EnrolmentRejected(REF, ErrorCode.FACE_NOT_FOUND, "no face", NOW, SAID),
    events.EnrolmentRejected(REF, ErrorCode.RECORD_DELETED, "deleted", NOW),
    events.RecordEnrolled(REF, "model@1", NOW),
    events.SearchExecuted(SAID),
    events.GalleryChanged(SAID),
)


def received(message: Message) -> Received:
    return Received(message, Partition(message.topic, 0), 7, NOW)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    message = message_of(event, {TRACE: "00-ab-cd-01"})
    assert message.topic in events.TOPICS
    assert message.headers[TRACE] == "00-ab-cd-01"
    assert read_event(received(message)) == event


def test_what_a_gallery_says_keeps_the_gallerys_order() -> None:
    assert message_of(events.SearchExecuted(SAID)).key == "US-UT"
    assert message_of(events.GalleryChanged(SAID)).key == "US-UT"


def test_an_unknown_version_is_told_from_a_broken_message() -> None:
    message = message_of(EVENTS[1])
    newer = replace(message, headers={SCHEMA: "onrecord.events.v2.FaceDetected"})
    broken = replace(message, payload=b"\xff\xff\xff")
    for given_one, code in (
        (newer, ErrorCode.EVENT_VERSION_UNKNOWN),
        (replace(message, headers={}), ErrorCode.EVENT_VERSION_UNKNOWN),
        (broken, ErrorCode.EVENT_MALFORMED),
        (replace(message, payload=b""), ErrorCode.EVENT_MALFORMED),
    ):
        with pytest.raises(OnRecordError) as caught:
            read_event(received(given_one))
        assert caught.value.code is code


@given(st.binary(max_size=300), st.sampled_from(EVENTS))
def test_no_payload_makes_the_reader_fail_otherwise(noise: bytes, event: Event) -> None:
    message = replace(message_of(event), payload=noise)
    try:
        read_event(received(message))
    except OnRecordError as error:
        assert error.code is ErrorCode.EVENT_MALFORMED


@pytest.mark.parametrize("enrolment", [REF, None])
def test_a_dead_letter_says_ids_and_reason_alone(enrolment: EnrolmentRef | None) -> None:
    letter = events.DeadLetter(
        events.FACE_DETECTED, 3, 41, enrolment, ErrorCode.SEAL_KEY_DESTROYED, "gone", 5, NOW
    )
    message = dead_letter_message(letter, {TRACE: "00-ab-cd-01"})
    assert message.topic == events.FACE_DETECTED + ".dlq"
    assert read_dead_letter(message.payload) == letter
    with pytest.raises(OnRecordError):
        read_dead_letter(b"\xff")
