"""Portraits through detection and embedding on a real Kafka, with real models, to the template."""

from collections.abc import Sequence
from pathlib import Path

from deploy.local.running import Running
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.ports import DEAD, TRACE, Received
from onrecord.clients.transport import TEMPLATE
from onrecord.contracts.events import (
    ENROLMENT_REJECTED,
    ENROLMENT_REQUESTED,
    FACE_DETECTED,
    FACE_EMBEDDED,
    EnrolmentRejected,
    FaceEmbedded,
    enrolment_key,
)
from onrecord.events.kafka_topics import kafka_topics
from onrecord.events.messages import message_of, read_event
from onrecord.rpc.v1 import values_pb2
from onrecord.rpc.values import read_template
from tests.builders.buses import gather
from tests.builders.faces import bench, encoded, photograph, upright_face
from tests.builders.transport import KeyRing, ref
from tests.cluster.kafka_topics import emptied
from tests.cluster.test_kafka_faults import in_time, lag
from tests.integration.test_enrolment_workers import SOON, TRACED, Line


def test_portraits_become_templates_or_reasons_over_kafka(kafka: Running, tmp_path: Path) -> None:
    """R-45, R-46: sealed all the way, one trace; what fails says why; nothing is left to do."""
    server = kafka.place.at("clients")
    emptied(server, kafka_topics())
    made = bench(tmp_path / "keys")
    line = Line(tmp_path, made, KeyRing(made.clock), KafkaAccess((server,)))
    portrait, torn = encoded(upright_face()), photograph("quality", "blur.jpg")[:100]
    good, bad = [ref(number) for number in range(1, 13)], ref(13)
    asked = [(whose, portrait) for whose in good] + [(bad, torn)]
    line.publish(*(message_of(line.requested(im, whose), {TRACE: TRACED}) for whose, im in asked))
    workers = [line.detection(), line.embedding()]
    for worker in workers:
        worker.start()
    in_time(lambda: lag(line.bus, "detection", ENROLMENT_REQUESTED) == 0, "not detected")
    in_time(lambda: lag(line.bus, "embedding", FACE_DETECTED) == 0, "not embedded")
    assert all(worker.stop(30.0) for worker in workers)
    embedded = on(line, FACE_EMBEDDED, 12)
    for one in embedded:
        event = read_event(one)
        assert isinstance(event, FaceEmbedded)
        opened = line.seals.open(TEMPLATE, event.enrolment, event.template, SOON)
        assert read_template(values_pb2.Template.FromString(opened)).model_id == line.model_id
        assert one.message.headers[TRACE] == TRACED
    assert {one.message.key for one in embedded} == {enrolment_key(one) for one in good}
    (rejected,) = on(line, ENROLMENT_REJECTED, 1)
    event = read_event(rejected)
    assert isinstance(event, EnrolmentRejected)
    assert event.enrolment == bad
    assert sum(line.bus.lag("nobody", [ENROLMENT_REQUESTED + DEAD]).values()) == 0
    line.bus.close()
    line.executor.shutdown()


def on(line: Line, topic: str, count: int) -> Sequence[Received]:
    """What stands on it, all of it."""
    assert sum(line.bus.lag("nobody", [topic]).values()) == count
    consumer = line.bus.consumer(f"observer of {topic}", [topic], start=lambda _: 0)
    found = gather(consumer, count)
    consumer.close()
    return found
