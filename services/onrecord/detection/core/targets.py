"""What each embedder wants its crops to look like."""

from dataclasses import dataclass

import numpy as np

from onrecord.detection.core.faces import Floats
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.errors import ErrorCode, OnRecordError


@dataclass(frozen=True, slots=True)
class CropTarget:
    """What an embedder wants its crops to look like.

    `template` [5, 2]: where the landmarks of this detector belong, in pixels of the crop.
    """

    model_id: str
    width: int
    height: int
    template: Floats


def crop_target(card: ModelCard, family: str) -> CropTarget:
    """From an embedder's card. Raises MODEL_CARD_INVALID where it has no template for `family`."""
    template = card.landmark_templates.get(family)
    if template is None or card.input.width is None or card.input.height is None:
        raise OnRecordError(
            ErrorCode.MODEL_CARD_INVALID,
            f"{card.name} has no landmark template for the detector {family}",
            field="landmark_templates",
        )
    return CropTarget(card.model_id, card.input.width, card.input.height, np.array(template))
