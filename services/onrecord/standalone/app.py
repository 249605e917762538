"""Five services in one process: what `onrecord serve` builds apart is built here together.

Only what is passed to the constructors differs from five processes: the services are called
directly, the databases are SQLite, the vectors a file, the objects a folder, the identity provider
a development issuer.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from onrecord.audit.app import RECONCILE_SECONDS, build_audit
from onrecord.audit.core.witnessing import Witnessing
from onrecord.audit.server import audit_parts
from onrecord.chassis.bus.measured import lag_reading
from onrecord.chassis.certificates import LocalAuthority, ServiceIdentity
from onrecord.chassis.database import open_database
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.health import Health
from onrecord.chassis.inference import ModelRepository
from onrecord.chassis.inference.measured import MeasuredModels
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Part
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.parts import WorkerPart
from onrecord.chassis.pools import CarryingPool
from onrecord.chassis.telemetry import Reading
from onrecord.chassis.throttle import GIVE_WAY_SECONDS, throttle
from onrecord.chassis.tokens import JwtVerifier
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.events import ENROLMENT_REQUESTED, FACE_DETECTED
from onrecord.contracts.vector_search import Plane
from onrecord.detection.app import build_detection, build_detection_worker
from onrecord.detection.core.pace import BESIDE, PORTRAITS_AT_ONCE
from onrecord.embedding.app import build_embedding, build_embedding_worker
from onrecord.events.topics import open_bus
from onrecord.gateway.app import GatewayParts, build_gateway
from onrecord.gateway.http.health import Readiness
from onrecord.gateway.limits import Limits, searches_at_once
from onrecord.gateway.models import model_facts
from onrecord.gateway.server import MAINTENANCE_SECONDS, gateway_health, gateway_parts
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.standalone.folder import ONLY_PLANE, DataFolder
from onrecord.standalone.lock import exclusive
from onrecord.standalone.secrets import casework_seal, ledger_signer
from onrecord.vector_search.app import PlaneSettings, build_plane
from onrecord.vector_search.server import plane_parts, plane_readings

Told = Callable[[str], None]

_OURS_ALONE_SECONDS = 1.0
"""How often readers look for what other processes put on the bus: none does, it is locked."""


def _limits_here() -> Limits:
    # The plane, its index and the ledger are here: it would be ready no sooner.
    return Limits(searches=searches_at_once(0), foretold=False)


@dataclass(frozen=True, slots=True)
class StandaloneSettings:
    """What one process needs to know.

    `origin` names the ledger: `<deployment host>/onrecord`. `inference_threads`: threads a model
    may use for one call. `throttle_seconds`: how long work on enrolments gives way to searches, at
    most and before each piece; 0: never. `reached` hears every write point of every service.
    `witnessing`: who is asked to cosign the ledger.
    """

    data: Path
    models: Path
    origin: str = "localhost/onrecord"
    inference_threads: int = 1
    throttle_seconds: float = GIVE_WAY_SECONDS
    limits: Limits = field(default_factory=_limits_here)
    reached: WritePoint = unobserved
    witnessing: Witnessing = field(default_factory=Witnessing)


@dataclass(frozen=True, slots=True)
class Standalone:
    """Everything open: the web application, what says whether it is ready, the plane, and the
    consumers and upkeep (`parts`), which are not at work before somebody starts them. `readings`:
    the gauges of all five services.
    """

    app: FastAPI
    readiness: Readiness
    plane: Plane
    ledger_key: str
    parts: tuple[Part, ...]
    health: Health
    readings: tuple[Reading, ...] = ()


@contextmanager
def standalone(settings: StandaloneSettings, told: Told = lambda _: None) -> Iterator[Standalone]:
    """Open a data folder and everything on it; close it in the opposite order.

    `told` hears what is being done, in words. Raises DATA_FOLDER_IN_USE, MODEL_UNKNOWN,
    LEDGER_UNAVAILABLE where the folder was rolled back.
    """
    folder = DataFolder(settings.data)
    folder.prepare()
    with ExitStack() as stack:
        stack.enter_context(exclusive(folder.lock))
        clock, reached = SystemClock(), settings.reached
        foreground = throttle(settings.throttle_seconds)
        authority = LocalAuthority.open(folder.certificates)
        verifier = AttestationVerifier([authority.root])
        signer = ledger_signer(folder.keys, settings.origin)
        issuer = DevelopmentIssuer.open(folder.identity)
        tokens = JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, clock)

        told("models")
        repository = ModelRepository(settings.models, threads=settings.inference_threads)
        facts, models = model_facts(repository), MeasuredModels(repository)
        detection = build_detection(
            models,
            attestor=_attestor(authority.issue(Service.DETECTION)),
            verifier=verifier,
            ledger_key=signer.verifier,
            clock=clock,
            beside=stack.enter_context(CarryingPool(BESIDE, thread_name_prefix="beside")),
        )
        embedding = build_embedding(
            models,
            attestor=_attestor(authority.issue(Service.EMBEDDING)),
            verifier=verifier,
            ledger_key=signer.verifier,
            clock=clock,
        )

        told("bus")
        bus = open_bus(folder.bus, clock, look_again=_OURS_ALONE_SECONDS)
        stack.callback(bus.close)

        told("ledger")
        ledger_objects = LocalObjects(folder.ledger_objects)
        audit = build_audit(
            database_url=folder.database("ledger"),
            objects=ledger_objects,
            signer=signer,
            tokens=tokens,
            roots=[authority.root],
            bus=bus,
            clock=clock,
            witnessing=settings.witnessing,
            foreground=foreground,
            reached=reached,
        )
        stack.callback(audit.close)

        told("galleries")
        vault = LocalObjects(folder.vault_objects)
        plane = build_plane(
            PlaneSettings(
                roster_url=folder.database("roster"),
                milvus=str(folder.vectors),
                keys=folder.gallery_keys,
            ),
            name=ONLY_PLANE,
            vault=vault,
            ingest=vault,
            attestor=_attestor(authority.issue(Service.VECTOR_SEARCH)),
            verifier=verifier,
            tokens=tokens,
            publisher=bus.publisher(),
            ledger_key=signer.verifier,
            ledger=audit.service,
            clock=clock,
            reached=reached,
        )
        stack.callback(plane.close)

        told("gateway")
        casework = open_database(folder.database("casework"))
        stack.callback(casework.dispose)
        gateway = build_gateway(
            GatewayParts(
                audit=audit.service,
                detection=detection,
                embedding=embedding,
                planes={ONLY_PLANE: plane},
                tokens=tokens,
                database=casework,
                casework_key=casework_seal(folder.keys),
                vault=vault,
                ingest=vault,
                ledger_objects=ledger_objects,
                models=facts,
                bus=bus,
                clock=clock,
                limits=settings.limits,
                foreground=foreground,
                reached=reached,
            )
        )
        seals = TransportSeals(plane, clock)
        executor = stack.enter_context(
            CarryingPool(PORTRAITS_AT_ONCE, thread_name_prefix="portraits")
        )
        portraits = build_detection_worker(
            bus,
            detection=detection,
            seals=seals,
            ingest=vault,
            foreground=foreground,
            executor=executor,
            clock=clock,
            reached=reached,
        )
        crops = build_embedding_worker(
            bus,
            embedding=embedding,
            seals=seals,
            foreground=foreground,
            executor=executor,
            clock=clock,
            reached=reached,
        )
        parts = (
            *audit_parts(audit, RECONCILE_SECONDS),
            *plane_parts(
                plane, bus, name=ONLY_PLANE, foreground=foreground, clock=clock, reached=reached
            ),
            WorkerPart("the consumer of portraits", portraits),
            WorkerPart("the consumer of crops", crops),
            Periodic("forgetting transport keys", seals.forget, MAINTENANCE_SECONDS),
            *gateway_parts(gateway),
        )
        health = gateway_health(gateway)
        health.watch(part for part in parts if isinstance(part, WorkerPart))
        readings = (
            *audit.readings,
            *gateway.readings,
            *plane_readings(plane, bus, ONLY_PLANE),
            models.reading(),
            lag_reading(bus, Service.DETECTION.value, (ENROLMENT_REQUESTED,)),
            lag_reading(bus, Service.EMBEDDING.value, (FACE_DETECTED,)),
        )
        yield Standalone(
            gateway.app, gateway.readiness, plane, signer.verifier.text, parts, health, readings
        )


def _attestor(identity: ServiceIdentity) -> Attestor:
    return Attestor(identity.key, identity.chain)
