"""Non-maximum suppression: one detection for one face."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from onrecord.detection.core.faces import Faces, Floats, Indices


class Overlap(Enum):
    """What an intersection is measured against."""

    UNION = "union"
    SMALLER = "smaller"


def overlaps(box: Floats, boxes: Floats, overlap: Overlap) -> Floats:
    """Part of `box` [4] that it shares with each of `boxes` [n, 4]: [n], in 0..1."""
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    area = _area(box[None])[0]
    areas = _area(boxes)
    whole = area + areas - shared if overlap is Overlap.UNION else np.minimum(area, areas)
    return np.asarray(shared / np.maximum(whole, 1e-12))


def suppress(
    boxes: Floats, scores: Floats, threshold: float, overlap: Overlap = Overlap.UNION
) -> Indices:
    """Indices of what is kept, best score first: nothing kept overlaps a better one by more."""
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(left):
        best = left[0]
        kept.append(int(best))
        rest = left[1:]
        left = rest[overlaps(boxes[best], boxes[rest], overlap) <= threshold]
    return np.array(kept, dtype=np.intp)


def distinct(faces: Faces) -> Faces:
    """The faces of several passes, each once, best score first.

    Beside the usual suppression, a detection that lies mostly within a better and larger one and
    holds one of its landmarks is a part of that face, such as an eye behind a spectacle lens taken
    for a face. Another person's face there would hide that landmark.
    """
    left = np.argsort(-faces.scores, kind="stable")
    kept: list[int] = []
    while len(left):
        best, rest = left[0], left[1:]
        kept.append(int(best))
        union = overlaps(faces.boxes[best], faces.boxes[rest], Overlap.UNION)
        within = overlaps(faces.boxes[best], faces.boxes[rest], Overlap.SMALLER)
        smaller = faces.widths[rest] < faces.widths[best]
        part = smaller & (within > _WITHIN) & _holds_any(faces.boxes[rest], faces.landmarks[best])
        left = rest[(union <= _UNION) & ~part]
    return faces.take(np.array(kept, dtype=np.intp))


_UNION = 0.4
_WITHIN = 0.6


def _holds_any(boxes: Floats, points: Floats) -> NDArray[np.bool_]:
    """Which of `boxes` [n, 4] hold at least one of `points` [m, 2]."""
    x, y = points[:, 0], points[:, 1]
    x1, y1, x2, y2 = (boxes[:, side, None] for side in range(4))
    held = (x1 <= x) & (x <= x2) & (y1 <= y) & (y <= y2)
    return np.asarray(np.any(held, axis=1))


def _area(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
