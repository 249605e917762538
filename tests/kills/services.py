"""Detection and embedding without models: they sign what they hand on, as the real ones do.

An image here ends with a person's number; every other image has no face, and at `POISON` detection
finds that its own model is not the one it was given.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import (
    AlignedCrop,
    DetectedFace,
    Detection,
    DetectionRefusal,
    QualityMeasure,
    Template,
    Vector,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, format_time
from onrecord.proof import statements
from onrecord.proof.attestation import Attestor
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.statements import Mandate, mandate_id

DIMENSION = 16
POISON = b"poison"
_SIZE = 2
_ANOTHER_PHOTOGRAPH = 0.1


def portrait_of(person: int, year: int = 0) -> bytes:
    """An image to enrol; another one of the same person each year."""
    return b"\xff\xd8\xffportrait of year %d of %d" % (year, person)


def probe_of(person: int, name: str = "") -> bytes:
    return f"probe {name} of {person}".encode()


def face(person: int) -> Vector:
    values = np.random.default_rng(person).standard_normal(DIMENSION)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def seen(person: int) -> Vector:
    """Another photograph of the same person than the one enrolled."""
    values = face(person) + _ANOTHER_PHOTOGRAPH * face(10_000 + person)
    return np.asarray(values / np.linalg.norm(values), np.float32)


@dataclass(frozen=True, slots=True)
class SigningDetection:
    attestor: Attestor
    clock: Clock

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        said = {
            "time": format_time(self.clock.now()),
            "mandate": mandate_id(mandate),
            "image_sha256": hashlib.sha256(image).hexdigest(),
        }
        if image == POISON:
            raise OnRecordError(ErrorCode.MODEL_HASH, "the model is not the one of its card")
        person = image.split()[-1]
        good = person.isdigit()
        quality = (QualityMeasure("sharpness", 800_000, 500_000, "ratio", good),)
        if not good:
            code = ErrorCode.FACE_NOT_FOUND
            signed = self.attestor.attest(
                {**said, "type": statements.DETECTION_REFUSED, "code": code.value}
            )
            return DetectionRefusal(code, "no face was found", {"faces": 0}, quality, signed)
        crops = []
        for model_id in model_ids:
            pixels = np.full((_SIZE, _SIZE, 3), int(person), dtype=np.uint8)
            crop = statements.crop_sha256(pixels.tobytes(), _SIZE, _SIZE)
            more = {"type": statements.DETECTED, "crop_sha256": crop, "model_id": model_id}
            crops.append(AlignedCrop(model_id, pixels, self.attestor.attest({**said, **more})))
        return DetectedFace(tuple(crops), quality, str(said["image_sha256"]))


@dataclass(frozen=True, slots=True)
class SigningEmbedding:
    attestor: Attestor
    clock: Clock

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        return tuple(self._one(request) for request in requests)

    def _one(self, request: EmbedRequest) -> Template:
        crop = request.crop
        person = int(crop.pixels[0, 0, 0])
        vector = seen(person) if isinstance(request.mandate, LoggedEntry) else face(person)
        signed = self.attestor.attest(
            {
                "type": statements.EMBEDDED,
                "time": format_time(self.clock.now()),
                "mandate": mandate_id(request.mandate),
                "detected": statements.statement_sha256(crop.attestation),
                "crop_sha256": crop.sha256,
                "template_sha256": statements.template_sha256(
                    vector.astype("<f4").tobytes(), crop.model_id
                ),
                "model_id": crop.model_id,
            }
        )
        return Template(crop.model_id, vector, crop.attestation, signed)
