"""A cluster whose Prometheus has the rules that we ship, and the means to break each law in it.

One plane and one process of each service: what is broken is broken at once. The rules differ from
the shipped ones in waiting alone (`deploy.alerts.rules.shortened`).
"""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy

from deploy.alerts.rules import shortened, written
from deploy.local.cluster.cluster import Cluster, Wanted
from deploy.local.cluster.folder import ClusterFolder
from deploy.local.cluster.parts import roster_of
from deploy.local.parts.postgres import Postgres
from deploy.local.running import free_ports
from onrecord.chassis.bus.kafka.access import KafkaAccess
from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.certificates import LocalAuthority, write_secret
from onrecord.chassis.lifecycle import StopSignals
from onrecord.chassis.objects.opening import ObjectAccess, open_objects
from onrecord.chassis.objects.ports import ObjectStore
from onrecord.events.topics import open_bus
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import Attestor
from onrecord.proof.notes import NoteSigner, NoteVerifier
from onrecord.standalone.plan import ONE_PLANE, ProcessPlan
from tests.builders.e2e_ledger import Entry, LedgerView
from tests.builders.e2e_server import Installation, installation_of
from tests.builders.models import reference_repository
from tests.builders.witnessing import RunningWitness, new_signer, running_witness
from tests.chaos.parts import PartTarget
from tests.chaos.processes import ProcessTarget
from tests.cluster.asking_prometheus import Prometheus
from tests.cluster.conftest import TOOLS

CASES_OF_A_PERSON: Final = 3
_SOON: Final = 60.0
_LOOK_AGAIN: Final = 0.5
_PARTS: Final = ("postgres", "kafka", "milvus", "s3", "prometheus")


def until(holds: Callable[[], object], seconds: float = _SOON, says: str = "") -> None:
    """Wait until it holds."""
    end, nothing = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < end, f"it did not come to hold in {seconds:.0f} s: {says}"
        nothing.wait(_LOOK_AGAIN)


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert as Prometheus tells it now."""

    name: str
    labels: Mapping[str, str]
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alarmed:
    """The cluster. `witness_at`: where its ledger's only witness is expected; nobody is there."""

    cluster: Cluster
    installation: Installation
    prometheus: Prometheus
    bus: Bus
    ledger: LedgerView
    witness_signer: NoteSigner
    witness_port: int
    root: Path

    def firing(self) -> list[Firing]:
        return [
            Firing(one["labels"]["alertname"], one["labels"], one["annotations"])
            for one in self.prometheus.ask("alerts")["alerts"]
            if one["state"] == "firing"
        ]

    def fires(self, name: str) -> bool:
        return any(one.name == name for one in self.firing())

    def until_it_fires(self, name: str, seconds: float = _SOON) -> None:
        until(lambda: self.fires(name), seconds, f"{name}; firing: {[*map(_name, self.firing())]}")

    def part(self, name: str) -> PartTarget:
        return PartTarget(self.cluster.part(name))

    def process(self, name: str) -> ProcessTarget:
        return ProcessTarget(name, self.cluster.services)

    def address(self, part: str, port: str) -> str:
        return self.cluster.part(part).place.at(port)

    def alarms(self, what: str) -> list[Entry]:
        """The ledger's own alarms about it."""
        found = self.ledger.entries()
        return [one for one in found if one.kind == "alarm.raised" and one.body["what"] == what]

    @contextmanager
    def database(self, name: str) -> Iterator[sqlalchemy.Connection]:
        """As whoever runs the server, with every right; committed in the end."""
        running = self.cluster.part("postgres")
        assert isinstance(running.part, Postgres)
        engine = sqlalchemy.create_engine(running.part.owner_url(running.place, name))
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    @property
    def roster(self) -> str:
        return roster_of(ONE_PLANE[0].name)

    def public_log(self) -> ObjectStore:
        """The bucket that audit publishes to."""
        told = self._told(Service.AUDIT)
        access = ObjectAccess(
            str(told["objects_endpoint"]),
            str(told["objects_region"]),
            str(told["objects_access_key"]),
            str(told["objects_secret_key"]),
        )
        return open_objects(str(told["ledger_objects"]), access)

    def rogue_plane(self, authority: Path | None = None) -> Attestor:
        """Signs as a plane, under the installation's root or under one of its own."""
        folder = authority or self.cluster.folder.services.certificates
        identity = LocalAuthority.open(folder).issue(Service.VECTOR_SEARCH, "rogue")
        return Attestor(identity.key, identity.chain)

    @contextmanager
    def witness(self, database: Path) -> Iterator[RunningWitness]:
        """The witness that audit asks, on a database."""
        key = self.cluster.folder.services.public_ledger_key.read_text("utf-8").strip()
        with running_witness(
            database,
            NoteVerifier.parse(key),
            signer=self.witness_signer,
            port=self.witness_port,
        ) as running:
            yield running

    def _told(self, service: Service) -> Mapping[str, Any]:
        return next(one.settings for one in self.cluster.plans if one.service is service)


def _name(one: Firing) -> str:
    return one.name


@contextmanager
def alarmed_cluster() -> Iterator[Alarmed]:
    """Started and ready. What tests leave broken stays broken: whoever asks must not mind."""
    # Not under pytest's own folders, which no account but ours may enter.
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onrecord-alarmed-")))
        root.chmod(0o711)
        rules = root / "rules.yaml"
        rules.write_text(shortened(written()), "utf-8")
        rules.chmod(0o644)
        signer, port = new_signer(), free_ports(("witness",))["witness"]

        def between(plans: Sequence[ProcessPlan]) -> None:
            witness = f"{signer.verifier.text} http://127.0.0.1:{port}"
            more: Mapping[Service, Mapping[str, Any]] = {
                Service.AUDIT: {"witnesses": [witness], "fan_out_cases": CASES_OF_A_PERSON},
                Service.VECTOR_SEARCH: {
                    "milvus_metrics": f"http://{cluster.part('milvus').place.at('metrics')}/metrics"
                },
            }
            for one in plans:
                told = {**one.settings, **more.get(one.service, {})}
                lines = [f"{name} = {json.dumps(value)}\n" for name, value in told.items()]
                write_secret(one.config, "".join(lines).encode())

        said: list[str] = []
        wanted = Wanted(
            reference_repository().resolve(),
            TOOLS,
            parts=_PARTS,
            planes=ONE_PLANE,
            replicas=1,
            between=between,
            rules=(rules,),
        )
        cluster = Cluster(ClusterFolder(root / "cluster"), wanted, said.append)
        stack.callback(cluster.close)
        assert cluster.start(StopSignals()), said
        clients = cluster.part("kafka").place.at("clients")
        bus = open_bus(KafkaAccess((clients,)), SystemClock())
        stack.callback(bus.close)
        installation = installation_of(cluster.folder.services.root, cluster.gateways[0])
        yield Alarmed(
            cluster,
            installation,
            Prometheus(cluster.part("prometheus").place.at("http")),
            bus,
            LedgerView(installation),
            signer,
            port,
            root,
        )
