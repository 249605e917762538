"""Portraits on the bus: sealed copies in, sealed crops or reasons out (R-46, bad input)."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import SCHEMA, Message
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.throttle import Unthrottled
from onrecord.clients.transport import CROP, PORTRAIT, TransportSeals
from onrecord.contracts.events import (
    EnrolmentRef,
    EnrolmentRejected,
    EnrolmentRequested,
    Event,
    FaceDetected,
    ingest_object_key,
)
from onrecord.contracts.images import DetectedFace, Detection, DetectionRefusal
from onrecord.detection.consumer import PortraitConsumer
from onrecord.events.messages import message_of, read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.mandate import MandateVerifier
from onrecord.proof.statements import Mandate
from onrecord.rpc.v1 import values_pb2
from onrecord.rpc.values import read_aligned_crop
from tests.builders.faces import MODEL, Bench, bench
from tests.builders.transport import KeyRing, received, ref

FACELESS, CROWD = b"no face here", b"a crowd"


@dataclass
class Looks:
    """Detection that verifies as the real one does and finds a face in every image but two."""

    bench: Bench
    seen: list[bytes] = field(default_factory=list)

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        verifier = MandateVerifier(self.bench.ledger.key, self.bench.verifier)
        allowed = verifier.verify(mandate, self.bench.clock.now())
        if allowed.image_sha256 != hashlib.sha256(image).hexdigest():
            raise OnRecordError(ErrorCode.GRANT_OTHER_PROBE, "another image")
        assert model_ids == [MODEL]
        self.seen.append(image)
        code = {FACELESS: ErrorCode.FACE_NOT_FOUND, CROWD: ErrorCode.FACE_NOT_SINGLE}.get(image)
        if code is not None:
            said = {"type": statements.DETECTION_REFUSED, "code": code.value}
            signed = self.bench.attestors[Service.DETECTION].attest(said)
            return DetectionRefusal(code, "refused", {}, (), signed)
        pixels = np.full((8, 8, 3), image[0], np.uint8)
        crop = self.bench.crop(pixels, mandate, image)
        return DetectedFace((crop,), (), allowed.image_sha256)


@dataclass
class Desk:
    """A consumer of portraits, and whoever puts portraits before it."""

    bench: Bench
    ring: KeyRing
    seals: TransportSeals
    ingest: LocalObjects
    looks: Looks
    consumer: PortraitConsumer

    def portrait(
        self, image: bytes, whose: EnrolmentRef | None = None, ticket: Attestation | None = None
    ) -> EnrolmentRequested:
        """Sealed into the ingest store, and the event that says so."""
        whose = whose or ref()
        sealed = self.seals.seal(PORTRAIT, whose, image, self.bench.deadline)
        key = ingest_object_key(whose.gallery, whose.enrolment_id)
        self.ingest.put(key, sealed.ciphertext)
        digest = hashlib.sha256(image).hexdigest()
        ticket = ticket or self.ticket(image, whose)
        return EnrolmentRequested(whose, ticket, key, digest, sealed.key_id)

    def ticket(self, image: bytes, whose: EnrolmentRef, **changes: object) -> Attestation:
        names: dict[str, Any] = {
            "gallery": whose.gallery,
            "enrolment_id": whose.enrolment_id,
            "generation": whose.generation,
        }
        return self.bench.ticket(image, **{**names, **changes})

    def meet(self, *events: Event) -> list[Outcome]:
        return list(self.consumer([received(message_of(event)) for event in events]))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = bench(tmp_path / "keys")
    ring = KeyRing(made.clock)
    seals = TransportSeals(ring, made.clock)
    ingest, looks = LocalObjects(tmp_path / "ingest"), Looks(made)
    with ThreadPoolExecutor(2) as executor:
        consumer = PortraitConsumer(
            detection=looks,
            seals=seals,
            ingest=ingest,
            foreground=Unthrottled(),
            executor=executor,
            clock=made.clock,
        )
        yield Desk(made, ring, seals, ingest, looks, consumer)


def event_of(outcome: Outcome) -> Event:
    assert isinstance(outcome, Done), outcome
    (message,) = outcome.publish
    return read_event(received(message))


def failure(outcome: Outcome) -> ErrorCode:
    assert isinstance(outcome, Failed), outcome
    return outcome.error.code


def test_a_portrait_becomes_a_sealed_crop(desk: Desk) -> None:
    requested = desk.portrait(b"portrait")
    (outcome,) = desk.meet(requested)
    found = event_of(outcome)
    assert isinstance(found, FaceDetected)
    assert (found.enrolment, found.ticket) == (ref(), requested.ticket)
    opened = desk.seals.open(CROP, ref(), found.crop, desk.bench.deadline)
    crop = read_aligned_crop(values_pb2.AlignedCrop.FromString(opened))
    assert crop.model_id == MODEL
    assert (crop.pixels == b"portrait"[0]).all()
    assert crop.pixels.tobytes() not in outcome.publish[0].payload  # type: ignore[union-attr]


def test_a_refusal_travels_signed_as_the_enrolments_end(desk: Desk) -> None:
    one, other = desk.meet(desk.portrait(FACELESS, ref(1)), desk.portrait(CROWD, ref(2)))
    for outcome, number, code in (
        (one, 1, ErrorCode.FACE_NOT_FOUND),
        (other, 2, ErrorCode.FACE_NOT_SINGLE),
    ):
        rejected = event_of(outcome)
        assert isinstance(rejected, EnrolmentRejected)
        assert (rejected.enrolment, rejected.code) == (ref(number), code)
        assert rejected.refusal is not None
        assert statements.read(rejected.refusal)["code"] == code.value


def test_each_keeps_its_place_in_the_poll(desk: Desk) -> None:
    images = [b"a", FACELESS, b"b", b"c"]
    events = [desk.portrait(image, ref(n)) for n, image in enumerate(images)]
    found = [event_of(outcome) for outcome in desk.meet(*events)]
    assert [type(event) for event in found] == [
        FaceDetected,
        EnrolmentRejected,
        FaceDetected,
        FaceDetected,
    ]
    assert [getattr(event, "enrolment", None) for event in found] == [ref(n) for n in range(4)]


def test_twice_gives_the_same_twice_and_out_of_order_does_not_matter(desk: Desk) -> None:
    older = desk.portrait(b"older", ref(1, generation=1))
    (first, again) = desk.meet(older, older)
    assert isinstance(event_of(first), FaceDetected)
    assert isinstance(event_of(again), FaceDetected)
    newer = desk.portrait(b"newer", ref(2, generation=2))
    late = desk.meet(newer, older)
    assert [event_of(one).enrolment.generation for one in late] == [2, 1]  # type: ignore[union-attr]


Wrong = Callable[[Desk, EnrolmentRequested], EnrolmentRequested]


def gone(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    desk.ingest.delete(event.object_key)
    return event


def another_hash(_: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, image_sha256="0" * 64)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [(gone, ErrorCode.IMAGE_MISSING), (another_hash, ErrorCode.IMAGE_HASH_MISMATCH)],
)
def test_what_is_the_enrolments_own_end_is_published(
    desk: Desk, wrong: Wrong, code: ErrorCode
) -> None:
    event = wrong(desk, desk.portrait(b"portrait"))
    (outcome,) = desk.meet(event)
    rejected = event_of(outcome)
    assert isinstance(rejected, EnrolmentRejected)
    assert (rejected.code, rejected.enrolment, rejected.refusal) == (code, ref(), None)
    assert desk.looks.seen == []


def not_sealed(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    desk.ingest.put(event.object_key, b"portrait")
    return event


def no_key_named(_: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, key_id="")


def key_destroyed(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    desk.bench.clock.at += timedelta(hours=48)
    desk.ring.destroy(event.key_id)
    return event


def anothers_bytes(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    other = desk.portrait(b"portrait", ref(2))
    desk.ingest.put(event.object_key, desk.ingest.get(other.object_key))
    return event


def anothers_place(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, object_key=desk.portrait(b"portrait", ref(2)).object_key)


def older_generation(_: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, enrolment=ref(generation=2))


def anothers_ticket(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, ticket=desk.ticket(b"portrait", ref(2)))


def expired_ticket(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    past = desk.ticket(b"portrait", ref(), expires_at="2026-11-22T06:30:00.00Z")
    return replace(event, ticket=past)


def ticket_for_another_image(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, ticket=desk.ticket(b"another", ref()))


def no_ticket(_: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    return replace(event, ticket=Attestation(b"{not json", b"", ()))


def forged_ticket(desk: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    said = statements.read(event.ticket)
    return replace(event, ticket=desk.bench.attestors[Service.EMBEDDING].attest(said))


def another_state(_: Desk, event: EnrolmentRequested) -> EnrolmentRequested:
    whose = replace(event.enrolment, gallery="US-ZZ")
    return replace(event, enrolment=whose, object_key=ingest_object_key("US-ZZ", "e-1"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (not_sealed, ErrorCode.SEAL_INVALID),
        (no_key_named, ErrorCode.SEAL_INVALID),
        (key_destroyed, ErrorCode.SEAL_KEY_DESTROYED),
        (anothers_bytes, ErrorCode.SEAL_INVALID),
        (anothers_place, ErrorCode.EVENT_MALFORMED),
        (older_generation, ErrorCode.ATTESTATION_INVALID),
        (anothers_ticket, ErrorCode.ATTESTATION_INVALID),
        (expired_ticket, ErrorCode.GRANT_EXPIRED),
        (ticket_for_another_image, ErrorCode.GRANT_OTHER_PROBE),
        (no_ticket, ErrorCode.ATTESTATION_INVALID),
        (forged_ticket, ErrorCode.ATTESTATION_INVALID),
        (another_state, ErrorCode.ATTESTATION_INVALID),
    ],
)
def test_what_is_wrong_with_a_message_fails_it_and_nothing_is_looked_at(
    desk: Desk, wrong: Wrong, code: ErrorCode
) -> None:
    """Bad input: each is a failure of its own, and its neighbour is none the worse."""
    event = wrong(desk, desk.portrait(b"portrait"))
    neighbour = desk.portrait(b"neighbour", ref(9))
    bad, good = desk.meet(event, neighbour)
    assert failure(bad) is code
    assert isinstance(event_of(good), FaceDetected)
    assert desk.looks.seen == [b"neighbour"]


def test_unknown_versions_and_bytes_that_are_no_event(desk: Desk) -> None:
    message = message_of(desk.portrait(b"portrait"))
    newer = replace(message, headers={SCHEMA: "onrecord.events.v9.EnrolmentRequested"})
    broken = replace(message, payload=b"\x0a\xff")
    unnamed = Message(message.topic, message.key, message.payload)
    other = message_of(EnrolmentRejected(ref(), ErrorCode.INTERNAL, "", desk.bench.clock.now()))
    outcomes = desk.consumer([received(one) for one in (newer, broken, unnamed, other)])
    assert [failure(one) for one in outcomes] == [
        ErrorCode.EVENT_VERSION_UNKNOWN,
        ErrorCode.EVENT_MALFORMED,
        ErrorCode.EVENT_VERSION_UNKNOWN,
        ErrorCode.EVENT_MALFORMED,
    ]


def test_a_plane_that_is_away_fails_all_alike(desk: Desk) -> None:
    """So that the worker waits for it in place."""
    events = [desk.portrait(b"x", ref(n)) for n in range(3)]
    desk.ring.away = True
    desk.bench.clock.at += timedelta(hours=48)
    codes = {failure(outcome) for outcome in desk.meet(*events)}
    assert codes == {ErrorCode.PLANE_UNAVAILABLE}


def test_it_gives_way_before_each_portrait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[Unthrottled] = []
    monkeypatch.setattr(Unthrottled, "give_way", lambda one: waits.append(one))
    desk.meet(*(desk.portrait(b"x", ref(n)) for n in range(3)))
    assert len(waits) == 3
