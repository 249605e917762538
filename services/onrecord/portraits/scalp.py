"""How far the head reaches in every direction: what hair lies on and may not enter."""

from dataclasses import dataclass

import cv2
import numpy as np

from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.raster import Floats
from onrecord.portraits.roots import HEAD_CENTRE, OUTLINE
from onrecord.portraits.shading import unit

_CENTRE = np.array(HEAD_CENTRE, np.float32)
_ROWS, _COLUMNS = OUTLINE


@dataclass(frozen=True, slots=True)
class Scalp:
    """`radius` (40, 80) in dm from the head's middle, by elevation and azimuth."""

    radius: Floats

    def outward(self, points: Floats) -> Floats:
        away = points - _CENTRE
        return unit(away.reshape(-1, 3)).reshape(points.shape)

    def surface(self, points: Floats) -> tuple[Floats, Floats]:
        """Distance of points (n, 3) from the middle, and of the surface in their direction."""
        away = points - _CENTRE
        distance = np.sqrt(np.einsum("ij,ij->i", away, away))
        row = (np.arcsin(np.clip(away[:, 1] / distance, -1, 1)) / np.pi + 0.5) * _ROWS - 0.5
        column = (np.arctan2(away[:, 0], away[:, 2]) / (2 * np.pi) + 0.5) * _COLUMNS - 0.5
        reach = cv2.remap(
            self.radius, column.astype(np.float32)[:, None], row.astype(np.float32)[:, None],
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        ).ravel()  # fmt: skip
        return np.asarray(distance, np.float32), np.asarray(reach, np.float32)

    def lay(self, points: Floats, stand_off: Floats, cling: float, limit: Floats) -> Floats:
        """Points (n, 3) brought to at least `stand_off` (n) dm from the surface; those farther
        out are drawn in by the share `cling`. No point moves out by more than `limit` (n)."""
        distance, surface = self.surface(points)
        nearest = surface + stand_off
        wanted = nearest + np.clip(distance - nearest, 0, None) * (1 - cling)
        wanted = np.minimum(wanted, distance + limit)
        away = points - _CENTRE
        return np.asarray(_CENTRE + away * (wanted / distance)[:, None], np.float32)


def measure_scalp(model: HeadModel, vertices: Floats) -> Scalp:
    away = vertices[model.outline] - _CENTRE
    radius = np.sqrt((away**2).sum(axis=2)).astype(np.float32)
    wrapped = np.concatenate([radius[:, -4:], radius, radius[:, :4]], axis=1)
    return Scalp(np.ascontiguousarray(cv2.GaussianBlur(wrapped, (0, 0), 0.8)[:, 4:-4]))
