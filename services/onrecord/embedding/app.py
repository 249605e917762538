"""Composition root of the embedding service."""

from onrecord.chassis.inference import ModelRepository
from onrecord.embedding.service import EmbeddingService, embedder
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.times import Clock
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.mandate import MandateVerifier
from onrecord.proof.notes import NoteVerifier


def build_embedding(
    models: ModelRepository,
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
