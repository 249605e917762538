"""What each process is told: its settings, by service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onrecord.audit.core.witnessing import Witnessing
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.addresses import HOST, FreePorts, Replica
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.places import Places, Setting, Settings
from onrecord.standalone.planned import PlanePlan, ProcessPlan


@dataclass(frozen=True, slots=True)
class Told:
    """What every process of one installation is told. `called` and `at`: the gRPC target of each
    service, and of each plane. `searches`: at once, of each gateway.
    """

    folder: DataFolder
    models: Path
    planes: Sequence[PlanePlan]
    called: Mapping[str, str]
    at: Mapping[str, str]
    inference_threads: int
    throttle_seconds: float
    witnessing: Witnessing
    places: Places
    ports: FreePorts
    searches: int

    def audit(self, replica: Replica) -> ProcessPlan:
        return self._process(
            Service.AUDIT,
            replica,
            self.places.tokens,
            self.places.objects_access,
            {
                "database_url": self.places.ledger,
                "ledger_objects": self.places.ledger_objects,
                "ledger_signing_key": str(self.folder.ledger_key),
                **self._witnesses(),
            },
        )

    def detection(self, replica: Replica) -> ProcessPlan:
        return self._process(
            Service.DETECTION,
            replica,
            self._inference(),
            self.places.objects_access,
            {"ingest": self.places.ingest},
        )

    def embedding(self, replica: Replica) -> ProcessPlan:
        return self._process(Service.EMBEDDING, replica, self._inference())

    def plane(self, plane: PlanePlan, replica: Replica) -> ProcessPlan:
        places = self.places.planes[plane.name]
        return self._process(
            Service.VECTOR_SEARCH,
            replica,
            self.places.tokens,
            self.places.objects_access,
            {
                "plane": plane.name,
                "throttle_seconds": self.throttle_seconds,
                "ledger_key": str(self.folder.public_ledger_key),
                "audit": self.called["audit"],
                "roster_url": places.roster,
                "milvus": places.milvus,
                "keys": str(self.folder.plane(plane.name).gallery_keys),
                "vault": self.places.vault,
                "ingest": self.places.ingest,
            },
            of="" if len(self.planes) == 1 else f"-{plane.name}",
        )

    def gateway(self, replica: Replica) -> ProcessPlan:
        homes = [f"{name}={one.name}" for one in self.planes for name in one.galleries]
        return self._process(
            Service.GATEWAY,
            replica,
            self.places.tokens,
            self._planes(),
            self.places.objects_access,
            {
                **dict(self.called),
                "database_url": self.places.casework,
                "casework_key": str(self.folder.casework_key),
                "vault": self.places.vault,
                "ingest": self.places.ingest,
                "ledger_objects": self.places.ledger_objects,
                "models": str(self.models),
                "searches": self.searches,
                **({"homes": homes} if homes else {}),
            },
        )

    def _process(
        self, service: Service, replica: Replica, *settings: Settings, of: str = ""
    ) -> ProcessPlan:
        name = service.value + of + replica.suffix
        health = f"{HOST}:{self.ports.port()}"
        certificates = self.folder.certificates
        told: dict[str, Setting] = {
            "address": replica.address,
            "health_address": health,
            "certificate": str(certificates / f"{name}.pem"),
            "certificate_key": str(certificates / f"{name}.key.pem"),
            "roots": str(certificates / "root.pem"),
            "bus": self.places.bus,
            **self.places.bus_access,
            **self.places.telemetry,
        }
        for more in settings:
            told.update(more)
        config = self.folder.processes / f"{name}.toml"
        log = config.with_suffix(".log")
        return ProcessPlan(name, service, config, replica.address, health, log, told)

    def _inference(self) -> Settings:
        return {
            "ledger_key": str(self.folder.public_ledger_key),
            "models": str(self.models),
            "inference_threads": self.inference_threads,
            "throttle_seconds": self.throttle_seconds,
            **self._planes(),
            **self.places.inference,
        }

    def _planes(self) -> Settings:
        return {"planes": [f"{name}={address}" for name, address in self.at.items()]}

    def _witnesses(self) -> Settings:
        named = [str(one) for one in self.witnessing.addresses]
        return {"witnesses": named, "witness_quorum": self.witnessing.needed} if named else {}
