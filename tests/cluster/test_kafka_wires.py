"""Kafka behind a wire that it advertises: what `make chaos FORM=cluster` cuts is really cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.cluster.folder import ClusterFolder
from deploy.local.running import Running
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.buses import KAFKA_TIMES, ONE, gather, said, soon, texts
from tests.chaos.cluster import wired_kafka
from tests.chaos.wires import State, Wire, Wires
from tests.cluster.conftest import TOOLS
from tests.cluster.kafka_topics import emptied, until


@pytest.fixture
def wires() -> Iterator[Wires]:
    made = Wires()
    yield made
    made.close()


@pytest.fixture
def brokers(parts_folder: Path, wires: Wires) -> Iterator[Wire]:
    """The wire to a broker, which has the topics."""
    folder = ClusterFolder(parts_folder / "wired")
    kafka, wire = wired_kafka(folder, TOOLS, wires)
    kafka.install(TOOLS, lambda _: None)
    running = Running(kafka, folder.place(kafka, TOOLS))
    try:
        running.start()
        emptied(running.place.at("clients"))
        yield wire
    finally:
        running.close()


def published(bus: KafkaBus, text: str) -> bool:
    try:
        bus.publisher().publish([said(text, topic=ONE)], Deadline.after(2.0))
    except OnRecordError as error:
        assert error.code in (ErrorCode.BUS_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED)
        return False
    return True


@pytest.mark.parametrize("state", [State.CUT, State.STALLED])
def test_nothing_goes_round_a_wire(brokers: Wire, wires: Wires, state: State) -> None:
    """Neither what is connected already nor what connects now; whole again, all of it passes."""
    access = KafkaAccess((brokers.address,))
    bus = KafkaBus(access, KAFKA_TIMES)
    bus.publisher().publish([said("before", topic=ONE)], soon())
    wires.set(brokers, state)
    assert not published(bus, "while it is cut")
    with pytest.raises(OnRecordError):
        KafkaBus(access, KAFKA_TIMES).lag("g", [ONE])
    wires.set(brokers, State.WHOLE)
    until(lambda: published(bus, "after"), "nothing passes", seconds=60.0)
    found = texts(gather(bus.consumer("g", [ONE]), 2))
    assert found[0] == "before"
    assert set(found[1:]) <= {"while it is cut", "after"}
