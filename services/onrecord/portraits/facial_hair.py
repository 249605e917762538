"""Brows, lashes and beards: short strands rooted in the face map, and the shade beneath them."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from onrecord.portraits.facemap import SIZE, FaceMap
from onrecord.portraits.hairstyle import Hairstyle, strand_colours
from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats
from onrecord.portraits.skin import Tint
from onrecord.portraits.strands import Strands

_EYE = (0.30775, 7.28415, 1.24535)  # the left one's middle on the base mesh
_BEARDS = ("none", "stubble", "full", "goatee", "moustache")
_BEARD_ODDS = (0.46, 0.24, 0.15, 0.09, 0.06)


@dataclass(frozen=True, slots=True)
class Tuft:
    """Hairs on the face map: `texels` (n, k, 2) from root to tip, how far each joint stands off
    the skin in dm (n, k), their length `reach` in dm (n), linear `colour` (n, 3) and
    `opacity`."""

    texels: Floats
    stand_off: Floats
    reach: Floats
    colour: Floats
    opacity: float

    def grow(self, model: HeadModel, vertices: Floats, normals: Floats) -> Strands:
        """The hairs on a deformed face."""
        count, joints, _ = self.texels.shape
        flat = self.texels.reshape(-1, 2)
        at, normal = model.face_map.on_surface(flat, vertices, normals, model.triangles)
        points = (at + normal * self.stand_off.reshape(-1, 1)).reshape(count, joints, 3)
        # Neighbours on the map may lie apart in space, as jaw and throat do.
        away = points - points[:, :1]
        distance = np.linalg.norm(away, axis=2)
        allowed = self.reach[:, None] * np.linspace(0, 1.15, joints)
        points = points[:, :1] + away * np.minimum(1, allowed / (distance + 1e-6))[:, :, None]
        exposure = np.full((count, joints), 0.9, np.float32)
        outward = normal.reshape(count, joints, 3)
        return Strands(
            np.asarray(points, np.float32), outward, self.colour, exposure, 0.35, self.opacity
        )


def draw_brows(face: FaceMap, person: Person, style: Hairstyle) -> Tuft:
    """Two brows, alike but not mirrored."""
    rng = person.stream("brows")
    count = int(rng.integers(190, 340) * (1.15 if person.is_male else 0.85))
    thick = rng.uniform(0.028, 0.048) if person.is_male else rng.uniform(0.018, 0.034)
    arch, slope = max(0.0, rng.normal(0.026, 0.012)), rng.normal(0.022, 0.014)
    inner, outer = rng.uniform(0.11, 0.16), rng.uniform(0.50, 0.57)
    height = 7.505 + rng.normal(0, 0.014)
    tufts, reaches = [], []
    for side in (-1, 1):
        t = np.sort(rng.beta(1.05, 1.25, count))
        # The head of a brow is broad and straight, its tail narrow and bent down.
        line = height + slope * t + arch * np.sin(np.pi * np.minimum(t, 1) ** 1.25) - 0.04 * t**3
        breadth = thick * np.interp(t, [0, 0.08, 0.35, 0.7, 1], [0.75, 1, 1, 0.75, 0.3])
        y = line + breadth * np.clip(rng.normal(0, 0.5, count), -1, 1)
        x = inner + (outer - inner) * t + rng.normal(0, 0.004, count)
        lean = np.interp(t, [0, 0.15, 0.5, 1], [1.05, 0.6, 0.12, -0.4])
        lean = lean - 0.7 * (y - line) / thick * (t > 0.12) + rng.normal(0, 0.16, count)
        reach = rng.uniform(0.04, 0.07, count) * np.interp(t, [0, 0.2, 1], [0.8, 1, 0.75])
        along = np.linspace(0, 1, 3)[None]
        bend = lean[:, None] - 0.5 * lean[:, None] * along
        hair_x = x[:, None] + np.cos(bend) * reach[:, None] * along
        hair_y = y[:, None] + np.sin(bend) * reach[:, None] * along
        reaches.append(reach)
        tufts.append(face.texel((side * hair_x).ravel(), hair_y.ravel()).reshape(count, 3, 2))
    texels = np.concatenate(tufts)
    stand_off = np.tile(np.array([0.002, 0.008, 0.010], np.float32), (len(texels), 1))
    younger = replace(style, grey=0.6 * style.grey)  # brows keep their colour longer
    colour = strand_colours(younger, len(texels), rng) * rng.uniform(0.5, 0.8)
    colour = np.minimum(colour, np.array([0.16, 0.115, 0.08]) * (1 + style.grey))
    reach_ = np.concatenate(reaches).astype(np.float32)
    return Tuft(texels, stand_off, reach_, colour.astype(np.float32), 0.78)


def draw_beard(face: FaceMap, person: Person, style: Hairstyle) -> tuple[Tuft, Tint]:
    """The beard's hairs, and its shade on the skin."""
    rng = person.stream("beard")
    kind = str(rng.choice(_BEARDS, p=_BEARD_ODDS)) if person.is_male else "none"
    if not person.is_male:
        return _no_tuft(), Tint(np.zeros(3, np.float32), np.zeros((SIZE, SIZE), np.float32))
    area = _beard_area(face, kind, rng)
    colour = np.array(style.colour) * (1 - style.grey) + 0.33 * style.grey
    long = 0.0 if kind in ("none", "stubble") else float(rng.uniform(0.06, 0.24))
    cover = {"none": rng.uniform(0, 0.10), "stubble": rng.uniform(0.15, 0.4)}.get(kind, 0.72)
    mottle = 1 + 0.22 * rng.standard_normal((SIZE, SIZE), np.float32)
    tint = Tint(colour * 0.7, np.clip(area * np.float32(cover) * mottle, 0, 1))
    count = 0 if kind == "none" else (1500 if kind == "stubble" else 4200)
    weight = area.ravel().astype(np.float64)
    if count == 0 or weight.sum() == 0:
        return _no_tuft(), tint
    spots = np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(count))
    spots = np.minimum(spots, SIZE * SIZE - 1)
    root = np.stack([spots % SIZE, spots // SIZE], axis=1) + rng.uniform(-0.5, 0.5, (count, 2))
    x = (root[:, 0] - SIZE / 2) / (SIZE / 2)
    reach = (long if long else 0.02) * rng.uniform(0.6, 1.15, count)
    texels_per_dm = SIZE / 3.0
    steer = np.stack(
        [0.5 * x + rng.normal(0, 0.30, count), 0.9 + rng.normal(0, 0.2, count)], axis=1
    )
    along = np.array([0, 0.5, 1.0])[None, :, None]
    texels = root[:, None] + steer[:, None] * (0.8 * reach * texels_per_dm)[:, None, None] * along
    out = reach[:, None] * np.array([0, 0.20, 0.22])[None] + 0.003
    return Tuft(
        texels.astype(np.float32), out.astype(np.float32), reach.astype(np.float32),
        strand_colours(style, count, rng) * np.float32(0.9), 0.75,
    ), tint  # fmt: skip


def _no_tuft() -> Tuft:
    none = np.zeros((0, 3), np.float32)
    return Tuft(none[:, :, None].repeat(2, axis=2), none, none[:, 0], none, 1.0)


def _beard_area(face: FaceMap, kind: str, rng: np.random.Generator) -> Floats:
    x, y, z = face.position
    around = np.abs(face.azimuth)
    cheek = np.interp(around, [0.2, 0.42, 0.7, 1.0, 1.2], [6.60, 6.68, 6.76, 6.95, 7.12])
    cheek = cheek + rng.normal(0, 0.03)
    throat = np.interp(around, [0, 0.6, 1.1], [6.12, 6.20, 6.36])
    jaw = np.clip((cheek - y) / 0.07, 0, 1) * np.clip((y - throat) / 0.07, 0, 1)
    jaw = jaw * np.clip((1.27 - around) / 0.06, 0, 1)
    lip = np.clip((0.31 - np.abs(x)) / 0.05, 0, 1) * np.clip((y - 6.66) / 0.03, 0, 1)
    lip = lip * np.clip((6.835 - y) / 0.03, 0, 1) * (z > 1.2)
    chin = np.clip((0.27 - np.abs(x)) / 0.07, 0, 1) * np.clip((6.46 - y) / 0.05, 0, 1) * jaw
    beside = np.clip((0.33 - np.abs(x)) / 0.03, 0, 1) * np.clip((np.abs(x) - 0.23) / 0.04, 0, 1)
    beside = beside * ((y < 6.75) & (y > 6.35) & (z > 1.0))
    area = {
        "moustache": lip,
        "goatee": np.maximum.reduce([lip, chin, 0.9 * beside]),
    }.get(kind, np.maximum(jaw, lip))
    lips = np.clip(cv2.GaussianBlur(face.masks[0], (0, 0), 1.5) * 2.5, 0, 1)
    return np.asarray(cv2.GaussianBlur((area * (1 - lips)).astype(np.float32), (0, 0), 1.2))


def paint_scalp(face: FaceMap, person: Person, style: Hairstyle) -> Tint:
    """Hair roots seen as a tint of the scalp."""
    rng = person.stream("scalp")
    ragged = cv2.resize(rng.standard_normal((128, 128), np.float32), (SIZE, SIZE))
    grown = style.density(face.position, face.azimuth, ragged) ** 3
    colour = np.array(style.colour) * (1 - style.grey) + 0.30 * style.grey
    cover = 0.8 if style.top > 0.2 else 0.6
    if style.kind == "bald":
        cover = rng.uniform(0.08, 0.3)
    elif style.top > 1:
        cover = 0.6
    return Tint(colour * 0.55, np.float32(cover) * grown * (1 - face.masks[2]))


def grow_lashes(model: HeadModel, person: Person, vertices: Floats) -> Strands:
    """Lashes along the helper quads of the mesh, each from its lid outwards."""
    quads = model.lashes
    upper = 0.55 if person.is_male else 0.95
    side = np.where(model.base[quads[:, 0], 0] > 0, 1.0, -1.0)[:, None]
    centre = np.array(_EYE, np.float32) * np.concatenate(
        [side, np.ones_like(side), np.ones_like(side)], axis=1
    )
    away = np.linalg.norm(model.base[quads] - centre[:, None], axis=2)
    edge = away + np.roll(away, -1, axis=1)  # of each corner and the next
    first = edge.argmin(axis=1)
    turned = np.take_along_axis(quads, (first[:, None] + np.arange(4)) % 4, axis=1)
    tip_at = turned[:, 2:]
    root_a, root_b, tip_b, tip_a = (vertices[turned[:, k]] for k in range(4))
    lines = []
    lower = model.base[tip_at, 1].mean(axis=1) < _EYE[1]
    reach = np.where(lower, 0.45, upper)[:, None]
    for share in (0.15, 0.5, 0.85):
        root = root_a * (1 - share) + root_b * share
        tip = tip_a * (1 - share) + tip_b * share
        lines.append(np.stack([root, root + (tip - root) * reach], axis=1))
    points = np.concatenate(lines).astype(np.float32)
    outward = np.tile(np.array([0, 0, 1], np.float32), (len(points), 2, 1))
    colour = np.full((len(points), 3), 0.014, np.float32)
    exposure = np.full((len(points), 2), 0.6, np.float32)
    return Strands(points, outward, colour, exposure, 0.1, 0.6 if person.is_male else 0.8)
