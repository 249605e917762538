"""Light on surfaces, in linear RGB."""

import cv2
import numpy as np

from onrecord.portraits.headmodel import HeadModel
from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Light

# How far light creeps around the terminator: more red than green or blue, as in real skin.
_SKIN_WRAP = np.array([0.26, 0.11, 0.08], np.float32)
_SHADOW_SHARPNESS = 14.0
_CELLS = 1024


def key_visibility(model: HeadModel, direction: Floats) -> Floats:
    """Share of a soft key light from `direction` (in the head's frame) at each vertex (V)."""
    weight = np.exp(_SHADOW_SHARPNESS * (model.directions @ direction - 1))
    near = np.argsort(-weight)[:8]
    chosen = weight[near] / weight[near].sum()
    return np.asarray(chosen.astype(np.float32) @ model.visibility[near], np.float32)


def sample_map(image: Floats, texels: Floats) -> Floats:
    """Bilinear samples (n, channels) of a map at columns and rows `texels` (n, 2)."""
    count = len(texels)
    rows = -(-count // _CELLS)
    padded = np.zeros((rows * _CELLS, 2), np.float32)
    padded[:count] = texels
    grid = padded.reshape(rows, _CELLS, 2)
    found = cv2.remap(image, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(rows * _CELLS, -1)[:count], np.float32)


def lean(normals: Floats, slope: Floats) -> Floats:
    """Normals (n, 3) tilted by the relief's `slope` (n, 2) to the right and downwards."""
    level = np.sqrt(normals[:, 0] ** 2 + normals[:, 2] ** 2) + 1e-3
    right_x, right_z = normals[:, 2] / level, -normals[:, 0] / level
    tilted = normals.copy()
    tilted[:, 0] -= slope[:, 0] * right_x
    tilted[:, 2] -= slope[:, 0] * right_z
    tilted[:, 1] += slope[:, 1]
    return unit(tilted)


def unit(vectors: Floats) -> Floats:
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-6)[:, None], np.float32)


def irradiance(
    normals: Floats, visible: Floats, ambient: Floats, light: Light, wrap: Floats | float
) -> Floats:
    """What arrives (n, 3): the key past its shadow, and the sky, brighter above."""
    cosine = normals @ np.array(light.direction, np.float32)
    wrapped = np.clip((cosine[:, None] + wrap) / (1 + np.asarray(wrap)), 0, None)
    arriving = wrapped * visible[:, None] * np.array(light.key, np.float32)
    sky = (ambient * (0.80 + 0.20 * normals[:, 1]))[:, None]
    # Light that bounces in a hollow of skin comes out redder.
    tinted = sky ** np.array([0.85, 1.0, 1.05], np.float32)
    return np.asarray(arriving + tinted * np.array(light.ambient, np.float32), np.float32)


def skin_wrap() -> Floats:
    return _SKIN_WRAP


def highlight(normals: Floats, visible: Floats, light: Light, gloss: float) -> Floats:
    """Two lobes of shine towards the camera, (n)."""
    direction = np.array(light.direction, np.float32)
    half = direction + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    cosine = np.clip(normals @ half, 0, 1)
    fourth = cosine**4
    broad = fourth * fourth
    sharp = broad**4
    return np.asarray((0.035 * broad + 0.075 * sharp) * visible * gloss, np.float32)
