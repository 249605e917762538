"""What a face must reach to be searched for or enrolled: one table (R-34)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from onrecord.contracts.images import QualityMeasure
from onrecord.detection.core.quality import Component
from onrecord.kernel.errors import ErrorCode

MILLION: Final = 1_000_000


class Use(Enum):
    """What an image is for: the gates of a probe are wider, as nobody chose how it was taken."""

    PROBE = "probe"
    ENROL = "enrol"


class Sense(Enum):
    AT_LEAST = "at least"
    AT_MOST = "at most"
    WITHIN = "within"
    """On either side of zero."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One component's limit for each use. `reason` is what a person is told who misses it."""

    component: Component
    unit: str
    sense: Sense
    probe: float
    enrol: float
    code: ErrorCode
    reason: str

    def limit(self, use: Use) -> float:
        return self.probe if use is Use.PROBE else self.enrol

    def passes(self, value: float, use: Use) -> bool:
        match self.sense:
            case Sense.AT_LEAST:
                return value >= self.limit(use)
            case Sense.AT_MOST:
                return value <= self.limit(use)
            case Sense.WITHIN:
                return abs(value) <= self.limit(use)


_LEAST, _MOST, _WITHIN = Sense.AT_LEAST, Sense.AT_MOST, Sense.WITHIN

# Limits of light are wide: skin differs, and only what is lost at the ends of the scale is lost.
# Limits of pose are wide by the error of the estimate. Sharpness: of 656 photographs of LFW all
# but three measure .36 and more, one whose camera moved .21. Crop: LFW's tight frames measure .70
# and more with YuNet. Order: the first that fails is the code.
GATES: Final = (
    Gate(Component.EYE_DISTANCE, "pixels", _LEAST, 18.0, 40.0, ErrorCode.QUALITY_EYE_DISTANCE,
         "The face is too small: its eyes are too few pixels apart."),
    Gate(Component.HEAD_SIZE, "of the image's height", _LEAST, 0.02, 0.2,
         ErrorCode.QUALITY_HEAD_SIZE, "The head takes up too little of the image."),
    Gate(Component.CROP, "of the head", _LEAST, 0.5, 0.65, ErrorCode.QUALITY_CROP,
         "Part of the face is outside the image."),
    Gate(Component.EXPOSURE, "of full scale", _LEAST, 0.15, 0.25, ErrorCode.QUALITY_EXPOSURE,
         "The face is too dark: even its brightest parts are."),
    Gate(Component.OVEREXPOSURE, "of the face", _MOST, 0.4, 0.2, ErrorCode.QUALITY_EXPOSURE,
         "The face is overexposed: too much of it is white."),
    Gate(Component.UNDEREXPOSURE, "of the face", _MOST, 0.6, 0.4, ErrorCode.QUALITY_EXPOSURE,
         "The face is underexposed: too much of it is black."),
    Gate(Component.CONTRAST, "of full scale", _LEAST, 0.08, 0.12, ErrorCode.QUALITY_CONTRAST,
         "The face has too little contrast."),
    Gate(Component.SHARPNESS, "ratio of variances", _LEAST, 0.25, 0.28,
         ErrorCode.QUALITY_SHARPNESS, "The face is blurred."),
    Gate(Component.YAW, "degrees", _WITHIN, 65.0, 50.0, ErrorCode.QUALITY_POSE,
         "The face is turned too far to the side."),
    Gate(Component.PITCH, "degrees", _WITHIN, 50.0, 40.0, ErrorCode.QUALITY_POSE,
         "The face looks too far up or down."),
    Gate(Component.ROLL, "degrees", _WITHIN, 180.0, 40.0, ErrorCode.QUALITY_POSE,
         "The head is tilted too far, or the photograph is not upright."),
)  # fmt: skip

DOMINANCE: Final[Mapping[Use, float]] = {Use.PROBE: 0.3, Use.ENROL: 0.4}
"""A face narrower than this part of the widest is scenery: nobody could take it for the one that
is meant. A probe is stricter, since it decides whom a search is about."""


def judge(
    measured: Mapping[Component, float], use: Use
) -> tuple[tuple[QualityMeasure, ...], tuple[Gate, ...]]:
    """Every measure with its gate, in whole millionths, and the gates that were missed."""
    measures = []
    missed = []
    for gate in GATES:
        # Cut to what is signed, so that anyone can repeat the judgement from the statement.
        value = round(measured[gate.component] * MILLION)
        passed = gate.passes(value / MILLION, use)
        limit = round(gate.limit(use) * MILLION)
        measures.append(QualityMeasure(gate.component.value, value, limit, gate.unit, passed))
        if not passed:
            missed.append(gate)
    return tuple(measures), tuple(missed)
