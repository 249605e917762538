"""What is known of a model before it is trusted with a face: its card (R-37).

A card says what a model takes and gives, where it came from, under which licence, and how well
its scores are understood. It is read from `card.yaml` by `onrecord.chassis.inference`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Point = tuple[float, float]
LANDMARKS = ("right eye", "left eye", "nose", "right mouth corner", "left mouth corner")
"""The order of landmarks everywhere; right and left are the person's own."""


class ModelRole(StrEnum):
    DETECTOR = "detector"
    EMBEDDER = "embedder"


class Metric(StrEnum):
    """How two vectors of an embedder are compared."""

    IP = "IP"
    """Inner product of unit vectors, which is their cosine."""
    L2 = "L2"
    """Euclidean distance of raw vectors."""

    def similarity(self, measured: float) -> float:
        """Larger for more alike, in [-1, 1].

        `measured` is the inner product for `IP` and the **squared** distance for `L2`, as vector
        databases report it. 1 - d²/2 equals the cosine where vectors have unit length.
        """
        raw = measured if self is Metric.IP else 1.0 - measured / 2.0
        return max(-1.0, min(1.0, raw))


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where the weights came from; `files` maps the name of each file to its SHA-256 (hex)."""

    package: str | None
    description: str
    files: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ModelLicence:
    """`spdx` as the publisher states it; `text` says what that leaves open."""

    spdx: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The one input. `height` or `width` of None is free (a detector's multiple is its own)."""

    name: str
    height: int | None
    width: int | None
    channels: str = "RGB"
    dtype: str = "uint8"
    layout: str = "NHWC"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model as built.

    `sha256` is of `1/model.onnx`. For embedders: `dimension`, `metric`, `landmark_templates`
    (per detector family, five points in pixels of the crop, in the order of `LANDMARKS`) and
    `thresholds` (false accept rate to similarity, larger is more alike).
    """

    name: str
    version: str
    model_set: str
    role: ModelRole
    precision: str
    sha256: str
    source: ModelSource
    licence: ModelLicence
    commercial_use: bool
    training_data: str
    input: ModelInput
    outputs: tuple[str, ...]
    dimension: int | None = None
    metric: Metric | None = None
    landmark_templates: Mapping[str, tuple[Point, ...]] = field(default_factory=dict, hash=False)
    thresholds: Mapping[str, float] = field(default_factory=dict, hash=False)
    calibration: str = "uncalibrated"
    warnings: tuple[str, ...] = ()

    @property
    def model_id(self) -> str:
        """What stands on every template: name, version, precision and content."""
        return f"{self.name}@{self.version}+{self.precision}+{self.sha256[:16]}"
