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


@dataclass(frozen=True, slots=True)
class Clothes:
    """The neckline is a plane through the neck, y = `height` - `slope` z, cut to a V of `depth`
    in front; `phase` (5, 4) shapes the folds."""

    colour: Floats
    height: float
    slope: float
    depth: float
    phase: Floats

    def above_neckline(self, local: Floats) -> Floats:
        """How far (dm) points (n, 3) of the undeformed body lie above the garment's edge."""
        front = np.clip((local[:, 2] - 0.35) / 0.3, 0, 1)
        cut = self.depth * np.clip(1 - np.abs(local[:, 0]) / 0.42, 0, 1) * front
        shoulder = 1.6 * np.clip(np.abs(local[:, 0]) - 0.38, 0, None) ** 2
        edge = self.height - self.slope * local[:, 2] - cut + shoulder
        return np.asarray(local[:, 1] - edge, np.float32)

    def lift(self, local: Floats) -> Floats:
        """How far (dm) the garment stands off the skin; its folds included."""
        under = np.clip(-self.above_neckline(local) / 0.3, 0, 1)
        waves = sum(np.sin(local @ p[:3] * 4.0 + p[3]) for p in self.phase)
        return np.asarray(under * (_THICKNESS + 0.012 * waves), np.float32)

    def albedo(self, local: Floats) -> Floats:
        """Linear colour (n, 3) of the cloth."""
        above = self.above_neckline(local)
        colour = np.repeat(self.colour[None], len(local), axis=0)
        rib = 1 + 0.10 * np.sin(np.arctan2(local[:, 0], local[:, 2]) * 140) * (above > -0.14)
        seam = 1 - 0.35 * np.exp(-(((above + 0.15) / 0.018) ** 2))
        return np.asarray(colour * (rib * seam)[:, None], np.float32)


def draw_clothes(person: Person, occasion: str) -> Clothes:
    """The garment of one picture: nobody wears the same shirt for years."""
    rng = person.stream(f"clothes {occasion}")
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    kind = rng.random()
    height, slope, depth = rng.uniform(5.80, 5.90), rng.uniform(0.42, 0.5), 0.0
    if kind < 0.25:
        depth = rng.uniform(0.35, 0.7)
    elif kind < 0.35:
        height, slope = 6.03, 0.12  # a high collar
    elif kind < 0.5 and not person.is_male:
        height, slope = 5.72, 0.55
    return Clothes(
        colour=(colour * rng.uniform(0.7, 1.2)).astype(np.float32),
        height=float(height),
        slope=float(slope),
        depth=float(depth),
        phase=rng.normal(0, 1, (5, 4)).astype(np.float32),
    )
