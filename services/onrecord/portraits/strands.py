"""Hair as what it is, thin strands: shaded, projected, drawn from the farthest to the nearest."""

from dataclasses import dataclass

import numpy as np

from onrecord.portraits.camera import Camera
from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Light
from onrecord.portraits.shading import unit

_TOWARDS_CAMERA = np.array([0, 0, 1], np.float32)


@dataclass(frozen=True, slots=True)
class Strands:
    """`points` (n, k, 3) from root to tip on the unposed head; `outward` (n, k, 3) unit vectors
    of the surface they form; `colour` (n, 3) linear; `exposure` (n, k) 0..1: how little other
    hair stands before them; `shine` a factor on highlights; `opacity` 0..1, for hairs finer than
    the grid."""

    points: Floats
    outward: Floats
    colour: Floats
    exposure: Floats
    shine: float
    opacity: float = 1.0


def draw_strands(
    frame: Floats, depth: Floats, camera: Camera, strands: Strands, light: Light, bias: float
) -> None:
    """Draw into `frame` (pixels, 3) and `depth` (pixels) where nothing nearer stands.

    `bias` (dm) lets strands pass that lie just under a surface, as roots do.
    """
    if len(strands.points) == 0:
        return
    posed = camera.pose(strands.points)
    xy, far = camera.project(posed)
    colour = _shade(posed, camera.turn_directions(strands.outward), strands, light)
    start, reach = xy[:, :-1].reshape(-1, 2), np.diff(xy, axis=1).reshape(-1, 2)
    start_far, reach_far = far[:, :-1].ravel(), np.diff(far, axis=1).ravel()
    segment_colour = (0.5 * (colour[:, :-1] + colour[:, 1:])).reshape(-1, 3)
    width, height = camera.size
    inside = (start[:, 0] > -4) & (start[:, 0] < width + 4)
    inside &= (start[:, 1] > -4) & (start[:, 1] < height + 4)
    order = np.flatnonzero(inside)
    order = order[np.argsort(-start_far[order], kind="stable")]
    start, reach = start[order], reach[order]
    longest = np.abs(reach).max(axis=1)
    count = max(1, int(np.ceil(np.quantile(longest, 0.95)))) if len(longest) else 1
    steps = (np.arange(count, dtype=np.float32) + 0.5) / count
    x = (start[:, 0:1] + reach[:, 0:1] * steps + 0.5).astype(np.int32)
    y = (start[:, 1:2] + reach[:, 1:2] * steps + 0.5).astype(np.int32)
    z = (start_far[order, None] + reach_far[order, None] * steps).astype(np.float32)
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    pixel = np.where(within, y * width + x, 0)
    drawn = np.flatnonzero((within & (z < depth[pixel] + bias)).ravel())
    target = pixel.ravel()[drawn]
    over = segment_colour[order[drawn // count]]
    if strands.opacity < 1:
        over = frame[target] * (1 - strands.opacity) + over * strands.opacity
    # Where several strands meet, numpy keeps the last written: the nearest.
    frame[target] = over
    depth[target] = np.minimum(depth[target], z.ravel()[drawn])


def _shade(points: Floats, outward: Floats, strands: Strands, light: Light) -> Floats:
    """Linear RGB (n, k, 3): Kajiya and Kay's two lobes over the roundness of the whole head."""
    along = np.empty_like(points)
    along[:, :-1] = np.diff(points, axis=1)
    along[:, -1] = along[:, -2]
    shape = points.shape
    along = unit(along.reshape(-1, 3)).reshape(shape)
    direction = np.array(light.direction, np.float32)
    half = direction + _TOWARDS_CAMERA
    half /= np.linalg.norm(half)
    facing = np.clip((outward @ direction + 0.25) / 1.25, 0, 1)
    across = np.sqrt(np.clip(1 - (along @ direction) ** 2, 0, 1))
    gleam = np.clip(1 - (along @ half) ** 2, 0, 1)
    key = facing * strands.exposure
    diffuse = (key * (0.25 + 0.75 * across))[:, :, None] * np.array(light.key, np.float32)
    sky = (0.85 + 0.15 * outward[:, :, 1]) * strands.exposure
    diffuse += sky[:, :, None] * np.array(light.ambient, np.float32) * 0.9
    gleam6 = gleam**6
    gleam24 = gleam6**4
    tinted = 0.75 * gleam6 * key * strands.shine
    white = 0.075 * gleam24 * key * strands.shine
    colour = strands.colour[:, None] * (diffuse + tinted[:, :, None])
    return np.asarray(colour + white[:, :, None] * np.array(light.key, np.float32), np.float32)
