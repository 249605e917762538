"""The detection service: from an encoded image to the one face in it."""

from collections.abc import Sequence
from typing import Protocol

from onrecord.contracts.images import Detection
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.statements import Mandate


class FaceDetection(Protocol):
    """Decodes safely, finds the one face, measures its quality, aligns it, and signs what it did.

    MUST NOT look at an image whose SHA-256 is not the one its mandate names: a grant names the
    probe, a plane's enrolment ticket names the portrait. MUST answer an image that cannot be used
    with a signed `DetectionRefusal`, not with an error: the refusal is the grant's end.
    MUST NOT keep anything.
    """

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        """Cut the one face of `image` for each embedder in `model_ids`.

        The gate is the probe's for a grant and the portrait's for a ticket. Raises GRANT_*,
        ATTESTATION_INVALID or GRANT_OTHER_PROBE for the mandate and MODEL_UNKNOWN.
        """
        ...
