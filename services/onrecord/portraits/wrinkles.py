"""Folds and wrinkles: lines that age draws, as depth on the face map."""

import cv2
import numpy as np

from onrecord.portraits.facemap import SIZE, FaceMap
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats


def draw_folds(face: FaceMap, person: Person) -> Floats:
    """Depth of the folds (512, 512) in 0..1; even the young have faint smile lines."""
    rng = person.stream("wrinkles")
    age = float(np.clip(person.age + rng.normal(0, 0.06), 0, 1))
    sharp = np.zeros((SIZE, SIZE), np.uint8)
    soft = np.zeros((SIZE, SIZE), np.uint8)
    for side in (-1, 1):
        bow = rng.normal(0, 0.02)
        smile = [(0.20, 6.95), (0.27, 6.86), (0.33 + bow, 6.74), (0.35 + bow, 6.62)]
        _line(soft, face, side, smile, 45 + 130 * age, 3, rng)
        bag = [(0.17, 7.17), (0.24, 7.11), (0.33, 7.09), (0.42, 7.13)]
        _line(soft, face, side, bag, 25 + 110 * age, 2, rng)
        mouth = [(0.29, 6.58), (0.33, 6.47), (0.32, 6.37)]
        _line(soft, face, side, mouth, 100 * max(0.0, age - 0.25), 2, rng)
        crease = [(0.17, 7.345), (0.25, 7.405), (0.34, 7.415), (0.44, 7.36)]
        _line(sharp, face, side, crease, rng.uniform(40, 110), 1, rng)
        for k in range(4):
            angle = -0.55 + 0.33 * k + rng.normal(0, 0.05)
            reach = rng.uniform(0.10, 0.2)
            foot = [(0.50, 7.285 + 0.05 * np.sin(angle)),
                    (0.50 + reach * np.cos(angle), 7.285 + reach * np.sin(angle))]  # fmt: skip
            _line(sharp, face, side, foot, 130 * max(0.0, age - 0.3), 1, rng)
        frown = [(0.06, 7.52), (0.055 + bow, 7.44), (0.07, 7.38)]
        _line(sharp, face, side, frown, 110 * max(0.0, age - 0.3), 1, rng)
    lines = int(rng.integers(2, 5))
    for k in range(lines):
        y = 7.66 + 0.085 * k + rng.normal(0, 0.012)
        x = np.linspace(-0.42, 0.42, 9)
        wave = y + 0.02 * np.cos(x * rng.uniform(6, 10) + rng.normal()) + rng.normal(0, 0.006, 9)
        brow = list(zip(x.tolist(), wave.tolist(), strict=True))
        _line(sharp, face, 1, brow, rng.uniform(70, 190) * max(0.0, age - 0.25), 1, rng)
    for y in (6.02, 5.88):
        ring = [(x, y + 0.05 * abs(x) + rng.normal(0, 0.008)) for x in np.linspace(-0.3, 0.3, 5)]
        _line(soft, face, 1, ring, 20 + 90 * age, 2, rng)
    total = 0.9 * cv2.GaussianBlur(sharp, (0, 0), 0.9).astype(np.float32)
    total += cv2.GaussianBlur(soft, (0, 0), 3.0).astype(np.float32)
    return np.asarray(np.minimum(total / 255, 1), np.float32)


def _line(
    canvas: Floats | np.ndarray, face: FaceMap, side: int, spots: list[tuple[float, float]],
    depth: float, width: int, rng: np.random.Generator,
) -> None:  # fmt: skip
    if depth < 4:
        return
    table = np.array(spots, np.float32)
    table += rng.normal(0, 0.006, table.shape)
    texels = face.texel(table[:, 0] * side, table[:, 1])
    path = np.rint(texels * 16).astype(np.int32).reshape(-1, 1, 2)
    value = int(min(255, depth))
    cv2.polylines(canvas, [path], False, value, width, cv2.LINE_AA, 4)
