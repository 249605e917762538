"""Resizing and warping with OpenCV: this file is its one untyped edge here."""

import cv2
import numpy as np

from onrecord.contracts.images import Pixels
from onrecord.detection.core.alignment import scale_of
from onrecord.detection.core.faces import Floats

_FLOATS = 2**22  # values: 16 MiB as float32


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Averages where it shrinks, interpolates where it enlarges."""
    shrinks = width < pixels.shape[1] or height < pixels.shape[0]
    if not shrinks:
        larger = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(larger, dtype=np.uint8)
    quick = _quicker_as_floats(pixels, width, height)
    source = pixels.astype(np.float32) if quick else pixels
    smaller = cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.convertScaleAbs(smaller) if quick else smaller, dtype=np.uint8)


def _quicker_as_floats(pixels: Pixels, width: int, height: int) -> bool:
    """Whether OpenCV averages floats sooner than bytes, to the same numbers.

    Not by whole numbers: there it has a quick way for bytes, which rounds a half otherwise. And
    floats take four times the room.
    """
    high, wide, _ = pixels.shape
    down = width <= wide and height <= high
    return down and bool(wide % width or high % height) and pixels.size <= _FLOATS


def warp(pixels: Pixels, matrix: Floats, width: int, height: int) -> Pixels:
    """`onrecord.detection.ports.Warp`.

    Only the part of the image that the crop shows is touched. Where the crop has less than half
    its scale, that part is first averaged down to at most twice the crop's scale; bilinear
    sampling alone would skip pixels.
    """
    x, y, part = _shown(pixels, matrix, width, height)
    to_part = np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
    times = 2 * scale_of(matrix)
    if times < 1.0:
        wide, high = max(1, round(part.shape[1] * times)), max(1, round(part.shape[0] * times))
        # Pixel centres: x + .5 = (x' + .5) * across.
        across, down = part.shape[1] / wide, part.shape[0] / high
        to_part = to_part @ np.array(
            [
                [across, 0.0, across / 2 - 0.5],
                [0.0, down, down / 2 - 0.5],
                [0.0, 0.0, 1.0],
            ]
        )
        part = resize(part, wide, high)
    cut = cv2.warpAffine(part, matrix @ to_part, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(cut, dtype=np.uint8)


def _shown(pixels: Pixels, matrix: Floats, width: int, height: int) -> tuple[int, int, Pixels]:
    """The part of the image that falls into the crop, with a margin, and where it begins."""
    inverse = np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], dtype=float)
    seen = (corners @ inverse.T)[:, :2]
    margin = 2 + 1 / scale_of(matrix)
    high, wide, _ = pixels.shape
    x1, y1 = (seen.min(axis=0) - margin).astype(int)
    x2, y2 = (seen.max(axis=0) + margin).astype(int)
    x1, y1 = int(np.clip(x1, 0, wide - 1)), int(np.clip(y1, 0, high - 1))
    return x1, y1, pixels[y1 : max(y1 + 1, min(y2, high)), x1 : max(x1 + 1, min(x2, wide))]
