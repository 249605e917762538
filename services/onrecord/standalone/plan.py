"""Which processes stand on a data folder, and what each of them is told."""

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.certificates import LocalAuthority, write_secret
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.throttle import GIVE_WAY_SECONDS
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.places import Places, Setting, Settings, in_folder
from onrecord.standalone.secrets import casework_seal, ledger_signer

_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class PlanePlan:
    """A plane by name; `galleries` are created on it, others on the first that names none."""

    name: str
    galleries: tuple[str, ...] = ()


ONE_PLANE = (PlanePlan("main"),)
TWO_PLANES = (PlanePlan("others"), PlanePlan("utah", ("US-UT",)))


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process: its name, its service, its settings file and where it says how it is."""

    name: str
    service: Service
    config: Path
    address: str
    health: str
    log: Path
    settings: Settings = field(repr=False, hash=False)


def plan(
    folder: DataFolder,
    models: Path,
    planes: Sequence[PlanePlan],
    *,
    host: str,
    port: int,
    origin: str,
    inference_threads: int,
    throttle_seconds: float = GIVE_WAY_SECONDS,
    witnessing: Witnessing | None = None,
    places: Places | None = None,
    replicas: int = 1,
) -> list[ProcessPlan]:
    """Mint what is missing, write each process's settings file, and say what is to be started, in
    the order of starting: those that are called before those that call.

    Of each service, of each plane too, there are `replicas`; they share what is in `places` (the
    data folder, unless said) and the keys in the folder. `port` is the first gateway's.
    """
    authority = LocalAuthority.open(folder.certificates)
    _write_keys(folder, origin)
    called = {name: _free_addresses(replicas) for name in ("audit", "detection", "embedding")}
    at = {one.name: _free_addresses(replicas) for one in planes}
    told = _Told(
        folder,
        models.resolve(),
        planes,
        {name: _target(addresses) for name, addresses in called.items()},
        {name: _target(addresses) for name, addresses in at.items()},
        inference_threads,
        throttle_seconds,
        witnessing or Witnessing(),
        places or in_folder(folder, [one.name for one in planes]),
    )
    plans = [told.audit(one) for one in _numbered(called["audit"])]
    plans += [told.detection(one) for one in _numbered(called["detection"])]
    plans += [told.embedding(one) for one in _numbered(called["embedding"])]
    plans += [told.plane(plane, one) for plane in planes for one in _numbered(at[plane.name])]
    gateways = [f"{host}:{port or _free_port()}"]
    gateways += [f"{host}:{_free_port()}" for _ in range(replicas - 1)]
    plans += [told.gateway(one) for one in _numbered(gateways)]
    for one in plans:
        authority.issue(one.service, one.name)
        _write(one.config, one.settings)
    return plans


@dataclass(frozen=True, slots=True)
class _Replica:
    """One process of a service; `suffix` of its name where it is not the only one."""

    address: str
    suffix: str


def _numbered(addresses: Sequence[str]) -> list[_Replica]:
    if len(addresses) == 1:
        return [_Replica(addresses[0], "")]
    return [_Replica(one, f"-{number}") for number, one in enumerate(addresses, 1)]


def _target(addresses: Sequence[str]) -> str:
    """As gRPC names one service that answers at several addresses."""
    return addresses[0] if len(addresses) == 1 else "ipv4:" + ",".join(addresses)


@dataclass(frozen=True, slots=True)
class _Told:
    folder: DataFolder
    models: Path
    planes: Sequence[PlanePlan]
    called: Mapping[str, str]
    at: Mapping[str, str]
    inference_threads: int
    throttle_seconds: float
    witnessing: Witnessing
    places: Places

    def audit(self, replica: _Replica) -> ProcessPlan:
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

    def detection(self, replica: _Replica) -> ProcessPlan:
        return self._process(
            Service.DETECTION,
            replica,
            self._inference(),
            self.places.objects_access,
            {"ingest": self.places.ingest},
        )

    def embedding(self, replica: _Replica) -> ProcessPlan:
        return self._process(Service.EMBEDDING, replica, self._inference())

    def plane(self, plane: PlanePlan, replica: _Replica) -> ProcessPlan:
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

    def gateway(self, replica: _Replica) -> ProcessPlan:
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
                **({"homes": homes} if homes else {}),
            },
        )

    def _process(
        self, service: Service, replica: _Replica, *settings: Settings, of: str = ""
    ) -> ProcessPlan:
        name = service.value + of + replica.suffix
        health = f"{_HOST}:{_free_port()}"
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


def _write_keys(folder: DataFolder, origin: str) -> None:
    ledger_signer(folder.keys, origin)
    casework_seal(folder.keys)
    issuer = DevelopmentIssuer.open(folder.identity)
    write_secret(folder.token_keys, json.dumps(issuer.jwks()).encode())


def _write(path: Path, settings: Settings) -> None:
    # JSON's texts, numbers and lists of texts are TOML's.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    write_secret(path, "".join(lines).encode())


def _free_addresses(count: int) -> list[str]:
    return [f"{_HOST}:{_free_port()}" for _ in range(count)]


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as found:
        return int(found.getsockname()[1])
