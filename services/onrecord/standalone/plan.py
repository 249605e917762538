"""Which processes stand on a data folder: minted, addressed, told and in their order."""

import json
from collections.abc import Sequence
from pathlib import Path

from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.certificates import LocalAuthority, write_secret
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.chassis.throttle import GIVE_WAY_SECONDS
from onrecord.gateway.limits import searches_of_each
from onrecord.standalone.addresses import FreePorts, numbered, target
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.places import Places, Settings, in_folder
from onrecord.standalone.planned import ONE_PLANE, TWO_PLANES, PlanePlan, ProcessPlan
from onrecord.standalone.secrets import casework_seal, ledger_signer
from onrecord.standalone.told import Told

__all__ = ["ONE_PLANE", "TWO_PLANES", "PlanePlan", "ProcessPlan", "plan"]


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
    searches: int = 0,
) -> list[ProcessPlan]:
    """Mint what is missing, write each process's settings file, and say what is to be started, in
    the order of starting: those that are called before those that call.

    Of each service, of each plane too, there are `replicas`; they share what is in `places` (the
    data folder, unless said) and the keys in the folder. `port` is the first gateway's. `searches`:
    how many each gateway works on at once; 0: its share of what this machine's processors can.
    """
    authority = LocalAuthority.open(folder.certificates)
    _write_keys(folder, origin)
    ports = FreePorts()
    called = {name: ports.addresses(replicas) for name in ("audit", "detection", "embedding")}
    at = {one.name: ports.addresses(replicas) for one in planes}
    told = Told(
        folder,
        models.resolve(),
        planes,
        {name: target(addresses) for name, addresses in called.items()},
        {name: target(addresses) for name, addresses in at.items()},
        inference_threads,
        throttle_seconds,
        witnessing or Witnessing(),
        places or in_folder(folder, [one.name for one in planes]),
        ports,
        searches or searches_of_each(replicas),
    )
    plans = [told.audit(one) for one in numbered(called["audit"])]
    plans += [told.detection(one) for one in numbered(called["detection"])]
    plans += [told.embedding(one) for one in numbered(called["embedding"])]
    plans += [told.plane(plane, one) for plane in planes for one in numbered(at[plane.name])]
    gateways = [f"{host}:{port or ports.port()}"]
    gateways += [f"{host}:{ports.port()}" for _ in range(replicas - 1)]
    plans += [told.gateway(one) for one in numbered(gateways)]
    for one in plans:
        authority.issue(one.service, one.name)
        _write(one.config, one.settings)
    return plans


def _write_keys(folder: DataFolder, origin: str) -> None:
    ledger_signer(folder.keys, origin)
    casework_seal(folder.keys)
    issuer = DevelopmentIssuer.open(folder.identity)
    write_secret(folder.token_keys, json.dumps(issuer.jwks()).encode())


def _write(path: Path, settings: Settings) -> None:
    # JSON's texts, numbers and lists of texts are TOML's.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    write_secret(path, "".join(lines).encode())
