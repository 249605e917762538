"""The embedding service: from an aligned face to a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onrecord.contracts.images import AlignedCrop, Template
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.statements import Mandate


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """One crop and what it may be embedded for."""

    crop: AlignedCrop
    mandate: Mandate


class FaceEmbedding(Protocol):
    """Embeds aligned crops in batches and signs what it did.

    MUST refuse a crop that detection has not attested for the same mandate and model. MUST keep
    the order of the requests. MUST NOT keep anything.
    """

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        """One template for each request. Raises ATTESTATION_INVALID, MODEL_UNKNOWN, GRANT_*."""
        ...
