"""Growing a head of hair: strands led over the scalp by combing, gravity and their locks."""

import numpy as np

from onrecord.portraits.hairstyle import Hairstyle, strand_colours
from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.person import Person
from onrecord.portraits.raster import Floats
from onrecord.portraits.scalp import Scalp, measure_scalp
from onrecord.portraits.shading import unit
from onrecord.portraits.strands import Strands

_WHORL = np.array([0.06, 8.42, 0.12], np.float32)
_TIE = np.array([0, 7.45, -0.45], np.float32)
_LENGTH_DRAWN = 11_000.0  # dm of all strands together
_DOWN = np.array([0, -1, 0], np.float32)


def grow_hair(
    model: HeadModel, person: Person, style: Hairstyle, vertices: Floats, normals: Floats
) -> Strands:
    """All strands that a picture from the front can show."""
    rng = person.stream("hair")
    roots = model.roots
    ragged = rng.standard_normal(len(roots.position), np.float32)
    density = style.density(roots.position.T, roots.azimuth, ragged)
    length = _lengths(style, roots.position)
    if style.flow == "tied":
        length = np.minimum(length, 0.95 * np.linalg.norm(roots.position - _TIE, axis=1))
    hidden = (roots.position[:, 2] < -0.1) & (length < 0.9)
    # Short hair on the nape is behind the neck; no picture here shows it.
    short = style.top < 1 or style.flow == "tied"
    hidden |= short & (np.abs(roots.azimuth) > 1.66) & (roots.position[:, 1] < 7.3)
    kept = np.flatnonzero((rng.random(len(density)) < density) & ~hidden & (length > 0.015))
    # Long hair covers itself many times over: fewer strands show as much.
    spare = min(1.0, _LENGTH_DRAWN / max(float(length[kept].sum()), 1e-6))
    kept = kept[rng.random(len(kept)) < spare]
    if len(kept) == 0:
        none = np.zeros((0, 2, 3), np.float32)
        return Strands(none, none, none[:, 0], none[:, :, 0], 1.0)
    corner = model.triangles[roots.triangle[kept]]
    weight = roots.weights[kept][:, :, None]
    root = (vertices[corner] * weight).sum(axis=1)
    normal = unit((normals[corner] * weight).sum(axis=1))
    # Hair at the very edge of its growth is finer and shorter: no hard fringe.
    length = length[kept] * (0.35 + 0.65 * density[kept]) * rng.uniform(0.62, 1.1, len(kept))
    leader = _leaders(roots.clump[0 if style.top < 1 else 1], kept, len(roots.position))
    scalp = measure_scalp(model, vertices)
    layer = rng.random(len(kept)).astype(np.float32)
    joints = int(np.clip(5 + 5 * style.top + 40 * (style.curl > 0) * min(style.top, 0.35), 5, 22))
    points = _grow(style, scalp, root, normal, length.astype(np.float32), layer, joints, rng)
    points = _gather(points, leader, style.clump, rng)
    if style.curl > 0:
        points = _curl(points, scalp, style, leader, length, rng)
    pieces = np.linalg.norm(np.diff(points, axis=1), axis=2).max(axis=1)
    torn = pieces > 3 * length / (joints - 1) + 0.04
    points[torn] = points[torn, :1]  # thrown off a fold of the skin
    if style.top > 1:
        _clear_face(points, style)
    outward = scalp.outward(points)
    colour = strand_colours(style, len(kept), rng)
    lock_tone = np.exp(rng.normal(0, 0.10, len(roots.position)))[leader]
    colour = colour * lock_tone[:, None].astype(np.float32)
    along = np.linspace(0, 1, joints, dtype=np.float32)[None]
    deep = np.minimum(1, style.volume / 0.10)
    exposure = 1 - deep * 0.62 * (1 - layer[:, None] ** 0.7) * (1 - 0.25 * along)
    exposure = exposure * (1 - 0.45 * deep * (1 - along) ** 3)
    return Strands(points, outward, colour, exposure.astype(np.float32), 1.0)


def _lengths(style: Hairstyle, position: Floats) -> Floats:
    high = np.clip((position[:, 1] - 7.55) / 0.45, 0, 1)
    length = style.sides + (style.top - style.sides) * high * high * (3 - 2 * high)
    return np.asarray(length, np.float32)


def _leaders(clump: np.ndarray, kept: np.ndarray, count: int) -> np.ndarray:
    """For each kept strand the kept strand that leads its lock (itself where that one is not)."""
    place = np.full(count, -1)
    place[kept] = np.arange(len(kept))
    leader = place[clump[kept]]
    return np.where(leader < 0, np.arange(len(kept)), leader)


def _grow(
    style: Hairstyle, scalp: Scalp, root: Floats, normal: Floats, length: Floats, layer: Floats,
    joints: int,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    points = np.empty((len(root), joints, 3), np.float32)
    points[:, 0] = root
    step = (length / (joints - 1))[:, None]
    comb = _combing(style, root, normal)
    # Roots behind the ears and on the nape lie deeper than the smooth outline.
    distance, surface = scalp.surface(root)
    sunken = np.clip(surface - distance, 0, None)
    heading = unit(style.lift * normal + (1 - style.lift) * comb)
    here: Floats = root
    for k in range(1, joints):
        along = k / (joints - 1)
        outward = scalp.outward(here)
        comb = _combing(style, here, outward)
        pull = style.falls * (0.35 + 0.65 * along)
        wanted = heading * 1.1 + comb * (0.55 * (1 - style.lift)) + _DOWN * pull
        if style.lift > 0.85:
            frizz = rng.normal(0, style.frizz, heading.shape).astype(np.float32)
            wanted = heading + 0.3 * outward + frizz
        heading = unit(wanted)
        here = here + heading * step
        stand_off = style.volume * layer * min(1.0, 3 * along)
        under = 0.012 + stand_off - sunken * (1 - along)
        here = scalp.lay(here, under, style.cling if k < joints - 1 else 0, 1.2 * step[:, 0])
        points[:, k] = here
    return points


def _combing(style: Hairstyle, at: Floats, outward: Floats) -> Floats:
    """Unit tangents: which way the comb drew the hair at points (n, 3)."""
    want: Floats
    if style.flow == "back":
        want = np.tile(np.array([0, 0.10, -1], np.float32), (len(at), 1))
    elif style.flow == "tied":
        want = _TIE - at
    elif style.flow == "part":
        side = np.tanh((at[:, 0] - style.parting) / 0.03)
        # In front the comb goes up and back, so that hair does not fall over the forehead.
        front = np.clip((at[:, 2] - 0.7) / 0.5, 0, 1)
        want = np.stack([side, 0.42 * front - 0.15, -0.25 - 0.6 * front], axis=1)
        low = np.clip((7.9 - at[:, 1]) / 0.4, 0, 1)[:, None]
        want = want * (1 - low) + np.array([0, -1, -0.15]) * low
    else:
        want = at - _WHORL
    want = want.astype(np.float32)
    want = want - outward * np.einsum("ij,ij->i", want, outward)[:, None]
    return unit(want)


def _gather(points: Floats, leader: np.ndarray, clump: float, rng: np.random.Generator) -> Floats:
    along = np.linspace(0, 1, points.shape[1], dtype=np.float32)[None, :, None]
    stray = rng.uniform(0.4, 1.0, (len(points), 1, 1)).astype(np.float32)
    share = clump * stray * along**1.3
    # A lock keeps the offsets between its roots, so that it does not shrink to a point.
    led = points[leader] + 0.35 * (points[:, :1] - points[leader][:, :1])
    return np.asarray(points * (1 - share) + led * share, np.float32)


def _curl(
    points: Floats, scalp: Scalp, style: Hairstyle, leader: np.ndarray, length: Floats,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    count, joints, _ = points.shape
    start = rng.uniform(0, 2 * np.pi, (count,))[leader]
    start = start + rng.normal(0, 0.35, (count,))
    pitch = rng.uniform(0.8, 1.25, (count,))[leader] * style.pitch
    along = np.linspace(0, 1, joints)[None]
    angle = start[:, None] + 2 * np.pi * along * (length / pitch)[:, None]
    radius = np.clip(along * 2.5, 0, 1) * style.curl
    outward = scalp.outward(points)
    heading = unit(np.gradient(points, axis=1).reshape(-1, 3)).reshape(points.shape)
    across = np.cross(heading, outward)
    swing = outward * (np.cos(angle) * 0.6)[:, :, None] + across * np.sin(angle)[:, :, None]
    return np.asarray(points + swing * radius[:, :, None], np.float32)


def _clear_face(points: Floats, style: Hairstyle) -> None:
    """Keep hanging hair beside the face, not before it (in place)."""
    height = points[:, :, 1]
    front = (points[:, :, 2] > 0.55) & (height < 7.85)
    edge = style.curtain + 0.10 * np.clip((height - 7.3) / 0.5, -1, 0.4)
    side = np.where(points[:, :1, 0] >= style.parting, 1.0, -1.0)
    inward = front & (points[:, :, 0] * side < edge)
    points[:, :, 0] = np.where(inward, side * edge, points[:, :, 0])
