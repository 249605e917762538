"""Faces given as plain numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from onrecord.detection.core.faces import Faces

# Where five landmarks stand in a frontal face's box, as parts of its sides.
_PARTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


def faces(
    boxes: Sequence[Any], scores: Sequence[float] | None = None, landmarks: Sequence[Any] = ()
) -> Faces:
    """Boxes of x1, y1, x2, y2; landmarks of a frontal face in each unless others are given."""
    placed = np.array(boxes, dtype=float).reshape(-1, 4)
    if len(landmarks):
        points = np.array(landmarks, dtype=float)
    else:
        sizes = placed[:, 2:] - placed[:, :2]
        points = placed[:, None, :2] + sizes[:, None] * _PARTS
    return Faces(placed, np.array(scores or [0.9] * len(placed), dtype=float), points)
