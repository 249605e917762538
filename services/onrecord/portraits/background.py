"""What stands behind a person: a plain wall, or somewhere out of focus."""

import cv2
import numpy as np

from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Scene

_WALLS = np.array([[0.60, 0.66, 0.72], [0.66, 0.68, 0.69], [0.70, 0.70, 0.67], [0.45, 0.58, 0.72]])


def draw_background(person: Person, scene: Scene, occasion: str, size: tuple[int, int]) -> Floats:
    """Linear RGB (height, width, 3)."""
    rng = person.stream(f"background {occasion}")
    width, height = size
    if not scene.indoors:
        wall = _WALLS[int(rng.integers(len(_WALLS)))] * rng.uniform(0.9, 1.1)
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        fall = 1 - 0.10 * (x * x + 0.6 * y * y) + 0.04 * rng.normal() * x
        return np.asarray(fall[:, :, None] * wall, np.float32)
    return _out_of_focus(rng, scene, size)


def _out_of_focus(rng: np.random.Generator, scene: Scene, size: tuple[int, int]) -> Floats:
    """Walls, doors, shelves and lamps as blurred patches."""
    width, height = 90, 112
    level = 0.22 + 0.5 * rng.random()
    base = np.array([1, 1, 1]) * level * (1 + rng.normal(0, 0.06, 3))
    canvas = np.tile(base, (height, width, 1)).astype(np.float32)
    for _ in range(int(rng.integers(4, 11))):
        x, y = int(rng.integers(-10, width)), int(rng.integers(-30, height))
        w, h = int(rng.integers(6, 50)), int(rng.integers(12, 110))
        colour = base * rng.uniform(0.25, 1.7) * (1 + rng.normal(0, 0.09, 3))
        cv2.rectangle(canvas, (x, y), (x + w, y + h), [float(c) for c in colour], -1)
    for _ in range(int(rng.integers(0, 4))):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height // 2)))
        lamp = [float(c) for c in base * rng.uniform(1.5, 3.0) * np.array([1.1, 1.0, 0.85])]
        cv2.circle(canvas, centre, int(rng.integers(2, 7)), lamp, -1)
    blurred = cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(2.0, 6.0)))
    brightness = 0.45 + 0.6 * float(np.mean(scene.light.key)) / 1.5
    return np.asarray(cv2.resize(blurred, size, interpolation=cv2.INTER_CUBIC), np.float32).clip(
        0
    ) * np.float32(brightness)
