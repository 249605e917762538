"""Spectacles: frames of wire or acetate, built from strands like hair."""

from dataclasses import dataclass

import numpy as np

from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.makehuman import LEFT_EYE, RIGHT_EYE
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats
from onrecord.portraits.strands import Strands

_WEARERS = 0.2
_COLOURS = ((0.012, 0.012, 0.013), (0.06, 0.028, 0.014), (0.25, 0.24, 0.23), (0.28, 0.20, 0.09))
_AROUND = 40


@dataclass(frozen=True, slots=True)
class Glasses:
    """Half width and height of a lens in dm, how square it is (2 is an ellipse), how thick the
    frame, and its linear colour."""

    width: float
    height: float
    squareness: float
    thickness: float
    colour: tuple[float, float, float]

    def build(self, model: HeadModel, vertices: Floats) -> Strands:
        """The frame on a face with its expression, in the head's own frame."""
        left = vertices[model.part == LEFT_EYE].mean(axis=0)
        right = vertices[model.part == RIGHT_EYE].mean(axis=0)
        middle = (left + right) / 2
        apart = float(left[0] - right[0]) / 2 + 0.02
        brow = vertices[(model.masks[:, 1] > 0.3) & (model.part == 0), 2].max()
        plane = float(brow) + 0.07
        lines = [self._rim(side, apart) for side in (-1, 1)]
        lines += [self._bridge(apart), self._temple(-1, apart), self._temple(1, apart)]
        points = np.concatenate(lines)
        points[:, :, 0] += middle[0]
        points[:, :, 1] += middle[1]
        points[:, :, 2] += plane - 0.16 * np.abs(points[:, :, 0] / 0.6) ** 2.5
        outward = np.tile(np.array([0, 0.35, 0.94], np.float32), (*points.shape[:2], 1))
        colour = np.tile(np.array(self.colour, np.float32), (len(points), 1))
        exposure = np.full(points.shape[:2], 0.9, np.float32)
        return Strands(points.astype(np.float32), outward, colour, exposure, 2.0)

    def _offsets(self) -> Floats:
        return np.arange(-self.thickness / 2, self.thickness / 2 + 1e-6, 0.004)[:, None]

    def _rim(self, side: int, apart: float) -> Floats:
        turn = np.linspace(0, 2 * np.pi, _AROUND)[None]
        cos, sin = np.cos(turn), np.sin(turn)
        power = 2 / self.squareness
        width, height = self.width + self._offsets(), self.height + self._offsets()
        x = side * apart + width * np.sign(cos) * np.abs(cos) ** power
        y = -0.03 + height * np.sign(sin) * np.abs(sin) ** power
        return np.stack([x, y, np.zeros_like(x)], axis=2)

    def _bridge(self, apart: float) -> Floats:
        across = np.linspace(-1, 1, _AROUND)[None]
        x = across * max(0.03, apart - self.width)
        y = 0.35 * self.height + 0.03 * (1 - across**2) + self._offsets()
        return np.stack([x + 0 * y, y, np.zeros_like(y)], axis=2)

    def _temple(self, side: int, apart: float) -> Floats:
        along = np.linspace(0, 1, _AROUND)[None]
        start = apart + self.width
        x = side * (start + (0.78 - start) * np.minimum(along * 1.3, 1))
        y = 0.4 * self.height - 0.03 * along + self._offsets()
        # Undo the frame's curve, which the temples do not follow.
        z = -0.95 * along**1.4 + 0.16 * (np.abs(x) / 0.6) ** 2.5 - 0.16 * (start / 0.6) ** 2.5
        return np.stack([x + 0 * y, y, z + 0 * y], axis=2)


def draw_glasses(person: Person) -> Glasses | None:
    """The person's spectacles, if they have any. They come off for the licence portrait."""
    rng = person.stream("glasses")
    if rng.random() > _WEARERS + 0.25 * person.age:
        return None
    kind = int(rng.integers(len(_COLOURS)))
    thickness = rng.uniform(0.020, 0.036) if kind < 2 else rng.uniform(0.008, 0.014)
    return Glasses(
        width=float(rng.uniform(0.235, 0.275)),
        height=float(rng.uniform(0.165, 0.225)),
        squareness=float(rng.choice([2.0, 2.6, 3.4])),
        thickness=float(thickness),
        colour=_COLOURS[kind],
    )
