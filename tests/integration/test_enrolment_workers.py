"""Portraits through detection and embedding on a real bus with real models, to the template.

What the plane does stands in `KeyRing` and in the tickets; its own part has tests of its own.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.ports import DEAD, TRACE, Message, Received
from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.throttle import ForegroundCalls
from onrecord.clients.transport import PORTRAIT, TEMPLATE, TransportSeals
from onrecord.contracts.events import (
    ENROLMENT_REJECTED,
    ENROLMENT_REQUESTED,
    FACE_DETECTED,
    FACE_EMBEDDED,
    EnrolmentRef,
    EnrolmentRejected,
    EnrolmentRequested,
    FaceEmbedded,
    ingest_object_key,
)
from onrecord.detection.app import build_detection, build_detection_worker
from onrecord.embedding.app import build_embedding, build_embedding_worker
from onrecord.events.messages import message_of, read_dead_letter, read_event
from onrecord.events.topics import open_bus
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.statements import mandate_id
from onrecord.rpc.v1 import values_pb2
from onrecord.rpc.values import read_template
from tests.builders.faces import Bench, bench, encoded, photograph, upright_face
from tests.builders.models import reference_models
from tests.builders.transport import KeyRing, ref

SOON = Deadline.after(86_400)  # from when this was imported: a whole run takes its time
TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Line:
    """The bus, both workers, and whoever brings portraits. `at`: another bus than a folder's."""

    folder: Path
    bench: Bench
    ring: KeyRing
    at: KafkaAccess | None = None

    def __post_init__(self) -> None:
        models = reference_models()
        (card,) = [one for one in models.cards() if one.role is ModelRole.EMBEDDER]
        self.model_id = card.model_id
        self.bus = open_bus(self.at or self.folder / "bus", self.bench.clock)
        self.ingest = LocalObjects(self.folder / "ingest")
        self.seals = TransportSeals(self.ring, self.bench.clock)
        self.publisher = self.bus.publisher()
        self.executor = ThreadPoolExecutor(2)
        self.foreground = ForegroundCalls()

    def detection(self) -> Worker:
        made = self.bench
        return build_detection_worker(
            self.bus,
            detection=build_detection(
                reference_models(),
                attestor=made.attestors[Service.DETECTION],
                verifier=made.verifier,
                ledger_key=made.ledger.key,
                clock=made.clock,
            ),
            seals=TransportSeals(self.ring, made.clock),
            ingest=self.ingest,
            foreground=self.foreground,
            executor=self.executor,
            clock=made.clock,
        )

    def embedding(self) -> Worker:
        made = self.bench
        return build_embedding_worker(
            self.bus,
            embedding=build_embedding(
                reference_models(),
                attestor=made.attestors[Service.EMBEDDING],
                verifier=made.verifier,
                ledger_key=made.ledger.key,
                clock=made.clock,
            ),
            seals=TransportSeals(self.ring, made.clock),
            foreground=self.foreground,
            executor=self.executor,
            clock=made.clock,
        )

    def requested(self, image: bytes, whose: EnrolmentRef) -> EnrolmentRequested:
        ticket = self.bench.ticket(
            image,
            self.model_id,
            gallery=whose.gallery,
            enrolment_id=whose.enrolment_id,
            generation=whose.generation,
        )
        sealed = self.seals.seal(PORTRAIT, whose, image, SOON)
        key = ingest_object_key(whose.gallery, whose.enrolment_id)
        self.ingest.put(key, sealed.ciphertext)
        digest = hashlib.sha256(image).hexdigest()
        return EnrolmentRequested(whose, ticket, key, digest, sealed.key_id)

    def publish(self, *messages: Message) -> None:
        self.publisher.publish(messages, SOON)

    def on(self, topic: str) -> Sequence[Received]:
        consumer = self.bus.consumer("observer", [topic], start=lambda _: 0)
        found = consumer.poll(1_000, 0.0)
        consumer.close()
        return found


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = bench(tmp_path / "keys")
    opened = Line(tmp_path, made, KeyRing(made.clock))
    yield opened
    opened.bus.close()
    opened.executor.shutdown()


def test_portraits_become_templates_or_reasons(line: Line) -> None:
    """R-46: sealed all the way, signed all the way; one trace; what fails says why, by id."""
    portrait = encoded(upright_face())
    crowd = photograph("quality", "blur.jpg")[:100]  # an image cut off
    sound = line.requested(portrait, ref(1))
    cut_off = line.requested(crowd, ref(2))
    lost = line.requested(portrait, ref(3))
    line.publish(
        message_of(sound, {TRACE: TRACED}),
        message_of(cut_off),
        message_of(EnrolmentRequested(ref(3), lost.ticket, lost.object_key, "0" * 64, "gone")),
    )
    detection, embedding = line.detection(), line.embedding()
    assert detection.step() == 3
    assert embedding.step() == 1
    (message,) = line.on(FACE_EMBEDDED)
    assert message.message.headers[TRACE] == TRACED
    event = read_event(message)
    assert isinstance(event, FaceEmbedded)
    assert event.enrolment == ref(1)
    opened = line.seals.open(TEMPLATE, ref(1), event.template, SOON)
    template = read_template(values_pb2.Template.FromString(opened))
    said = statements.read(template.embedded)
    assert template.model_id == line.model_id
    assert said["mandate"] == mandate_id(sound.ticket)
    (rejection,) = line.on(ENROLMENT_REJECTED)
    rejected = read_event(rejection)
    assert isinstance(rejected, EnrolmentRejected)
    assert (rejected.enrolment, rejected.refusal is not None) == (ref(2), True)
    (dead,) = line.on(ENROLMENT_REQUESTED + DEAD)
    letter = read_dead_letter(dead.message.payload)
    assert (letter.enrolment, letter.code) == (ref(3), ErrorCode.SEAL_KEY_DESTROYED)
    assert letter.topic == ENROLMENT_REQUESTED
    everything = b"".join(
        one.message.payload for topic in (FACE_DETECTED, FACE_EMBEDDED) for one in line.on(topic)
    )
    assert template.vector.tobytes() not in everything
    for worker in (detection, embedding):
        worker.stop(10.0)


def test_while_somebody_searches_the_line_still_moves(line: Line) -> None:
    """The throttle slows enrolment; it never stops it."""
    portrait = encoded(upright_face())
    line.publish(*(message_of(line.requested(portrait, ref(n))) for n in range(2)))
    detection, embedding = line.detection(), line.embedding()
    with line.foreground.call():
        assert detection.step() == 2
        assert embedding.step() == 2
    for worker in (detection, embedding):
        worker.stop(10.0)


def test_stopped_in_the_middle_nothing_is_lost(line: Line) -> None:
    """R-45: workers that are stopped and started again leave no portrait behind."""
    portrait = encoded(upright_face())
    count = 12
    line.publish(*(message_of(line.requested(portrait, ref(n))) for n in range(count)))
    found: set[str] = set()
    observer = line.bus.consumer("plane", [FACE_EMBEDDED])
    for _ in range(100):
        workers = [line.detection(), line.embedding()]
        for worker in workers:
            worker.start()
        for one in observer.poll(3, 5.0):
            event = read_event(one)
            assert isinstance(event, FaceEmbedded)
            found.add(event.enrolment.enrolment_id)
        for worker in workers:
            assert worker.stop(60.0)
            assert worker.last_error is None
        if len(found) == count:
            break
    assert len(found) == count
    for group, topic in (("detection", ENROLMENT_REQUESTED), ("embedding", FACE_DETECTED)):
        assert sum(line.bus.lag(group, [topic]).values()) == 0
