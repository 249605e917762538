"""Which processes stand on a data folder, and what each of them is told."""

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.certificates import LocalAuthority, write_secret
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.throttle import GIVE_WAY_SECONDS
from onrecord.kernel.vocabulary import Service
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.secrets import casework_seal, ledger_signer

_HOST = "127.0.0.1"

Setting = str | int | float | list[str]


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
    settings: Mapping[str, Setting] = field(repr=False, hash=False)


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
) -> list[ProcessPlan]:
    """Mint what is missing, write each process's settings file, and say what is to be started, in
    the order of starting: those that are called before those that call.
    """
    authority = LocalAuthority.open(folder.certificates)
    _write_keys(folder, origin)
    called = {name: f"{_HOST}:{_free_port()}" for name in ("audit", "detection", "embedding")}
    at = {one.name: f"{_HOST}:{_free_port()}" for one in planes}
    told = _Told(
        folder,
        models.resolve(),
        planes,
        called,
        at,
        inference_threads,
        throttle_seconds,
        witnessing or Witnessing(),
    )
    plans = [told.audit(), told.detection(), told.embedding()]
    plans += [told.plane(one) for one in planes]
    plans.append(told.gateway(f"{host}:{port or _free_port()}"))
    for one in plans:
        authority.issue(one.service, one.name)
        _write(one.config, one.settings)
    return plans


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

    def audit(self) -> ProcessPlan:
        return self._process(
            Service.AUDIT,
            self.called["audit"],
            self._tokens(),
            {
                "database_url": self.folder.database("ledger"),
                "ledger_objects": str(self.folder.ledger_objects),
                "ledger_signing_key": str(self.folder.ledger_key),
                **self._witnesses(),
            },
        )

    def detection(self) -> ProcessPlan:
        return self._process(
            Service.DETECTION,
            self.called["detection"],
            self._inference(),
            {"ingest": str(self.folder.vault_objects)},
        )

    def embedding(self) -> ProcessPlan:
        return self._process(Service.EMBEDDING, self.called["embedding"], self._inference())

    def plane(self, plane: PlanePlan) -> ProcessPlan:
        root = self.folder.plane(plane.name)
        return self._process(
            Service.VECTOR_SEARCH,
            self.at[plane.name],
            self._tokens(),
            {
                "plane": plane.name,
                "throttle_seconds": self.throttle_seconds,
                "ledger_key": str(self.folder.public_ledger_key),
                "audit": self.called["audit"],
                "roster_url": root.database("roster"),
                "milvus": str(root.vectors),
                "keys": str(root.gallery_keys),
                "vault": str(self.folder.vault_objects),
                "ingest": str(self.folder.vault_objects),
            },
            suffix="" if len(self.planes) == 1 else f"-{plane.name}",
        )

    def gateway(self, address: str) -> ProcessPlan:
        homes = [f"{name}={one.name}" for one in self.planes for name in one.galleries]
        return self._process(
            Service.GATEWAY,
            address,
            self._tokens(),
            self._planes(),
            {
                **dict(self.called),
                "database_url": self.folder.database("casework"),
                "casework_key": str(self.folder.casework_key),
                "vault": str(self.folder.vault_objects),
                "ingest": str(self.folder.vault_objects),
                "ledger_objects": str(self.folder.ledger_objects),
                "models": str(self.models),
                **({"homes": homes} if homes else {}),
            },
        )

    def _process(
        self, service: Service, address: str, *settings: Mapping[str, Setting], suffix: str = ""
    ) -> ProcessPlan:
        name = service.value + suffix
        health = f"{_HOST}:{_free_port()}"
        certificates = self.folder.certificates
        told: dict[str, Setting] = {
            "address": address,
            "health_address": health,
            "certificate": str(certificates / f"{name}.pem"),
            "certificate_key": str(certificates / f"{name}.key.pem"),
            "roots": str(certificates / "root.pem"),
            "bus": str(self.folder.bus),
        }
        for more in settings:
            told.update(more)
        config = self.folder.processes / f"{name}.toml"
        return ProcessPlan(name, service, config, address, health, config.with_suffix(".log"), told)

    def _inference(self) -> dict[str, Setting]:
        return {
            "ledger_key": str(self.folder.public_ledger_key),
            "models": str(self.models),
            "inference_threads": self.inference_threads,
            "throttle_seconds": self.throttle_seconds,
            **self._planes(),
        }

    def _planes(self) -> dict[str, Setting]:
        return {"planes": [f"{name}={address}" for name, address in self.at.items()]}

    def _witnesses(self) -> dict[str, Setting]:
        named = [str(one) for one in self.witnessing.addresses]
        return {"witnesses": named, "witness_quorum": self.witnessing.needed} if named else {}

    def _tokens(self) -> dict[str, Setting]:
        return {
            "token_issuer": DevelopmentIssuer.name,
            "token_audience": AUDIENCE,
            "token_keys": str(self.folder.token_keys),
        }


def _write_keys(folder: DataFolder, origin: str) -> None:
    ledger_signer(folder.keys, origin)
    casework_seal(folder.keys)
    issuer = DevelopmentIssuer.open(folder.identity)
    write_secret(folder.token_keys, json.dumps(issuer.jwks()).encode())


def _write(path: Path, settings: Mapping[str, Setting]) -> None:
    # JSON's texts, numbers and lists of texts are TOML's.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    write_secret(path, "".join(lines).encode())


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as found:
        return int(found.getsockname()[1])
