"""Crops on the bus: a poll through the model at once, and a bad one fails alone (R-46)."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import SCHEMA
from onrecord.chassis.throttle import Unthrottled
from onrecord.clients.transport import CROP, TEMPLATE, TransportSeals
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.events import EnrolmentRef, FaceDetected, FaceEmbedded
from onrecord.contracts.images import Template
from onrecord.embedding.consumer import CropConsumer
from onrecord.events.messages import message_of, read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.mandate import MandateVerifier
from onrecord.rpc.v1 import values_pb2
from onrecord.rpc.values import aligned_crop_message, read_template
from tests.builders.faces import MODEL, Bench, bench
from tests.builders.transport import KeyRing, received, ref

IMAGE = b"the portrait"


@dataclass
class Embeds:
    """Embedding that refuses as the real one does: the whole call, where one is not to be done."""

    bench: Bench
    calls: list[int] = field(default_factory=list)
    away: bool = False

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        self.calls.append(len(requests))
        if self.away:
            raise OnRecordError(ErrorCode.EMBEDDING_UNAVAILABLE, "away")
        verifier = MandateVerifier(self.bench.ledger.key, self.bench.verifier)
        for request in requests:
            mandate = verifier.verify(request.mandate, self.bench.clock.now())
            statements.verify_crop(
                self.bench.verifier,
                request.crop.attestation,
                mandate=mandate.id,
                crop=request.crop.sha256,
                model_id=request.crop.model_id,
            )
        return tuple(self._template(request) for request in requests)

    def _template(self, request: EmbedRequest) -> Template:
        vector = np.full(4, request.crop.pixels[0, 0, 0], np.float32)
        embedded = self.bench.attestors[Service.EMBEDDING].attest({"type": statements.EMBEDDED})
        return Template(request.crop.model_id, vector, request.crop.attestation, embedded)


@dataclass
class Desk:
    bench: Bench
    ring: KeyRing
    seals: TransportSeals
    embeds: Embeds
    consumer: CropConsumer

    def ticket(self, whose: EnrolmentRef, **changes: object) -> Attestation:
        names: dict[str, Any] = {
            "gallery": whose.gallery,
            "enrolment_id": whose.enrolment_id,
            "generation": whose.generation,
        }
        return self.bench.ticket(IMAGE, **{**names, **changes})

    def crop(
        self, grey: int, whose: EnrolmentRef | None = None, ticket: Attestation | None = None
    ) -> FaceDetected:
        whose = whose or ref()
        ticket = ticket or self.ticket(whose)
        crop = self.bench.crop(np.full((8, 8, 3), grey, np.uint8), ticket, IMAGE)
        return self.sealed(aligned_crop_message(crop).SerializeToString(), whose, ticket)

    def sealed(self, crop: bytes, whose: EnrolmentRef, ticket: Attestation) -> FaceDetected:
        return FaceDetected(whose, ticket, self.seals.seal(CROP, whose, crop, self.bench.deadline))

    def meet(self, *events: FaceDetected) -> list[Outcome]:
        return list(self.consumer([received(message_of(event)) for event in events]))

    def grey_of(self, outcome: Outcome) -> int:
        """What the crop was, by the template that came of it."""
        assert isinstance(outcome, Done), outcome
        (message,) = outcome.publish
        event = read_event(received(message))
        assert isinstance(event, FaceEmbedded)
        opened = self.seals.open(TEMPLATE, event.enrolment, event.template, self.bench.deadline)
        template = read_template(values_pb2.Template.FromString(opened))
        assert template.model_id == MODEL
        return int(template.vector[0])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = bench(tmp_path)
    ring = KeyRing(made.clock)
    seals, embeds = TransportSeals(ring, made.clock), Embeds(made)
    with ThreadPoolExecutor(2) as executor:
        consumer = CropConsumer(
            embedding=embeds,
            seals=seals,
            foreground=Unthrottled(),
            executor=executor,
            clock=made.clock,
        )
        yield Desk(made, ring, seals, embeds, consumer)


def failure(outcome: Outcome) -> ErrorCode:
    assert isinstance(outcome, Failed), outcome
    return outcome.error.code


def test_a_poll_is_embedded_in_batches_and_in_order(desk: Desk) -> None:
    outcomes = desk.meet(*(desk.crop(n + 1, ref(n)) for n in range(20)))
    assert [desk.grey_of(outcome) for outcome in outcomes] == list(range(1, 21))
    assert desk.embeds.calls == [2] * 10


def test_no_template_travels_in_the_clear(desk: Desk) -> None:
    (outcome,) = desk.meet(desk.crop(7))
    assert isinstance(outcome, Done)
    payload = outcome.publish[0].payload
    assert np.full(4, 7, "<f4").tobytes() not in payload
    assert MODEL.encode() not in payload


def test_twice_and_out_of_order(desk: Desk) -> None:
    newer, older = desk.crop(2, ref(generation=2)), desk.crop(1, ref(generation=1))
    assert [desk.grey_of(one) for one in desk.meet(newer, older, newer)] == [2, 1, 2]


def bad_crops(desk: Desk) -> dict[ErrorCode, FaceDetected]:
    """One of each kind that is found out before or during the embedding."""
    sound = desk.crop(1, ref(50))
    gone = desk.crop(1, ref(51))
    expired = desk.ticket(ref(52), expires_at="2026-11-22T06:30:00.00Z")
    return {
        ErrorCode.SEAL_INVALID: replace(sound, enrolment=ref(53), ticket=desk.ticket(ref(53))),
        ErrorCode.SEAL_KEY_DESTROYED: replace(gone, crop=replace(gone.crop, key_id="US-UT-99")),
        ErrorCode.GRANT_EXPIRED: desk.crop(1, ref(52), expired),
        ErrorCode.EVENT_MALFORMED: desk.sealed(b"\xff\xff", ref(54), desk.ticket(ref(54))),
        ErrorCode.ATTESTATION_INVALID: replace(desk.crop(1, ref(55)), ticket=desk.ticket(ref(56))),
    }


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.SEAL_INVALID,
        ErrorCode.SEAL_KEY_DESTROYED,
        ErrorCode.GRANT_EXPIRED,
        ErrorCode.EVENT_MALFORMED,
        ErrorCode.ATTESTATION_INVALID,
    ],
)
def test_a_bad_crop_fails_alone(desk: Desk, code: ErrorCode) -> None:
    """Bad input: unsealed, a destroyed key, an expired ticket, no crop, another's ticket."""
    bad = bad_crops(desk)[code]
    outcomes = desk.meet(desk.crop(1, ref(1)), bad, desk.crop(2, ref(2)))
    assert failure(outcomes[1]) is code
    assert [desk.grey_of(outcomes[0]), desk.grey_of(outcomes[2])] == [1, 2]


def test_a_crop_that_detection_has_not_signed(desk: Desk) -> None:
    """Law 2: whoever can seal cannot yet make a face of their own into a record."""
    ticket = desk.ticket(ref(1))
    crop = desk.bench.crop(np.full((8, 8, 3), 9, np.uint8), ticket, IMAGE)
    swapped = replace(crop, pixels=np.full((8, 8, 3), 10, np.uint8))
    encoded = aligned_crop_message(swapped).SerializeToString()
    bad, good = desk.meet(desk.sealed(encoded, ref(1), ticket), desk.crop(2, ref(2)))
    assert failure(bad) is ErrorCode.ATTESTATION_INVALID
    assert desk.grey_of(good) == 2


def test_unsealed_bytes(desk: Desk) -> None:
    event = desk.crop(1)
    plain = replace(event, crop=replace(event.crop, key_id="", ciphertext=b"plain"))
    assert failure(desk.meet(plain)[0]) is ErrorCode.SEAL_INVALID


def test_unknown_versions_and_bytes_that_are_no_event(desk: Desk) -> None:
    message = message_of(desk.crop(1))
    newer = replace(message, headers={SCHEMA: "onrecord.events.v9.FaceDetected"})
    broken = replace(message, payload=b"\x0a\xff")
    outcomes = desk.consumer([received(newer), received(broken)])
    assert [failure(one) for one in outcomes] == [
        ErrorCode.EVENT_VERSION_UNKNOWN,
        ErrorCode.EVENT_MALFORMED,
    ]


def test_while_the_model_is_away_all_fail_alike_and_it_is_not_asked_for_each(desk: Desk) -> None:
    desk.embeds.away = True
    outcomes = desk.meet(*(desk.crop(1, ref(n)) for n in range(4)))
    assert {failure(one) for one in outcomes} == {ErrorCode.EMBEDDING_UNAVAILABLE}
    assert desk.embeds.calls == [2, 2]


def test_a_plane_that_is_away_fails_all_alike(desk: Desk) -> None:
    events = [desk.crop(1, ref(n)) for n in range(3)]
    desk.ring.away = True
    desk.bench.clock.at += timedelta(hours=48)
    codes = {failure(outcome) for outcome in desk.meet(*events)}
    assert codes == {ErrorCode.PLANE_UNAVAILABLE}


def test_it_gives_way_before_each_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[Unthrottled] = []
    monkeypatch.setattr(Unthrottled, "give_way", lambda one: waits.append(one))
    desk.meet(*(desk.crop(1, ref(n)) for n in range(9)))
    assert len(waits) == 5
