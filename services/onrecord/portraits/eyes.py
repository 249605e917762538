"""Eyes: white, iris and pupil by the angle from the line of sight."""

from dataclasses import dataclass

import numpy as np

from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats

# Linear albedo of irises: dark brown, brown, hazel, green, blue, grey.
_IRISES = np.array(
    [
        [0.035, 0.016, 0.008], [0.075, 0.034, 0.014], [0.13, 0.08, 0.03],
        [0.11, 0.13, 0.065], [0.10, 0.17, 0.26], [0.17, 0.20, 0.22],
    ]
)  # fmt: skip
_PUPIL = 0.19  # radians


@dataclass(frozen=True, slots=True)
class Eyes:
    """`iris` linear RGB; `radius` of the iris as seen from the eye's centre, radians."""

    iris: Floats
    radius: float
    redness: float


def draw_eyes(person: Person) -> Eyes:
    rng = person.stream("eyes")
    light = max(0.0, person.blend[2] - 0.35) * (1 - person.skin_tone)
    odds = np.array(
        [0.45 + person.skin_tone, 0.4, 0.55 * light, 0.3 * light, 0.8 * light, 0.3 * light]
    )
    kind = int(rng.choice(len(_IRISES), p=odds / odds.sum()))
    iris = _IRISES[kind] * rng.uniform(0.8, 1.25)
    return Eyes(iris.astype(np.float32), float(rng.uniform(0.47, 0.53)), float(rng.uniform(0, 0.5)))


def eye_albedo(eyes: Eyes, local: Floats, gaze: tuple[float, float]) -> tuple[Floats, Floats]:
    """Colour (3, n) and wetness (n) at unit vectors `local` (3, n) from the eye's centre."""
    sight = np.array([np.sin(gaze[0]), np.sin(gaze[1]), 1.0], np.float32)
    sight /= np.linalg.norm(sight)
    angle = np.arccos(np.clip(sight @ local, -1, 1))
    around = np.arctan2(local[1] - sight[1], local[0] - sight[0])
    fibres = 1 + 0.18 * np.sin(around * 17) + 0.12 * np.sin(around * 29 + 1)
    inner = np.clip((angle - _PUPIL) / (eyes.radius - _PUPIL), 0, 1)
    ring = 0.75 + 0.75 * inner - 1.15 * np.clip((inner - 0.72) / 0.28, 0, 1)
    iris = eyes.iris[:, None] * (fibres * ring)
    veins = eyes.redness * np.clip((angle - 0.7) / 0.5, 0, 1)
    white = np.array([[0.60], [0.565], [0.54]]) - np.array([[0.0], [0.07], [0.08]]) * veins
    in_iris = np.clip((eyes.radius - angle) / 0.06 + 0.5, 0, 1)
    in_pupil = np.clip((_PUPIL - angle) / 0.05 + 0.5, 0, 1)
    colour = white * (1 - in_iris) + iris * in_iris
    colour = colour * (1 - in_pupil) + 0.004 * in_pupil
    return colour.astype(np.float32), np.asarray(in_iris, np.float32)
