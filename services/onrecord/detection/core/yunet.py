"""YuNet: where its passes look, and what its outputs mean.

Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023; layout of the outputs in
`model_repository/README.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onrecord.detection.core.faces import Faces, Floats, joined
from onrecord.detection.core.suppression import suppress

STRIDES = (8, 16, 32)
MULTIPLE = 32
SCORE = 0.7
_SUPPRESSION = 0.3
_ROUNDING = 1e-4  # more than a product of two float32 below 1 may be off


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at an image: its longer side fits `side` pixels, within a border.

    `border` is the part of the image's longer side that is added on every side: a face that fills
    the frame is found once there is something around it.
    """

    side: int
    border: float = 0.0


PASSES = (Pass(640), Pass(320, border=0.25))
"""One 640-pixel pass misses 16 to 58 % of faces that fill the frame; the second missed none
(`MODELS.md`)."""

GLANCE = PASSES[1]
"""A quarter of the first one's work. What fills an eighth of the image is 27 pixels wide in it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image stands in a pass's canvas: `width` x `height` pixels of it at (`x`, `y`)."""

    canvas_width: int
    canvas_height: int
    width: int
    height: int
    x: int
    y: int
    scale: float
    """Canvas pixels for a pixel of the image."""


def place(width: int, height: int, look: Pass) -> Placement:
    """Fit an image of `width` x `height` into the canvas of a pass; sides multiples of 32."""
    longer = max(width, height)
    margin = look.border * longer
    scale = look.side / (longer + 2 * margin)
    placed_width, placed_height = max(1, round(width * scale)), max(1, round(height * scale))
    x = y = round(margin * scale)
    return Placement(
        _up(placed_width + 2 * x),
        _up(placed_height + 2 * y),
        placed_width,
        placed_height,
        x,
        y,
        scale,
    )


def decode(
    outputs: Mapping[str, NDArray[np.float32]], width: int, *, score: float = SCORE
) -> Faces:
    """The faces in the first image of a batch whose canvas is `width` wide, in its pixels.

    `outputs`: `cls_s`, `obj_s` [1, cells, 1], `bbox_s` [1, cells, 4], `kps_s` [1, cells, 10] for
    each stride s, cells in rows. Best score first, duplicates suppressed.
    """
    faces = joined([_stride(outputs, stride, width // stride, score) for stride in STRIDES])
    return faces.take(suppress(faces.boxes, faces.scores, _SUPPRESSION))


def _stride(
    outputs: Mapping[str, NDArray[np.float32]], stride: int, columns: int, score: float
) -> Faces:
    classes, objects = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
    # Most cells see nothing: few are worth a root.
    near = np.flatnonzero(classes * objects >= score**2 - _ROUNDING)
    classes, objects = np.clip(classes[near], 0.0, 1.0), np.clip(objects[near], 0.0, 1.0)
    scores = np.sqrt(classes * objects).astype(np.float64)
    cells, scores = near[scores >= score], scores[scores >= score]
    if not len(cells):
        return joined([])
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64)
    bbox = outputs[f"bbox_{stride}"][0, cells].astype(np.float64)
    points = outputs[f"kps_{stride}"][0, cells].astype(np.float64).reshape(-1, 5, 2)
    centres: Floats = (corner + bbox[:, :2]) * stride
    halves: Floats = np.exp(bbox[:, 2:]) * stride / 2
    return Faces(
        np.concatenate([centres - halves, centres + halves], axis=1),
        scores,
        (corner[:, None, :] + points) * stride,
    )


def _up(pixels: int) -> int:
    return -(-pixels // MULTIPLE) * MULTIPLE
