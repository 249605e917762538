"""Coordinates of a turned image, back in the image it was turned from."""

from typing import Final

import numpy as np

from onrecord.detection.core.faces import Faces, Floats

TURNS: Final = (1, 2, 3)
"""Quarter turns anticlockwise, as `numpy.rot90` counts them."""


def turned_back(faces: Faces, turns: int, width: int, height: int) -> Faces:
    """Faces found in an image of `width` x `height` after `turns` quarter turns anticlockwise."""
    corners = faces.boxes.reshape(-1, 2, 2)
    placed = _back(corners, turns, width, height)
    return Faces(
        np.concatenate([placed.min(axis=1), placed.max(axis=1)], axis=1),
        faces.scores.copy(),
        _back(faces.landmarks, turns, width, height),
    )


def _back(points: Floats, turns: int, width: int, height: int) -> Floats:
    x, y = points[..., 0], points[..., 1]
    match turns % 4:
        case 1:
            placed = (width - y, x)
        case 2:
            placed = (width - x, height - y)
        case 3:
            placed = (y, height - x)
        case _:
            placed = (x, y)
    return np.stack(placed, axis=-1)
