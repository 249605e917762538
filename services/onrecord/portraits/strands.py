"""Hair as what it is, thin strands: shaded, projected, drawn from the farthest to the nearest."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from onrecord.portraits.camera import Camera
from onrecord.portraits.raster import Floats
from onrecord.portraits.scene import Light
from onrecord.portraits.shading import unit

_LAYERS = 5
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
    inside = (start[:, 0] >= 0) & (start[:, 0] < camera.size[0] - 0.5)
    inside &= (start[:, 1] >= 0) & (start[:, 1] < camera.size[1] - 0.5)
    order = np.flatnonzero(inside)
    order = order[np.argsort(start_far[order], kind="stable")]
    near = _Segments(
        start[order], reach[order], start_far[order], reach_far[order], segment_colour[order]
    )
    # Nearest first, so that most of what lies beneath is dropped before it costs anything.
    layers = 1 if len(order) < 4000 else _LAYERS
    for first, last in pairwise(np.linspace(0, len(order), layers + 1).astype(int)):
        layer = near.take(slice(first, last))
        free = layer.free(depth.reshape(camera.size[1], camera.size[0]), bias)
        shown = layer.take(np.flatnonzero(free)[::-1])
        _draw_segments(frame, depth, camera.size, shown, bias, strands.opacity)


@dataclass(frozen=True, slots=True)
class _Segments:
    """Straight pieces on the grid: where they start, how far they go, and that in depth."""

    start: Floats
    reach: Floats
    far: Floats
    farther: Floats
    colour: Floats

    def take(self, which: slice | npt.NDArray[np.intp]) -> "_Segments":
        return _Segments(
            self.start[which], self.reach[which], self.far[which], self.farther[which],
            self.colour[which],
        )  # fmt: skip

    def free(self, depth: Floats, bias: float) -> npt.NDArray[np.bool_]:
        """Which of them have an end or their middle before what was drawn."""
        out = np.zeros(len(self.start), np.bool_)
        high, wide = depth.shape
        for share in (np.float32(0), np.float32(0.5), np.float32(1)):
            x = (self.start[:, 0] + (share * self.reach[:, 0] + np.float32(0.5))).astype(np.intp)
            y = (self.start[:, 1] + (share * self.reach[:, 1] + np.float32(0.5))).astype(np.intp)
            np.clip(x, 0, wide - 1, out=x)
            np.clip(y, 0, high - 1, out=y)
            out |= self.far + share * self.farther < depth[y, x] + bias
        return out


def _draw_segments(
    frame: Floats, depth: Floats, size: tuple[int, int], drawn: _Segments, bias: float,
    opacity: float,
) -> None:  # fmt: skip
    if len(drawn.start) == 0:
        return
    width, height = size
    longest = np.abs(drawn.reach).max(axis=1)
    count = max(1, int(np.ceil(np.quantile(longest, 0.9))))
    steps = ((np.arange(count, dtype=np.float32) + 0.5) / count)[None]
    x = (drawn.start[:, 0:1] + (drawn.reach[:, 0:1] * steps + np.float32(0.5))).astype(np.int32)
    y = (drawn.start[:, 1:2] + (drawn.reach[:, 1:2] * steps + np.float32(0.5))).astype(np.int32)
    z = (drawn.far[:, None] + drawn.farther[:, None] * steps).ravel()
    pixel = (y * width + x).ravel()
    within = ((x >= 0) & (x < width) & (y >= 0) & (y < height)).ravel()
    pixel[~within] = 0
    passed = np.flatnonzero(within & (z < depth[pixel] + bias))
    target = pixel[passed]
    over = drawn.colour[passed // count]
    if opacity < 1:
        over = frame[target] * (1 - opacity) + over * opacity
    # Where several strands meet, numpy keeps the last written: the nearest.
    frame[target] = over
    depth[target] = np.minimum(depth[target], z[passed])


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
