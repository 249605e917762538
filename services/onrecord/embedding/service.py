"""Embeds crops that detection has attested for a mandate that holds, and signs what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onrecord.chassis.inference import InferenceSession
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import AlignedCrop, Template, Vector
from onrecord.embedding.core import as_template, batches
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, format_time
from onrecord.proof import statements
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.mandate import MandateVerifier

MAX_BATCH = 32


@dataclass(frozen=True, slots=True)
class Embedder:
    """A model that embeds, and what its card says of its input and output."""

    session: InferenceSession
    model_id: str
    height: int
    width: int
    metric: Metric


def embedder(session: InferenceSession) -> Embedder:
    """An embedder from its session's card. Raises MODEL_CARD_INVALID when that says too little."""
    card = session.card
    if card.input.height is None or card.input.width is None or card.metric is None:
        raise OnRecordError(
            ErrorCode.MODEL_CARD_INVALID, f"the card of {card.name} is not that of an embedder"
        )
    return Embedder(session, card.model_id, card.input.height, card.input.width, card.metric)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The id of a mandate that holds, and which crop may be embedded under it."""

    mandate: str
    crop_sha256: str


class EmbeddingService:
    """Implements `FaceEmbedding`."""

    def __init__(
        self,
        embedders: Sequence[Embedder],
        mandates: MandateVerifier,
        verifier: AttestationVerifier,
        attestor: Attestor,
        clock: Clock,
    ) -> None:
        self._embedders: Mapping[str, Embedder] = {one.model_id: one for one in embedders}
        self._mandates = mandates
        self._verifier = verifier
        self._attestor = attestor
        self._clock = clock

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        """See `FaceEmbedding.embed`. Nothing is embedded unless every crop may be."""
        allowed = [self._allowed(request) for request in requests]
        vectors: dict[int, Vector] = {}
        for model_id, indices in _by_model(requests).items():
            for batch in batches(indices, MAX_BATCH):
                deadline.check()
                crops = [requests[index].crop for index in batch]
                made = self._infer(self._embedders[model_id], crops, deadline)
                vectors.update(zip(batch, made, strict=True))
        return tuple(
            self._signed(request.crop, allowed[index], vectors[index])
            for index, request in enumerate(requests)
        )

    def _allowed(self, request: EmbedRequest) -> _Allowed:
        """The request's mandate, if it holds and this crop was cut for it."""
        crop, crop_sha256 = request.crop, request.crop.sha256
        mandate = self._mandates.verify(request.mandate, self._clock.now())
        if crop.model_id not in self._embedders:
            raise OnRecordError(
                ErrorCode.MODEL_UNKNOWN, f"no embedder {crop.model_id} is loaded here"
            )
        if crop.model_id not in mandate.model_ids:
            raise OnRecordError(
                ErrorCode.GRANT_MODEL, f"the mandate does not name the model {crop.model_id}"
            )
        said = statements.verify_crop(
            self._verifier,
            crop.attestation,
            mandate=mandate.id,
            crop=crop_sha256,
            model_id=crop.model_id,
        )
        if said.get("image_sha256") != mandate.image_sha256:
            raise OnRecordError(
                ErrorCode.ATTESTATION_INVALID, "the crop was not cut from the mandate's image"
            )
        wanted = self._embedders[crop.model_id]
        if crop.pixels.shape != (wanted.height, wanted.width, 3):
            raise OnRecordError(
                ErrorCode.TEMPLATE_INVALID,
                f"{crop.model_id} takes crops of {wanted.width} x {wanted.height} pixels",
            )
        return _Allowed(mandate.id, crop_sha256)

    @staticmethod
    def _infer(model: Embedder, crops: Sequence[AlignedCrop], deadline: Deadline) -> list[Vector]:
        card = model.session.card
        stacked = np.stack([crop.pixels for crop in crops])
        output = model.session.run({card.input.name: stacked}, deadline)[card.outputs[0]]
        return [as_template(row, model.metric) for row in output]

    def _signed(self, crop: AlignedCrop, allowed: _Allowed, vector: Vector) -> Template:
        digest = statements.template_sha256(vector.astype("<f4").tobytes(), crop.model_id)
        embedded = self._attestor.attest(
            {
                "type": statements.EMBEDDED,
                "time": format_time(self._clock.now()),
                "mandate": allowed.mandate,
                "crop_sha256": allowed.crop_sha256,
                "template_sha256": digest,
                "model_id": crop.model_id,
                "detected": statements.statement_sha256(crop.attestation),
            }
        )
        return Template(crop.model_id, vector, crop.attestation, embedded)


def _by_model(requests: Sequence[EmbedRequest]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for index, request in enumerate(requests):
        grouped.setdefault(request.crop.model_id, []).append(index)
    return grouped
