"""What a model gives for one picture that everyone can draw: its golden answer.

`onrecord models build` runs the model that it has built and writes the answer beside the card. A
server that gives the same answer, within the tolerance that the file states, computes this model,
with whatever runtime, device and precision it does so. It is a check for mistakes (another model
under the name, another precision, other preprocessing), not against a server that means to deceive.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onrecord.kernel.cards import ModelCard, ModelInput
from onrecord.kernel.errors import ErrorCode, OnRecordError

GOLDEN = "golden.json"
TOLERANCE = 1e-3
"""Of the largest value of an output: FP32 on any device stays far within, FP16 does not."""
_FREE_SIDE = 64  # of an image whose size is free: a multiple of 32


@dataclass(frozen=True, slots=True)
class Golden:
    """`sha256`: of the model that answered. `outputs`: float32, batch of one, by name."""

    sha256: str
    tolerance: float
    outputs: Mapping[str, NDArray[np.float32]]

    def to_json(self) -> str:
        document = {
            "sha256": self.sha256,
            "tolerance": self.tolerance,
            "outputs": {
                name: {"shape": array.shape, "values": [float(f"{v:.7g}") for v in array.flat]}
                for name, array in self.outputs.items()
            },
        }
        return json.dumps(document) + "\n"

    def apart(self, answer: Mapping[str, NDArray[np.float32]]) -> float:
        """How far an answer is from this one: the largest difference of any output, as a part of
        that output's largest value. Infinite where names or shapes differ.
        """
        if set(answer) != set(self.outputs):
            return float("inf")
        parts = [_apart(wanted, answer[name]) for name, wanted in self.outputs.items()]
        return max(parts, default=float("inf"))


def picture(of: ModelInput) -> NDArray[np.uint8]:
    """The picture (uint8 `[1, H, W, 3]`): whole-number arithmetic, the same everywhere."""
    rows, columns, channels = np.ogrid[: of.height or _FREE_SIDE, : of.width or _FREE_SIDE, :3]
    values = rows * 3 + columns * 5 + (rows * columns >> 4) + channels * 60
    drawn: NDArray[np.uint8] = (values % 256).astype(np.uint8)[None]
    return drawn


def read_golden(path: Path, card: ModelCard) -> Golden:
    """The golden answer of `card`'s model. Raises MODEL_CARD_INVALID where it is absent, cannot be
    read, or is another model's.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        outputs = {
            str(name): np.array(said["values"], np.float32).reshape(said["shape"])
            for name, said in document["outputs"].items()
        }
        golden = Golden(str(document["sha256"]), float(document["tolerance"]), outputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OnRecordError(
            ErrorCode.MODEL_CARD_INVALID,
            f"{path} cannot be read ({type(error).__name__}): `onrecord models build "
            f"{card.model_set}` writes it.",
        ) from error
    if golden.sha256 != card.sha256 or set(golden.outputs) != set(card.outputs):
        raise OnRecordError(
            ErrorCode.MODEL_CARD_INVALID, f"{path} is not of the model of the card beside it."
        )
    return golden


def _apart(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    if wanted.shape != found.shape or not np.isfinite(found).all():
        return float("inf")
    largest = float(np.abs(wanted).max(initial=0.0)) or 1.0
    return float(np.abs(wanted - found).max(initial=0.0)) / largest
