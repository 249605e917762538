"""Expression, pose and projection: from a neutral face to pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Scene

_PIVOT = np.array([0.0, 6.45, 0.25], np.float32)
_NECK_LOW, _NECK_HIGH = 5.75, 6.5
_EYES = np.array([0.0, 7.284, 1.2], np.float32)


@dataclass(frozen=True, slots=True)
class Camera:
    """Where points go for one scene. `size` is (width, height) of the grid that is drawn on."""

    turn: Floats
    scale: float
    distance: float
    origin: tuple[float, float]
    size: tuple[int, int]

    def pose(self, points: Floats) -> Floats:
        """Turn the head about the neck; the shoulders stay."""
        high = np.clip((points[..., 1:2] - _NECK_LOW) / (_NECK_HIGH - _NECK_LOW), 0, 1)
        share = high * high * (3 - 2 * high)
        turned = (points - _PIVOT) @ self.turn.T + _PIVOT
        return np.asarray(points + (turned - points) * share, np.float32)

    def turn_directions(self, directions: Floats) -> Floats:
        return np.asarray(directions @ self.turn.T, np.float32)

    def project(self, posed: Floats) -> tuple[Floats, Floats]:
        """Pixel positions (..., 2) and depth (...), smaller nearer."""
        nearness = self.distance - (posed[..., 2] - _EYES[2])
        factor = self.scale * self.distance / nearness
        xy = np.empty((*posed.shape[:-1], 2), np.float32)
        xy[..., 0] = self.origin[0] + posed[..., 0] * factor
        xy[..., 1] = self.origin[1] - (posed[..., 1] - _EYES[1]) * factor
        return xy, np.asarray(nearness, np.float32)


def camera_for(scene: Scene, size: tuple[int, int], samples: float) -> Camera:
    """The camera of a picture of `size`, drawn with `samples` grid points a pixel each way."""
    grid = (round(size[0] * samples), round(size[1] * samples))
    scale = scene.scale * grid[1] / 450
    turn = _rotation(scene.yaw, scene.pitch, scene.roll)
    # Keep the eyes where the photographer put them, whatever way the head turns.
    moved = (_EYES - _PIVOT) @ turn.T + _PIVOT - _EYES
    origin = (
        scene.centre[0] * grid[0] - 0.6 * float(moved[0]) * scale,
        scene.centre[1] * grid[1] + 0.6 * float(moved[1]) * scale,
    )
    return Camera(turn, scale, scene.distance, origin, grid)


def _rotation(yaw: float, pitch: float, roll: float) -> Floats:
    cy, sy, cp, sp, cr, sr = (float(f(a)) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn: npt.NDArray[np.float64] = about_z @ about_y @ about_x
    return turn.astype(np.float32)
