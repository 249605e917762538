"""Where scalp hair may grow: spots on the base head, drawn once for everybody."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onrecord.portraits.facemap import AXIS_Z
from onrecord.portraits.raster import Floats, Ints

_COUNT = 9_000
_CLUMPS = (700, 220)
HEAD_CENTRE = (0.0, 7.35, 0.45)
OUTLINE = (40, 80)  # elevations, azimuths


@dataclass(frozen=True, slots=True)
class Roots:
    """`triangle` (n), `weights` (n, 3), `position` (n, 3) on the base mesh; `clump` (2, n): for a
    fine and a coarse set of locks, the index of the root that leads the lock."""

    triangle: Ints
    weights: Floats
    position: Floats
    clump: Ints

    @property
    def azimuth(self) -> Floats:
        return np.asarray(np.arctan2(self.position[:, 0], self.position[:, 2] - AXIS_Z))


def bake_roots(
    base: Floats, masks: Floats, triangles: Ints, part: npt.NDArray[np.uint8]
) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of `Roots`, evenly by area over all that could be scalp."""
    rng = np.random.Generator(np.random.PCG64(20_261_123))
    centre = base[triangles].mean(axis=1)
    azimuth = np.abs(np.arctan2(centre[:, 0], centre[:, 2] - AXIS_Z))
    lowest = np.interp(azimuth, [0, 0.75, 0.95, 1.1, 1.7, 1.9, 2.2, 3.2],
                       [7.75, 7.6, 7.3, 6.9, 6.9, 6.6, 6.3, 6.2])  # fmt: skip
    ear = masks[triangles, 2].mean(axis=1) > 0.2
    outside = np.hypot(centre[:, 0] / 0.9, (centre[:, 2] - 0.5) / 1.2) > 0.3
    scalp = (centre[:, 1] > lowest) & ~ear & (part[triangles[:, 0]] == 0)
    scalp &= outside | (centre[:, 1] > 8.2)
    candidates = np.flatnonzero(scalp)
    a, b, c = (base[triangles[candidates, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = candidates[rng.choice(len(candidates), _COUNT, p=area / area.sum())]
    u, v = rng.random((2, _COUNT))
    weights = np.stack([1 - np.sqrt(u), np.sqrt(u) * (1 - v), np.sqrt(u) * v], axis=1)
    position = (base[triangles[chosen]] * weights[:, :, None]).sum(axis=1)
    clumps = []
    for count in _CLUMPS:
        distance = ((position[:, None] - position[None, :count]) ** 2).sum(axis=2)
        clumps.append(distance.argmin(axis=1))
    return {
        "root_triangle": chosen.astype(np.int32),
        "root_weights": weights.astype(np.float32),
        "root_position": position.astype(np.float32),
        "root_clump": np.stack(clumps).astype(np.int32),
    }


def bake_outline(base: Floats, masks: Floats, part: npt.NDArray[np.uint8]) -> Ints:
    """For every direction the vertex of the base head, ears aside, that lies that way: (40, 80)."""
    smooth = (part == 0) & (masks[:, 2] < 0.15) & (masks[:, 3] < 0.1) & (base[:, 1] > 5.4)
    candidates = np.flatnonzero(smooth)
    away = base[candidates] - np.array(HEAD_CENTRE, np.float32)
    rows, columns = OUTLINE
    elevation = ((np.arange(rows) + 0.5) / rows - 0.5) * np.pi
    azimuth = ((np.arange(columns) + 0.5) / columns - 0.5) * 2 * np.pi
    up, around = np.meshgrid(elevation, azimuth, indexing="ij")
    ray = np.stack([np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)], axis=-1)
    nearness = ray.reshape(-1, 3) @ (away / np.linalg.norm(away, axis=1, keepdims=True)).T
    return np.asarray(candidates[nearness.argmax(axis=1)].reshape(OUTLINE), np.int32)
