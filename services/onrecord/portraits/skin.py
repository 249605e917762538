"""A person's skin, painted on the face map: colour, and the relief that light catches."""

from dataclasses import dataclass

import cv2
import numpy as np

from onrecord.portraits.facemap import SIZE, FaceMap
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats
from onrecord.portraits.wrinkles import draw_folds

# Linear albedo of skin, lightest to darkest.
_TONES = np.array(
    [
        [0.70, 0.475, 0.385], [0.62, 0.395, 0.295], [0.52, 0.315, 0.220], [0.400, 0.225, 0.145],
        [0.285, 0.150, 0.090], [0.190, 0.095, 0.057], [0.115, 0.058, 0.036], [0.072, 0.038, 0.025],
    ]
)  # fmt: skip


# How strongly red, green and blue are absorbed by melanin, blood, moles and folds.
_ABSORPTION = (
    (0.75, -0.10, 0.9, 0.30), (1.0, 0.62, 1.4, 0.50), (1.15, 0.48, 1.6, 0.55),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Skin:
    """`albedo` (512, 512, 3) linear RGB; `slope` (512, 512, 2): how the relief leans to the right
    and downwards; `tone` (3) the plain colour; `gloss` a factor on the highlights."""

    albedo: Floats
    slope: Floats
    tone: Floats
    gloss: float


def tone_of(person: Person) -> Floats:
    place = person.skin_tone * (len(_TONES) - 1)
    tone = np.array([np.interp(place, range(len(_TONES)), _TONES[:, c]) for c in range(3)])
    warm = person.stream("tone").normal(0, 0.045)
    return np.asarray(tone * [1 + warm, 1, 1 - 1.3 * warm], np.float32)


@dataclass(frozen=True, slots=True)
class Tint:
    """A linear `colour` (3) that covers the skin by `cover` (512, 512), 0..1."""

    colour: Floats
    cover: Floats


def paint_skin(face: FaceMap, person: Person, tints: tuple[Tint, ...]) -> Skin:
    """Paint the map; `tints` go over the skin in turn."""
    rng = person.stream("skin")
    tone = tone_of(person)
    spot = _Spots(face.position)
    blood = _whole(_blood(spot, face, rng, person)) * np.float32(1 - 0.45 * person.skin_tone)
    grain = _noise(rng, SIZE, SIZE)
    pigment = _pigment(spot, rng, person)
    shade = _whole(0.050 * _noise(rng, 16) + 0.035 * _noise(rng, 60) + pigment)
    shade += np.float32(0.022) * grain
    marks = _marks(rng, person)
    folds = draw_folds(face, person)
    dimmed = _lips(face, rng, person) + _make_up(face, rng, person)
    planes = []
    for channel, (melanin, red, mark, fold) in enumerate(_ABSORPTION):
        log_albedo = shade * np.float32(-melanin)
        for amount, strength in ((blood, red), (marks, mark), (folds, fold)):
            log_albedo -= amount * np.float32(strength)
        plane = cv2.exp(log_albedo)
        plane *= np.float32(tone[channel])
        for mask, kept in dimmed:
            plane *= 1 - mask * np.float32(1 - kept[channel])
        for tint in tints:
            plane += tint.cover * (np.float32(tint.colour[channel]) - plane)
        planes.append(plane)
    relief = np.float32(0.010) * grain - np.float32(0.10) * folds
    relief += _whole(0.006 * _noise(rng, 128))
    relief = cv2.GaussianBlur(relief, (0, 0), 0.8)
    slope = [cv2.Sobel(relief, cv2.CV_32F, dx, 1 - dx, scale=2.2) for dx in (1, 0)]
    gloss = float(np.clip(rng.normal(1, 0.3), 0.4, 1.8))
    return Skin(cv2.merge(planes), cv2.merge(slope), tone, gloss)


class _Spots:
    """Soft round spots in base coordinates on the front of the head, at half the map's size."""

    def __init__(self, position: Floats) -> None:
        x, y, z = (np.ascontiguousarray(plane[::2, ::2]) for plane in position)
        self._x, self._y = np.abs(x), y
        self._front = (z > 0.4).astype(np.float32)

    def __call__(self, x: float, y: float, rx: float, ry: float) -> Floats:
        square = ((self._x - x) / rx) ** 2 + ((self._y - y) / ry) ** 2
        return np.asarray(cv2.exp(-square.astype(np.float32)) * self._front, np.float32)


def _noise(rng: np.random.Generator, grid: int, size: int = SIZE // 2) -> Floats:
    """Smooth noise of unit variance with about `grid` cells across (size, size)."""
    cells = rng.standard_normal((grid, grid), np.float32)
    if grid == size:
        return cells
    return np.asarray(cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _whole(half: Floats) -> Floats:
    return np.asarray(cv2.resize(half, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR))


def _blood(spot: _Spots, face: FaceMap, rng: np.random.Generator, person: Person) -> Floats:
    flush = max(0.05, rng.normal(0.20, 0.09))
    cheeks = spot(0.42, 6.93 + rng.normal(0, 0.04), 0.24, 0.22)
    nose = spot(0.0, 6.93, 0.2, 0.12)
    total = flush * cheeks + (0.7 * flush + 0.05) * nose + 0.10 * spot(0, 6.28, 0.25, 0.12)
    total += 0.16 * spot(0.31, 7.26, 0.2, 0.1) + 0.22 * face.masks[2][::2, ::2]
    total -= 0.10 * spot(0.0, 7.85, 0.55, 0.25)
    total += 0.04 * _noise(rng, 40) + 0.03 * person.age * np.abs(_noise(rng, 90))
    return np.asarray(total, np.float32)


def _pigment(spot: _Spots, rng: np.random.Generator, person: Person) -> Floats:
    tired = max(0.0, rng.normal(0.10 + 0.10 * person.age, 0.07))
    under_eyes = spot(0.27, 7.13, 0.15, 0.055)
    lids = spot(0.31, 7.40, 0.19, 0.07)
    return np.asarray(tired * under_eyes + 0.10 * lids + 0.06 * spot(0, 6.60, 0.33, 0.17))


def _marks(rng: np.random.Generator, person: Person) -> Floats:
    """Freckles and moles (512, 512), 0..1."""
    marks = np.zeros((SIZE, SIZE), np.uint8)
    freckled = person.skin_tone < 0.4 and rng.random() < 0.22
    count = int(rng.poisson(160)) if freckled else 0
    moles = int(rng.poisson(2.2)) + int(rng.poisson(6 * person.age**2))
    for k in range(count + moles):
        column, row = rng.normal(256, 62), rng.normal(250, 58)
        radius = rng.uniform(0.25, 0.6) if k < count else rng.uniform(0.55, 1.5)
        depth = int(rng.uniform(35, 90) if k < count else rng.uniform(70, 210))
        centre = (int(column * 16), int(row * 16))
        cv2.circle(marks, centre, int(radius * 16), depth, -1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(marks, (0, 0), 0.7).astype(np.float32)
    return np.asarray(soft * np.float32(1 / 255), np.float32)


_Dimmed = list[tuple[Floats, Floats]]  # a mask (512, 512) and what is left of each channel


def _lips(face: FaceMap, rng: np.random.Generator, person: Person) -> _Dimmed:
    mask = cv2.GaussianBlur(face.masks[0], (0, 0), 1.3)
    kept = np.array([0.86, 0.60, 0.62]) * (1 + rng.normal(0, 0.05, 3))
    cover = 0.75
    if person.skin_tone > 0.55:
        kept = np.array([0.98, 0.72, 0.80]) * (1 + rng.normal(0, 0.06, 3))
    if not person.is_male and rng.random() < 0.4:
        kept = np.array([0.85, rng.uniform(0.30, 0.55), rng.uniform(0.38, 0.6)])
        cover = 0.9
    return [(mask * np.float32(cover), kept)]


def _make_up(face: FaceMap, rng: np.random.Generator, person: Person) -> _Dimmed:
    """The rims of the lids: dark where lashes stand, darker where painted."""
    lids = face.masks[1]
    painted = not person.is_male and rng.random() < 0.5
    rim = np.clip((lids - np.float32(0.55)) / np.float32(0.45), 0, 1)
    dimmed: _Dimmed = [(rim, 1 - np.array([0.30, 0.36, 0.34]) * (1.8 if painted else 1.0))]
    if painted and rng.random() < 0.4:
        tint = np.array([rng.uniform(0.5, 0.8), rng.uniform(0.4, 0.6), rng.uniform(0.45, 0.75)])
        above = lids * (face.position[1] > 7.3)
        dimmed.append((above * np.float32(0.4), tint))
    return dimmed
