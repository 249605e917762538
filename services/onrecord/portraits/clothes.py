"""What a person wears: a garment painted on, and lifted off, the shoulders."""

from dataclasses import dataclass

import numpy as np

from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats

_COLOURS = np.array(
    [
        [0.02, 0.02, 0.025], [0.03, 0.045, 0.10], [0.10, 0.13, 0.20], [0.45, 0.45, 0.44],
        [0.72, 0.71, 0.68], [0.20, 0.035, 0.04], [0.05, 0.11, 0.07], [0.24, 0.20, 0.15],
        [0.30, 0.42, 0.56], [0.42, 0.20, 0.24], [0.12, 0.12, 0.12], [0.14, 0.08, 0.16],
    ]
)  # fmt: skip
_THICKNESS = 0.035  # dm
_NECK_Z = 0.1


@dataclass(frozen=True, slots=True)
class Clothes:
    """The neckline runs around the neck at a height of `front` before and `front` + 2 `rise`
    behind it, cut to a V of `depth` in front; `phase` (5, 4) shapes the folds."""

    colour: Floats
    front: float
    rise: float
    depth: float
    phase: Floats

    def above_neckline(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """How far (dm) spots (n) of the undeformed body lie above the garment's edge."""
        forward = z - np.float32(_NECK_Z)
        cosine = forward / np.sqrt(x * x + forward * forward + np.float32(1e-6))
        edge = np.float32(self.front + self.rise) - np.float32(self.rise) * cosine
        edge = edge + np.clip(np.abs(x) - np.float32(0.5), 0, None)  # over the shoulder
        if self.depth:
            # The sides of a V are straight.
            edge = edge - np.clip(self.depth - np.float32(2.1) * np.abs(x), 0, None) * (cosine > 0)
        return np.asarray(y - edge, np.float32)

    def lift(self, local: Floats) -> Floats:
        """How far (dm) the garment stands off the skin at vertices (V, 3), folds included."""
        under = np.clip(-self.above_neckline(*local.T) / 0.3, 0, 1)
        waves = sum(np.sin(local @ p[:3] * 4.0 + p[3]) for p in self.phase)
        return np.asarray(under * (_THICKNESS + 0.012 * waves), np.float32)

    def albedo(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """Linear colour (3, n) of the cloth."""
        above = self.above_neckline(x, y, z)
        shade: Floats = np.ones(len(x), np.float32)
        near = np.flatnonzero(above > -0.22)
        around = np.arctan2(x[near], z[near] - _NECK_Z)
        shade[near] += 0.07 * np.sin(around * 130) * (above[near] > -0.12)
        shade[near] -= 0.35 * np.exp(-(((above[near] + 0.13) / 0.018) ** 2))
        return np.asarray(self.colour[:, None] * shade, np.float32)


def draw_clothes(person: Person, occasion: str) -> Clothes:
    """The garment of one picture: nobody wears the same shirt for years."""
    rng = person.stream(f"clothes {occasion}")
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    kind = rng.random()
    front, rise, depth = rng.uniform(5.46, 5.56), rng.uniform(0.27, 0.33), 0.0
    if kind < 0.22:
        depth = rng.uniform(0.3, 0.6)
    elif kind < 0.30:
        front, rise = 5.93, 0.05  # a high collar
    elif kind < 0.5 and not person.is_male:
        front, rise = rng.uniform(5.22, 5.36), 0.42
    return Clothes(
        colour=(colour * rng.uniform(0.7, 1.2)).astype(np.float32),
        front=float(front),
        rise=float(rise),
        depth=float(depth),
        phase=rng.normal(0, 1, (5, 4)).astype(np.float32),
    )
