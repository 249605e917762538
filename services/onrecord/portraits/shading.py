"""Light on surfaces, in linear RGB."""

import cv2
import numpy as np

from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Light

# How far light creeps around the terminator: more red than green or blue, as in real skin.
SKIN_WRAP = (0.26, 0.11, 0.08)
_SHADOW_SHARPNESS = 14.0
_CELLS = 1024


def key_visibility(model: HeadModel, direction: Floats) -> Floats:
    """Share of a soft key light from `direction` (in the head's frame) at each vertex (V)."""
    weight = np.exp(_SHADOW_SHARPNESS * (model.directions @ direction - 1))
    near = np.argsort(-weight)[:8]
    chosen = weight[near] / weight[near].sum()
    return np.asarray(chosen.astype(np.float32) @ model.visibility[near], np.float32)


def sample_map(image: Floats, column: Floats, row: Floats) -> Floats:
    """Bilinear samples (channels, n) of a map at columns and rows (n)."""
    count = len(column)
    rows = -(-count // _CELLS)  # OpenCV takes no side longer than 32,767
    grid = np.zeros((2, rows * _CELLS), np.float32)
    grid[0, :count], grid[1, :count] = column, row
    x, y = grid.reshape(2, rows, _CELLS)
    found = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.stack([plane.ravel()[:count] for plane in cv2.split(found)])


def lean(normals: Floats, slope: Floats) -> Floats:
    """Normals (3, n) tilted by the relief's `slope` (2, n) to the right and downwards."""
    x, y, z = normals
    across = slope[0] / (np.sqrt(x * x + z * z) + np.float32(1e-3))
    return unit_planes(np.stack([x - across * z, y + slope[1], z + across * x]))


def unit(vectors: Floats) -> Floats:
    """Vectors (n, 3) at length 1."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-6)[:, None], np.float32)


def unit_planes(vectors: Floats) -> Floats:
    """Vectors (3, n) at length 1."""
    x, y, z = vectors
    return np.asarray(vectors / np.maximum(np.sqrt(x * x + y * y + z * z), 1e-6), np.float32)


def along(vectors: Floats, direction: tuple[float, float, float]) -> Floats:
    """Dot products (n) of vectors (3, n) with one direction."""
    a, b, c = (np.float32(d) for d in direction)
    return np.asarray(vectors[0] * a + vectors[1] * b + vectors[2] * c, np.float32)


def irradiance(
    normals: Floats,
    visible: Floats,
    ambient: Floats,
    light: Light,
    wrap: tuple[float, float, float],
) -> Floats:
    """What arrives (3, n): the key past its shadow, and the sky, brighter above.

    `wrap` says by channel how far light creeps around the terminator.
    """
    cosine = along(normals, light.direction)
    sky = ambient * (np.float32(0.80) + np.float32(0.20) * normals[1])
    # Light that bounces in a hollow of skin comes out redder.
    redder = sky * (np.float32(1.13) - np.float32(0.13) * sky)
    out = np.empty((3, len(cosine)), np.float32)
    for channel in range(3):
        reach = np.float32(wrap[channel])
        arriving = np.clip(cosine + reach, 0, None)
        arriving *= visible
        arriving *= np.float32(light.key[channel] / (1 + wrap[channel]))
        arriving += (sky if channel else redder) * np.float32(light.ambient[channel])
        out[channel] = arriving
    return out


def highlight(normals: Floats, visible: Floats, light: Light, gloss: float) -> Floats:
    """Two lobes of shine towards the camera, (n)."""
    half = np.array(light.direction) + np.array([0.0, 0.0, 1.0])
    x, y, z = half / np.linalg.norm(half)
    cosine = np.clip(along(normals, (x, y, z)), 0, 1)
    fourth = cosine * cosine
    fourth *= fourth
    broad = fourth * fourth
    sharp = broad * broad
    sharp *= sharp
    return np.asarray((0.035 * broad + 0.075 * sharp) * visible * np.float32(gloss), np.float32)
