"""Which directions of light reach each vertex, baked once with depth maps of the base head."""

import cv2
import numpy as np

from onrecord.portraits.raster import Floats, Ints, rasterise

_COUNT = 96
_SIZE = 320
_BIAS = 0.03  # dm; below it a surface would shadow itself
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def sphere_directions(count: int) -> Floats:
    """`count` unit vectors spread evenly over the sphere (Fibonacci lattice), (count, 3)."""
    k = np.arange(count)
    y = 1 - 2 * (k + 0.5) / count
    ring = np.sqrt(1 - y * y)
    angle = k * _GOLDEN_ANGLE
    return np.stack([np.sin(angle) * ring, y, np.cos(angle) * ring], axis=1).astype(np.float32)


def frame_towards(direction: Floats) -> Floats:
    """Rotation (3, 3) whose rows are right, up and `direction`."""
    up = np.array([0, 1, 0], np.float32)
    if abs(float(direction[1])) > 0.95:
        up = np.array([0, 0, 1], np.float32)
    right = np.cross(up, direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction]).astype(np.float32)


def vertex_normals(positions: Floats, triangles: Ints) -> Floats:
    """Unit normals (V, 3), faces weighted by area; zero vectors stay zero."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.empty_like(positions)
    for axis in range(3):
        total[:, axis] = np.bincount(
            triangles.T.ravel(), np.tile(face[:, axis], 3), minlength=len(positions)
        )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.maximum(length, 1e-12), np.float32)


def bake_visibility(base: Floats, triangles: Ints) -> tuple[Floats, Floats, Floats]:
    """Directions (D, 3), visibility (D, V) in 0..1 and the cosine-weighted mean of it (V)."""
    directions = sphere_directions(_COUNT)
    normals = vertex_normals(base, triangles)
    seen = np.empty((_COUNT, len(base)), np.float32)
    for k, direction in enumerate(directions):
        turned = (base + normals * 0.012) @ frame_towards(direction).T
        low, high = turned[:, :2].min(axis=0), turned[:, :2].max(axis=0)
        scale = (_SIZE - 8) / float((high - low).max())
        xy = (turned[:, :2] - low) * scale + 4
        xy[:, 1] = _SIZE - 1 - xy[:, 1]
        depth = rasterise(xy, -turned[:, 2], triangles, _SIZE, _SIZE).depth.reshape(_SIZE, _SIZE)
        seen[k] = _share_lit(depth, xy, -turned[:, 2])
    cosine = np.clip(directions @ normals.T, 0, None)
    ambient = (seen * cosine).sum(axis=0) / np.maximum(cosine.sum(axis=0), 1e-6)
    return directions, seen, ambient.astype(np.float32)


def _share_lit(depth: Floats, xy: Floats, z: Floats) -> Floats:
    """Percentage-closer filtering: the share of nearby depth samples that do not stand before z."""
    lit: Floats = np.zeros(len(z), np.float32)
    for dx in (-1.5, 0, 1.5):
        for dy in (-1.5, 0, 1.5):
            near = cv2.remap(
                np.where(np.isfinite(depth), depth, 1e3).astype(np.float32),
                (xy[:, 0] + dx).reshape(1, -1), (xy[:, 1] + dy).reshape(1, -1),
                cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=1e3,
            ).ravel()  # fmt: skip
            lit += near > z - _BIAS
    return np.asarray(lit / 9, np.float32)
