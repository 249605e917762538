"""Faces and templates on their way from an image to a gallery."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onrecord.kernel.errors import ErrorCode
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation

Pixels = NDArray[np.uint8]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class AlignedCrop:
    """A face aligned to one embedder's landmark template.

    `pixels`: uint8, height x width x 3, RGB, read-only. `attestation`: detection's `DETECTED`.
    """

    model_id: str
    pixels: Pixels
    attestation: Attestation

    def __post_init__(self) -> None:
        self.pixels.setflags(write=False)

    @property
    def sha256(self) -> str:
        height, width, _ = self.pixels.shape
        return statements.crop_sha256(self.pixels.tobytes(), height, width)


@dataclass(frozen=True, slots=True)
class QualityMeasure:
    """One component of quality: its value, the gate it was held to, and whether it passed.

    `value` and `gate` are in millionths of the component's unit, because they are signed and
    logged, and the ledger knows no floats. `unit` names the unit.
    """

    component: str
    value: int
    gate: int
    unit: str
    passed: bool


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """The one face of an image, cut for each embedder asked for, and its quality."""

    crops: tuple[AlignedCrop, ...]
    quality: tuple[QualityMeasure, ...]
    image_sha256: str


@dataclass(frozen=True, slots=True)
class DetectionRefusal:
    """Why an image cannot be used, signed by detection (`DETECTION_REFUSED`).

    `details` are small numbers, such as how many faces were found.
    """

    code: ErrorCode
    message: str
    details: dict[str, int]
    quality: tuple[QualityMeasure, ...]
    attestation: Attestation


Detection = DetectedFace | DetectionRefusal


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """An embedding and the model that made it.

    `vector`: float32, one dimension, read-only; unit length where the model's metric is `IP`, as
    the model gives it where it is `L2`. `detected` and `embedded` are the signed chain from the
    image to it.
    """

    model_id: str
    vector: Vector
    detected: Attestation
    embedded: Attestation

    def __post_init__(self) -> None:
        self.vector.setflags(write=False)

    @property
    def sha256(self) -> str:
        return statements.template_sha256(self.vector.astype("<f4").tobytes(), self.model_id)
