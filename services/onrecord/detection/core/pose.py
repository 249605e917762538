"""Which way a head is turned, estimated from five landmarks.

A generic head's landmarks are fitted to those of the image under scaled orthographic projection
(DeMenthon and Davis, "Model-based object pose in 25 lines of code", 1995, first iteration). People
differ from the generic head, so the estimate is good to some ten degrees: enough for a gate that
tells a face from a profile, not for more.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from onrecord.detection.core.faces import Floats

HEAD = np.array(
    [
        [-0.50, 0.00, 0.00],
        [0.50, 0.00, 0.00],
        [0.00, 0.50, 0.45],
        [-0.41, 0.99, 0.12],
        [0.41, 0.99, 0.12],
    ]
)
"""Right eye, left eye, nose, right and left mouth corner in eye distances: x to the right of the
image, y down, z towards the camera. x and y are the landmark targets of a frontal face; z are
proportions of an adult head."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees. `yaw` > 0: the face is turned to the right of the image; `pitch` > 0: upwards;
    `roll` > 0: clockwise as seen."""

    yaw: float
    pitch: float
    roll: float


def pose(landmarks: Floats) -> Pose:
    """The pose of a face with `landmarks` [5, 2] in pixels."""
    projection = (_fitted() @ (landmarks - landmarks.mean(axis=0))).T
    left, _, across = np.linalg.svd(projection, full_matrices=False)
    # The nearest pair of orthonormal rows, and the third that completes a rotation.
    right, down = left @ across
    towards = np.cross(right, down)
    # Of Rz(roll) Rx(pitch) Ry(yaw) the third row is (-cos p sin y, sin p, cos p cos y), and the
    # second column has (-sin r cos p, cos r cos p) above it.
    yaw = math.atan2(-float(towards[0]), float(towards[2]))
    pitch = math.asin(float(np.clip(towards[1], -1.0, 1.0)))
    roll = math.atan2(-float(right[1]), float(down[1]))
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


@cache
def _fitted() -> Floats:
    """[3, 5]: what takes the landmarks of an image to the projection of the head that is nearest
    to them by least squares; read-only.
    """
    fitted: Floats = np.linalg.pinv(HEAD - HEAD.mean(axis=0))
    fitted.setflags(write=False)
    return fitted
