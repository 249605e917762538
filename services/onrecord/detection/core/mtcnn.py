"""MTCNN: the pyramid, the windows of each stage, and what the outputs mean.

Zhang, Zhang, Li, Qiao: "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
Networks", 2016; layout of the outputs in `model_repository/README.md`. Boxes here count pixels
from 1 and hold their last one, as the networks were trained.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onrecord.detection.core.faces import Faces, Floats, Indices
from onrecord.detection.core.suppression import Overlap, suppress

LONGER_SIDE = 640
MINIMUM_FACE = 40
BORDER = 0.25
WINDOW = 12
STEP = 0.709
REFINE_SIDE = 24
OUTPUT_SIDE = 48
MOST_WINDOWS = 512
"""Kept for the second stage, best first, so that no image costs more than this many."""

_STRIDE = 2
_PROPOSAL, _REFINED, _FACE = 0.6, 0.7, 0.8
_BORDERED_FROM = 0.6  # of the shorter side: the faces that a border helps


@dataclass(frozen=True, slots=True)
class Level:
    """One size at which the first stage sees the image: `width` x `height`, at `scale`.

    `bordered` levels see the image within a border of `BORDER` of its longer side: the few that
    look for faces as large as the frame.
    """

    width: int
    height: int
    scale: float
    bordered: bool


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Boxes [n, 4] of x1, y1, x2, y2 in pixels of the image, with their scores [n]."""

    boxes: Floats
    scores: Floats

    def take(self, indices: Indices | NDArray[np.bool_]) -> "Windows":
        return Windows(self.boxes[indices], self.scores[indices])


def border_of(width: int, height: int) -> int:
    """Pixels of border on every side of the bordered levels."""
    return round(BORDER * max(width, height))


def levels(width: int, height: int, minimum_face: int = MINIMUM_FACE) -> list[Level]:
    """The pyramid over an image of `width` x `height`."""
    found = _pyramid(width, height, WINDOW / minimum_face, bordered=False)
    border = border_of(width, height)
    largest = WINDOW / max(minimum_face, _BORDERED_FROM * min(width, height))
    return found + _pyramid(width + 2 * border, height + 2 * border, largest, bordered=True)


def _pyramid(width: int, height: int, scale: float, *, bordered: bool) -> list[Level]:
    found = []
    while min(width, height) * scale >= WINDOW:
        wide, high = math.ceil(width * scale), math.ceil(height * scale)
        found.append(Level(wide, high, scale, bordered))
        scale *= STEP
    return found


def proposals(
    probability: NDArray[np.float32], offsets: NDArray[np.float32], scale: float
) -> Windows:
    """What one level proposes: `probability` [h, w] and `offsets` [h, w, 4] of the first stage."""
    rows, columns = np.nonzero(probability >= _PROPOSAL)
    scores = probability[rows, columns].astype(np.float64)
    corners = np.stack([columns, rows], axis=1) * float(_STRIDE)
    windows = np.concatenate([corners, corners + WINDOW], axis=1)
    kept = suppress(windows, scores, 0.5)
    moved = windows + WINDOW * offsets[rows, columns].astype(np.float64)
    return Windows(moved[kept] / scale, scores[kept])


def gathered(parts: list[Windows]) -> Windows:
    """The proposals of all levels, suppressed across them, the best `MOST_WINDOWS`."""
    boxes = np.concatenate([part.boxes for part in parts] or [np.zeros((0, 4))])
    scores = np.concatenate([part.scores for part in parts] or [np.zeros(0)])
    kept = suppress(boxes, scores, 0.7)[:MOST_WINDOWS]
    return Windows(boxes[kept], scores[kept])


def squares(boxes: Floats) -> Floats:
    """Each box made square around its centre, on whole pixels: what the next stage is shown."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    side = sizes.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + (sizes - side) / 2
    return np.asarray(np.fix(np.concatenate([corner, corner + side], axis=1)))


def refined(cut: Floats, probability: NDArray[np.float32], offsets: NDArray[np.float32]) -> Windows:
    """What the second stage (`probability` [n, 1], `offsets` [n, 4]) leaves of `cut` [n, 4]."""
    windows = _moved(cut, probability, offsets)
    windows = windows.take(windows.scores >= _REFINED)
    return windows.take(suppress(windows.boxes, windows.scores, 0.7))


def found(
    cut: Floats,
    probability: NDArray[np.float32],
    offsets: NDArray[np.float32],
    landmarks: NDArray[np.float32],
) -> Faces:
    """The faces that the third stage sees in `cut` [n, 4]; `landmarks` [n, 10]: 5 x, then 5 y."""
    windows = _moved(cut, probability, offsets)
    points = landmarks.astype(np.float64).reshape(-1, 2, 5).transpose(0, 2, 1)
    placed = cut[:, None, :2] - 1 + _sizes(cut)[:, None] * points
    # From here on, pixels count from 0 and a box ends where its last pixel does.
    boxes = windows.boxes - np.array([1.0, 1.0, 0.0, 0.0])
    faces = Faces(boxes, windows.scores, placed)
    faces = faces.take(faces.scores >= _FACE)
    return faces.take(suppress(faces.boxes, faces.scores, 0.7, Overlap.SMALLER))


def _moved(cut: Floats, probability: NDArray[np.float32], offsets: NDArray[np.float32]) -> Windows:
    scale = np.tile(_sizes(cut), (1, 2))
    return Windows(cut + scale * offsets.astype(np.float64), probability[:, 0].astype(np.float64))


def _sizes(boxes: Floats) -> Floats:
    """Width and height [n, 2] of boxes that hold their last pixel."""
    return np.asarray(boxes[:, 2:] - boxes[:, :2] + 1)
