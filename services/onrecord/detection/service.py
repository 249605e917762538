"""From an encoded image to the one face in it, each step on a mandate and signed."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np

from onrecord.chassis.pools import Beside
from onrecord.contracts.images import (
    AlignedCrop,
    DetectedFace,
    Detection,
    DetectionRefusal,
    Pixels,
    QualityMeasure,
)
from onrecord.detection.core import gates, quality
from onrecord.detection.core.alignment import similarity_transform
from onrecord.detection.core.faces import Faces, Floats
from onrecord.detection.core.gates import Use
from onrecord.detection.core.targets import CropTarget
from onrecord.detection.ports import FaceDetector, ImageDecoder, Warp
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, format_time
from onrecord.proof import statements
from onrecord.proof.attestation import Attestor
from onrecord.proof.mandate import ImageUse, MandateVerifier, VerifiedMandate
from onrecord.proof.statements import Mandate

_USES = {ImageUse.PROBE: Use.PROBE, ImageUse.PORTRAIT: Use.ENROL}


class _RefusedError(Exception):
    """An image that cannot be used; on its way to become a signed refusal."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        details: Mapping[str, int] | None = None,
        measured: tuple[QualityMeasure, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.measured = measured


class DetectionService:
    """Implements `FaceDetection`. Keeps nothing.

    `waited` finds the face of a probe, which somebody waits for, and `detector` that of a portrait;
    they find the same. `beside`: threads for what is done for a probe while something else is.
    """

    def __init__(
        self,
        *,
        decoder: ImageDecoder,
        detector: FaceDetector,
        warp: Warp,
        targets: Sequence[CropTarget],
        mandates: MandateVerifier,
        attestor: Attestor,
        clock: Clock,
        waited: FaceDetector | None = None,
        beside: Executor | None = None,
    ) -> None:
        self._decoder = decoder
        self._detector = detector
        self._waited = waited or detector
        self._beside = beside
        self._warp = warp
        self._targets = {target.model_id: target for target in targets}
        self._mandates = mandates
        self._attestor = attestor
        self._clock = clock

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        """See `FaceDetection.detect`."""
        allowed = self._mandates.verify(mandate, self._clock.now())
        if hashlib.sha256(image).hexdigest() != allowed.image_sha256:
            raise OnRecordError(
                ErrorCode.GRANT_OTHER_PROBE, "the mandate names another image than this one"
            )
        targets = [self._target(model_id, allowed) for model_id in model_ids]
        deadline.check()
        try:
            pixels = self._decoded(image)
            deadline.check()
            face = self._one_face(pixels, _USES[allowed.use], deadline)
            cut = [self._begun(pixels, face, target, allowed.use) for target in targets]
            try:
                measured = self._judged(pixels, face, _USES[allowed.use])
            except _RefusedError:
                for one in cut:
                    one.leave()
                raise
            deadline.check()
            cuts = [one.result() for one in cut]
        except _RefusedError as refused:
            return self._signed_refusal(refused, allowed)
        crops = [
            self._signed(crop, target, measured, allowed)
            for crop, target in zip(cuts, targets, strict=True)
        ]
        return DetectedFace(tuple(crops), measured, allowed.image_sha256)

    def _target(self, model_id: str, allowed: VerifiedMandate) -> CropTarget:
        target = self._targets.get(model_id)
        if target is None:
            raise OnRecordError(ErrorCode.MODEL_UNKNOWN, f"no embedder {model_id} is known here")
        if model_id not in allowed.model_ids:
            raise OnRecordError(
                ErrorCode.GRANT_MODEL, f"the mandate does not name the model {model_id}"
            )
        return target

    def _decoded(self, image: bytes) -> Pixels:
        try:
            return self._decoder.decode(image)
        except OnRecordError as error:
            counted = {name: n for name, n in error.details.items() if isinstance(n, int)}
            raise _RefusedError(error.code, error.message, counted) from error

    def _one_face(self, pixels: Pixels, use: Use, deadline: Deadline) -> Faces:
        """The only face that could be meant; scenery is passed over, a second face is not."""
        detector = self._waited if use is Use.PROBE else self._detector
        found = detector.find(pixels, deadline)
        if len(found) == 0:
            raise _RefusedError(ErrorCode.FACE_NOT_FOUND, "No face was found in the image.")
        meant = found.take(found.widths >= gates.DOMINANCE[use] * found.widths.max())
        if len(meant) > 1:
            raise _RefusedError(
                ErrorCode.FACE_NOT_SINGLE,
                f"{len(meant)} faces were found in the image; there must be one.",
                {"faces": len(meant)},
            )
        return meant

    def _judged(self, pixels: Pixels, face: Faces, use: Use) -> tuple[QualityMeasure, ...]:
        matrix = _transform(face, quality.TEMPLATE)
        aligned = self._warp(pixels, matrix, quality.SIDE, quality.SIDE)
        frame = quality.Frame(width=pixels.shape[1], height=pixels.shape[0])
        measured, missed = gates.judge(quality.measure(face, frame, aligned), use)
        if missed:
            raise _RefusedError(missed[0].code, missed[0].reason, measured=measured)
        return measured

    def _begun(
        self, pixels: Pixels, face: Faces, target: CropTarget, use: ImageUse
    ) -> Beside[Pixels]:
        """Cutting the crop; of a probe while its quality is judged."""
        beside = self._beside if use is ImageUse.PROBE else None
        return Beside(beside, partial(self._cut, pixels, face, target))

    def _cut(self, pixels: Pixels, face: Faces, target: CropTarget) -> Pixels:
        matrix = _transform(face, target.template)
        return np.ascontiguousarray(self._warp(pixels, matrix, target.width, target.height))

    def _signed(
        self,
        crop: Pixels,
        target: CropTarget,
        measured: tuple[QualityMeasure, ...],
        allowed: VerifiedMandate,
    ) -> AlignedCrop:
        said = {
            **self._said(statements.DETECTED, allowed, measured),
            "crop_sha256": statements.crop_sha256(crop.tobytes(), target.height, target.width),
            "model_id": target.model_id,
        }
        return AlignedCrop(target.model_id, crop, self._attestor.attest(said))

    def _signed_refusal(self, refused: _RefusedError, allowed: VerifiedMandate) -> DetectionRefusal:
        said = {
            **self._said(statements.DETECTION_REFUSED, allowed, refused.measured),
            "code": refused.code.value,
            "message": refused.message,
            "details": refused.details,
        }
        return DetectionRefusal(
            refused.code,
            refused.message,
            refused.details,
            refused.measured,
            self._attestor.attest(said),
        )

    def _said(
        self, kind: str, allowed: VerifiedMandate, measured: tuple[QualityMeasure, ...]
    ) -> dict[str, Any]:
        return {
            "type": kind,
            "time": format_time(self._clock.now()),
            "mandate": allowed.id,
            "image_sha256": allowed.image_sha256,
            "detector": self._detector.model_id,
            "quality": [
                {
                    "component": one.component,
                    "value": one.value,
                    "gate": one.gate,
                    "unit": one.unit,
                    "passed": one.passed,
                }
                for one in measured
            ],
        }


def _transform(face: Faces, template: Floats) -> Floats:
    try:
        return similarity_transform(face.landmarks[0], template)
    except ValueError as error:
        raise _RefusedError(ErrorCode.FACE_NOT_FOUND, "No face was found in the image.") from error
