"""Every real part, and two of each service (`deploy/local/cluster`)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.cluster.cluster import Cluster, Wanted
from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.parts import roster_of
from deploy.local.parts.kafka import Kafka
from deploy.local.parts.postgres import Postgres
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.lifecycle import StopSignals
from onrecord.events.topics import open_bus
from onrecord.kernel.times import SystemClock
from onrecord.standalone.plan import ProcessPlan
from tests.builders.e2e_scene import UTAH
from tests.builders.e2e_server import installation_of
from tests.chaos.form import Form
from tests.chaos.parts import PartTarget
from tests.chaos.processes import certified, targets_of
from tests.chaos.rewiring import Links, rewire
from tests.chaos.stage import NEVADA
from tests.chaos.wires import Wire, Wires
from tests.chaos.witnesses import Witnesses, witnesses

PARTS: Final = ("postgres", "kafka", "milvus", "triton", "s3")
_GRANT_MINUTES: Final = 2
"""A broker that is killed is back after half a minute on a busy machine, and its groups later."""
_PLANES: Final = {UTAH: "utah", NEVADA: "others"}
_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def cluster(data: Path, models: Path) -> Iterator[Form]:
    """Started and ready, with a wire in each connection; the one to the brokers is everybody's."""
    services = ClusterFolder(data).services
    with (
        witnesses(services, data.parent / "witnesses") as seen_by,
        started_cluster(data, models, seen_by=seen_by) as (_, form),
    ):
        yield form


@contextmanager
def started_cluster(
    data: Path, models: Path, *, wired: bool = True, seen_by: Witnesses | None = None
) -> Iterator[tuple[Cluster, Form]]:
    """As `cluster`, with what was started; without wires, every process calls the next itself.
    `seen_by`: the witnesses that it asks.
    """
    seen_by = seen_by or Witnesses()
    tools = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache")).resolve() / "tools"
    folder, wires, said = ClusterFolder(data), Wires(), list[str]()
    links = Links(wires)
    kafka, brokers = wired_kafka(folder, tools, wires) if wired else (Kafka(), None)

    def between(plans: Sequence[ProcessPlan]) -> None:
        parts = {
            one.place.at(port): one.part.name
            for one in started.parts
            for port in one.part.port_names
        }
        if wired:
            rewire(plans, {**parts, **seen_by.names}, links, brokers)

    wanted = Wanted(
        models.resolve(),
        tools,
        parts=PARTS,
        kafka=kafka,
        between=between,
        witnessing=seen_by.witnessing,
    )
    started = Cluster(folder, wanted, said.append)
    try:
        assert started.start(StopSignals()), said
        bus = open_bus(KafkaAccess((started.part("kafka").place.at("clients"),)), SystemClock())
        try:
            yield started, _form(started, links, bus, seen_by)
        finally:
            bus.close()
    finally:
        clean = started.close()
        wires.close()
    assert clean, said[-20:]


def wired_kafka(folder: ClusterFolder, tools: Path, wires: Wires) -> tuple[Kafka, Wire]:
    """One with a listener of its own for those who come over a wire, which it tells them of."""
    folder.prepare()
    ports = ("clients", "controller", "wired")
    wire = wires.wire(folder.place(Kafka(port_names=ports), tools).at("wired"))
    extra = (
        "listeners=PLAINTEXT://{clients},CONTROLLER://{controller},WIRED://{wired}",
        "advertised.listeners=PLAINTEXT://{clients},WIRED://" + wire.address,
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,WIRED:PLAINTEXT",
    )
    return Kafka(extra, port_names=ports), wire


def _form(started: Cluster, links: Links, bus: Bus, seen_by: Witnesses) -> Form:
    postgres = started.part("postgres")
    assert isinstance(postgres.part, Postgres)
    services = started.folder.services
    return Form(
        installation=installation_of(services.root, started.gateways[0]),
        addresses=started.gateways,
        targets=[
            *targets_of(started.services),
            *map(PartTarget, started.parts),
            *seen_by.targets,
        ],
        links=links,
        bus=bus,
        certificates=services.certificates,
        certified=certified(started.plans),
        rosters={
            gallery: postgres.part.owner_url(postgres.place, roster_of(plane))
            for gallery, plane in _PLANES.items()
        },
        parts=PARTS,
        grant_minutes=_GRANT_MINUTES,
        witnesses=seen_by,
    )
