"""What a face's picture is worth, as numbers: the components of quality (R-34).

After ISO/IEC 29794-5. Light is judged by the brightest parts of a face and by what is lost at both
ends of the scale, never by how light the skin is.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

import numpy as np

from onrecord.contracts.images import Pixels
from onrecord.detection.core.alignment import apply, scale_of, similarity_transform
from onrecord.detection.core.faces import Faces, Floats
from onrecord.detection.core.pose import HEAD, pose

SIDE = 128
"""Side in pixels of the aligned face on which light and sharpness are measured."""

TEMPLATE: Floats = np.array([64.0, 54.0]) + 48.0 * HEAD[:, :2]
"""Where the landmarks stand in it: eyes 48 pixels apart."""

_FACE = (slice(28, 116), slice(26, 102))  # rows and columns that are face and not background
_HEAD = (12.0, 6.0, 116.0, 134.0)  # x1, y1, x2, y2: ear to ear, hairline to chin
_EYES = (slice(12, 21), slice(8, 32))  # rows and columns of them on a face of _SMALL pixels
_SMALL = 40
_BLACK, _WHITE = 5, 250
_NOISE = 4.0  # variance of grey levels that no structure is needed to explain


class Component(StrEnum):
    SHARPNESS = "sharpness"
    EXPOSURE = "exposure"
    OVEREXPOSURE = "overexposure"
    UNDEREXPOSURE = "underexposure"
    CONTRAST = "contrast"
    EYE_DISTANCE = "eye_distance"
    HEAD_SIZE = "head_size"
    CROP = "crop"
    YAW = "yaw"
    PITCH = "pitch"
    ROLL = "roll"


@dataclass(frozen=True, slots=True)
class Frame:
    """Width and height of the image a face was found in, in pixels."""

    width: int
    height: int


def measure(face: Faces, frame: Frame, aligned: Pixels) -> dict[Component, float]:
    """Every component of the one face in `face`, in its own unit.

    `aligned`: [SIDE, SIDE, 3], the face with its landmarks at `TEMPLATE`.
    """
    grey = _grey(aligned)
    return {
        Component.SHARPNESS: sharpness(grey),
        **_light(grey[_FACE]),
        **_place(face.landmarks[0], frame),
        **_turn(face.landmarks[0]),
    }


def sharpness(grey: Floats) -> float:
    """Variance of the Laplacian around the eyes over the variance of the face's grey levels.

    `grey` [SIDE, SIDE], 0..255, is averaged down until the eyes are 15 pixels apart: what is lost
    at that size no embedder recovers, and noise is averaged out. Without a unit, and the same for
    a darker or flatter picture of the same sharpness.
    """
    eyes = _averaged(grey, _SMALL)[_EYES]
    around = eyes[:-2, 1:-1] + eyes[2:, 1:-1] + eyes[1:-1, :-2] + eyes[1:-1, 2:]
    return float((around - 4 * eyes[1:-1, 1:-1]).var() / (grey[_FACE].var() + _NOISE))


def _light(grey: Floats) -> dict[Component, float]:
    """From the middle of an aligned face in grey, 0..255."""
    dark, light = np.percentile(grey, [5.0, 95.0])
    return {
        Component.EXPOSURE: float(light) / 255,
        Component.OVEREXPOSURE: float((grey >= _WHITE).mean()),
        Component.UNDEREXPOSURE: float((grey <= _BLACK).mean()),
        Component.CONTRAST: float(light - dark) / 255,
    }


def _place(landmarks: Floats, frame: Frame) -> dict[Component, float]:
    """From landmarks alone: boxes of two detectors are not alike."""
    to_image = similarity_transform(TEMPLATE, landmarks)
    head = apply(to_image, _head_points())
    inside = (head >= 0).all(axis=1) & (head <= (frame.width, frame.height)).all(axis=1)
    return {
        Component.EYE_DISTANCE: float(np.linalg.norm(landmarks[1] - landmarks[0])),
        Component.HEAD_SIZE: scale_of(to_image) * (_HEAD[3] - _HEAD[1]) / frame.height,
        Component.CROP: float(inside.mean()),
    }


_GRID = 33


@cache
def _head_points() -> Floats:
    """[_GRID * _GRID, 2], evenly over `_HEAD`; read-only."""
    x1, y1, x2, y2 = _HEAD
    across, down = np.meshgrid(np.linspace(x1, x2, _GRID), np.linspace(y1, y2, _GRID))
    points = np.stack([across.ravel(), down.ravel()], axis=1)
    points.setflags(write=False)
    return points


def _turn(landmarks: Floats) -> dict[Component, float]:
    turned = pose(landmarks)
    return {
        Component.YAW: turned.yaw,
        Component.PITCH: turned.pitch,
        Component.ROLL: turned.roll,
    }


def _grey(pixels: Pixels) -> Floats:
    """Luma of ITU-R BT.601."""
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114]))


def _averaged(grey: Floats, side: int) -> Floats:
    """A square image averaged down to `side` pixels; each covers its exact share."""
    weights = _shares(len(grey), side)
    return np.asarray(weights @ grey @ weights.T)


@lru_cache(maxsize=8)
def _shares(cells: int, side: int) -> Floats:
    """[side, cells]: the part that each cell has in each pixel; read-only."""
    edges = np.linspace(0, cells, side + 1)
    number = np.arange(cells)
    share = np.clip(
        np.minimum(number + 1, edges[1:, None]) - np.maximum(number, edges[:-1, None]), 0, 1
    )
    weights: Floats = share / share.sum(axis=1, keepdims=True)
    weights.setflags(write=False)
    return weights
