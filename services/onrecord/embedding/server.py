"""Embedding as a process of its own: gRPC for searches, the bus for crops to be enrolled."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from onrecord.chassis.bus.measured import lag_reading
from onrecord.chassis.grpc import GrpcServer, ServerSettings
from onrecord.chassis.health import Health
from onrecord.chassis.inference.measured import MeasuredModels
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Process
from onrecord.chassis.parts import GrpcPart, WorkerPart
from onrecord.chassis.throttle import Foreground
from onrecord.clients.attesting import RenewedAttestor, believing
from onrecord.clients.from_settings import (
    identity_of,
    ledger_verifier,
)
from onrecord.clients.inference import models_of
from onrecord.clients.planes import plane_clients
from onrecord.clients.transport import TransportSeals
from onrecord.clients.transport_keys import PlanesKeys
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.events import FACE_DETECTED
from onrecord.contracts.images import Template
from onrecord.embedding.app import BATCHES_AT_ONCE, build_embedding, build_embedding_worker
from onrecord.embedding.rpc import register
from onrecord.embedding.settings import EmbeddingSettings
from onrecord.events.topics import open_bus
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.rpc.allowed import ALLOWED

_READY_SECONDS = 5.0
_log = logging.getLogger("onrecord.embedding")


@contextmanager
def opened(settings: EmbeddingSettings, told: Callable[[str], None]) -> Iterator[Process]:
    """Everything open and nothing at work; closed in the opposite order."""
    with ExitStack() as stack:
        clock = SystemClock()
        identity = identity_of(Service.EMBEDDING, settings)
        told("models")
        models = MeasuredModels(models_of(settings, stack))
        foreground = settings.throttled()
        embedding = build_embedding(
            models,
            attestor=RenewedAttestor(identity),
            verifier=believing(identity),
            ledger_key=ledger_verifier(settings),
            clock=clock,
        )
        told("bus")
        bus = open_bus(settings.bus_at(), clock)
        stack.callback(bus.close)
        seals = TransportSeals(PlanesKeys(plane_clients(settings, identity, stack)), clock)
        executor = stack.enter_context(
            ThreadPoolExecutor(BATCHES_AT_ONCE, thread_name_prefix="crops")
        )
        worker = build_embedding_worker(
            bus,
            embedding=embedding,
            seals=seals,
            foreground=foreground,
            executor=executor,
            clock=clock,
        )
        server = GrpcServer(
            ServerSettings(settings.address, settings.threads, settings.connection_age_seconds),
            identity,
            ALLOWED,
            _log,
        )
        server.add(register(_Waited(embedding, foreground)))
        yield Process(
            Health({"inference": lambda: models.check(Deadline.after(_READY_SECONDS))}),
            (
                WorkerPart("the consumer of crops", worker),
                Periodic("forgetting transport keys", seals.forget, settings.maintenance_seconds),
                GrpcPart(
                    server, settings.stop_seconds, lambda port: _log.info("serving at %d", port)
                ),
            ),
            (models.reading(), lag_reading(bus, Service.EMBEDDING.value, (FACE_DETECTED,))),
        )


class _Waited:
    """A `FaceEmbedding` that somebody waits for: the consumer gives way to it."""

    def __init__(self, embedding: FaceEmbedding, foreground: Foreground) -> None:
        self._embedding = embedding
        self._foreground = foreground

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        with self._foreground.call():
            return self._embedding.embed(requests, deadline)
