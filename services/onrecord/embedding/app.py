"""Composition root of the embedding service."""

from concurrent.futures import Executor
from typing import Final

from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.inference import Models
from onrecord.chassis.throttle import Foreground
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.embedding import FaceEmbedding
from onrecord.contracts.events import FACE_DETECTED
from onrecord.embedding.consumer import CropConsumer
from onrecord.embedding.service import EmbeddingService, embedder
from onrecord.events.handling import DeadLetterWriter
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.mandate import MandateVerifier
from onrecord.proof.notes import NoteVerifier

BATCHES_AT_ONCE: Final = 2
"""Worked on side by side where embedding is a process of its own."""

CROPS_IN_A_POLL: Final = 16
"""Few, so that what follows begins while the rest is still worked on."""


def build_embedding(
    models: Models,
    *,
    attestor: Attestor,
    verifier: AttestationVerifier,
    ledger_key: NoteVerifier,
    clock: Clock,
) -> EmbeddingService:
    """The service with every embedder of the repository loaded."""
    cards = [card for card in models.cards() if card.role is ModelRole.EMBEDDER]
    return EmbeddingService(
        [embedder(models.session(card.name)) for card in cards],
        MandateVerifier(ledger_key, verifier),
        verifier,
        attestor,
        clock,
    )


def build_embedding_worker(
    bus: Bus,
    *,
    embedding: FaceEmbedding,
    seals: TransportSeals,
    foreground: Foreground,
    executor: Executor,
    clock: Clock,
    reached: WritePoint = unobserved,
) -> Worker:
    """The consumer of crops to be enrolled, not started yet."""
    return Worker(
        bus,
        group=Service.EMBEDDING.value,
        topics=[FACE_DETECTED],
        handler=CropConsumer(
            embedding=embedding,
            seals=seals,
            foreground=foreground,
            executor=executor,
            clock=clock,
        ),
        dead_letter=DeadLetterWriter(clock),
        clock=clock,
        settings=WorkerSettings(limit=CROPS_IN_A_POLL),
        reached=reached,
    )
