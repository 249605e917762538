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

from onrecord.audit.app import build_audit
from onrecord.chassis.certificates import LocalAuthority, ServiceIdentity
from onrecord.chassis.database import open_database
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.inference import ModelRepository
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.tokens import JwtVerifier
from onrecord.contracts.vector_search import Plane
from onrecord.detection.app import build_detection
from onrecord.embedding.app import build_embedding
from onrecord.gateway.administration import ModelFacts
from onrecord.gateway.app import GatewayParts, build_gateway
from onrecord.gateway.http.health import Readiness
from onrecord.gateway.limits import Limits
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.standalone.folder import DataFolder
from onrecord.standalone.lock import exclusive
from onrecord.standalone.secrets import casework_seal, ledger_signer
from onrecord.vector_search.app import PlaneSettings, build_plane

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StandaloneSettings:
    """What one process needs to know.

    `origin` names the ledger: `<deployment host>/onrecord`. `inference_threads`: threads a model
    may use for one call.
    """

    data: Path
    models: Path
    origin: str = "localhost/onrecord"
    inference_threads: int = 1
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Standalone:
    """Everything running: the web application, what says whether it is ready, the plane."""

    app: FastAPI
    readiness: Readiness
    plane: Plane
    ledger_key: str


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
        clock = SystemClock()
        authority = LocalAuthority.open(folder.certificates)
        verifier = AttestationVerifier([authority.root])
        signer = ledger_signer(folder.keys, settings.origin)
        issuer = DevelopmentIssuer.open(folder.identity)
        tokens = JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, clock)

        told("models")
        models = ModelRepository(settings.models, threads=settings.inference_threads)
        facts = _embedders(models)
        detection = build_detection(
            models,
            attestor=_attestor(authority.issue(Service.DETECTION)),
            verifier=verifier,
            ledger_key=signer.verifier,
            clock=clock,
        )
        embedding = build_embedding(
            models,
            attestor=_attestor(authority.issue(Service.EMBEDDING)),
            verifier=verifier,
            ledger_key=signer.verifier,
            clock=clock,
        )

        told("ledger")
        ledger_objects = LocalObjects(folder.ledger_objects)
        audit = build_audit(
            database_url=folder.database("ledger"),
            objects=ledger_objects,
            signer=signer,
            tokens=tokens,
            roots=[authority.root],
            clock=clock,
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
            vault=vault,
            attestor=_attestor(authority.issue(Service.VECTOR_SEARCH)),
            verifier=verifier,
            ledger_key=signer.verifier,
            ledger=audit.service,
            clock=clock,
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
                planes=[plane],
                tokens=tokens,
                database=casework,
                casework_key=casework_seal(folder.keys),
                vault=vault,
                ledger_objects=ledger_objects,
                models=facts,
                clock=clock,
                limits=settings.limits,
            )
        )
        yield Standalone(gateway.app, gateway.readiness, plane, signer.verifier.text)


def _attestor(identity: ServiceIdentity) -> Attestor:
    return Attestor(identity.key, identity.chain)


def _embedders(models: ModelRepository) -> dict[str, ModelFacts]:
    facts = {
        card.model_id: ModelFacts(card.dimension, card.metric.value)
        for card in models.cards()
        if card.role is ModelRole.EMBEDDER and card.dimension and card.metric
    }
    if not facts:
        raise OnRecordError(
            ErrorCode.MODEL_UNKNOWN,
            "the model repository holds no embedder; build a set first: "
            "onrecord models build registry",
        )
    return facts
