"""Faces as numbers: boxes, scores, landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Faces of one image, in its pixels; read-only.

    `boxes` [n, 4]: x1, y1, x2, y2. `scores` [n], in 0..1. `landmarks` [n, 5, 2]: x, y of the
    person's right eye (on the left of the image), left eye, nose, right and left mouth corner.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def __post_init__(self) -> None:
        for array in (self.boxes, self.scores, self.landmarks):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def widths(self) -> Floats:
        return np.asarray(self.boxes[:, 2] - self.boxes[:, 0])

    @property
    def heights(self) -> Floats:
        return np.asarray(self.boxes[:, 3] - self.boxes[:, 1])

    def take(self, indices: Indices | NDArray[np.bool_]) -> "Faces":
        return Faces(self.boxes[indices], self.scores[indices], self.landmarks[indices])

    def moved(self, scale: float, dx: float = 0.0, dy: float = 0.0) -> "Faces":
        """Every coordinate c becomes (c + d) * scale."""
        offset = np.array([dx, dy])
        return Faces(
            (self.boxes + np.tile(offset, 2)) * scale,
            self.scores.copy(),
            (self.landmarks + offset) * scale,
        )


def joined(parts: Sequence[Faces]) -> Faces:
    """All faces of several passes over one image."""
    if not parts:
        return Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
    return Faces(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
    )
