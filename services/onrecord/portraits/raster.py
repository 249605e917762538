"""Triangles to fragments, in numpy: scan-line spans and a z-buffer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]  # float32 wherever it matters for time or bytes
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Fragments:
    """The nearest surface at every covered pixel.

    `pixel` (n) indexes the flattened image, `triangle` (n) the triangles given, `weights` (3, n)
    are barycentric (affine in screen space), `depth` is the whole z-buffer (height * width), +inf
    where nothing is.
    """

    pixel: Ints
    triangle: Ints
    weights: Floats
    depth: Floats

    def interpolate(self, triangles: Ints, attributes: Floats) -> Floats:
        """Vertex attributes (k, V) at the fragments: (k, n), a plane each, which is what is
        quick to reckon with."""
        a, b, c = (triangles[self.triangle, k].astype(np.intp) for k in range(3))
        wa, wb, wc = self.weights
        out = np.empty((len(attributes), len(a)), np.float32)
        for plane, values in zip(out, attributes, strict=True):
            np.multiply(values[a], wa, out=plane)
            plane += values[b] * wb
            plane += values[c] * wc
        return out


def rasterise(xy: Floats, z: Floats, triangles: Ints, width: int, height: int) -> Fragments:
    """Draw triangles (T, 3) of vertices at pixel positions `xy` (V, 2) and depth `z` (V).

    Pixel centres are at integers; y grows downwards; smaller z is nearer; triangles that run
    anticlockwise as seen (in a y-up sense) are front faces, the others are culled.
    """
    a, b, c = (xy[triangles[:, k]].astype(np.float32) for k in range(3))
    twice_area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (
        c[:, 0] - a[:, 0]
    )
    top = np.ceil(np.minimum(np.minimum(a[:, 1], b[:, 1]), c[:, 1]))
    bottom = np.floor(np.maximum(np.maximum(a[:, 1], b[:, 1]), c[:, 1]))
    np.clip(top, 0, None, out=top)
    np.clip(bottom, None, height - 1, out=bottom)
    kept = np.flatnonzero((twice_area < -1e-6) & (bottom >= top)).astype(np.int32)
    a, b, c, twice_area = a[kept], b[kept], c[kept], twice_area[kept]

    rows = (bottom[kept] - top[kept] + 1).astype(np.int64)
    owner = np.repeat(np.arange(len(kept), dtype=np.int32), rows)
    first = np.cumsum(rows) - rows
    y = (np.arange(len(owner)) - first[owner] + top[kept][owner]).astype(np.float32)
    low = np.full(len(owner), 0.0, np.float32)
    high = np.full(len(owner), width - 1.0, np.float32)
    for p, q in ((a, b), (b, c), (c, a)):
        _clip_spans(p, q, owner, y, low, high)
    start = np.ceil(low)
    count = np.maximum(np.floor(high) - start + 1, 0).astype(np.int64)

    inverse = 1.0 / twice_area
    za, zb, zc = (z[triangles[kept, k]] for k in range(3))
    slope_x = ((zb - za) * (c[:, 1] - a[:, 1]) - (zc - za) * (b[:, 1] - a[:, 1])) * inverse
    slope_y = ((zc - za) * (b[:, 0] - a[:, 0]) - (zb - za) * (c[:, 0] - a[:, 0])) * inverse
    offset = za - slope_x * a[:, 0] - slope_y * a[:, 1]
    row_depth = offset[owner] + slope_y[owner] * y + slope_x[owner] * start

    span = np.repeat(np.arange(len(owner), dtype=np.int32), count)
    step = (np.arange(len(span)) - (np.cumsum(count) - count)[span]).astype(np.float32)
    row_pixel = (y * width + start).astype(np.int32)
    pixel = row_pixel[span] + step.astype(np.int32)
    depth = (row_depth[span] + slope_x[owner][span] * step).astype(np.float32)
    buffer = np.full(width * height, np.inf, np.float32)
    np.minimum.at(buffer, pixel, depth)
    # Of coplanar fragments the last one drawn stays, so that each pixel has one owner.
    holder = np.full(width * height, -1, np.int32)
    nearest = np.flatnonzero(depth <= buffer[pixel])
    holder[pixel[nearest]] = nearest
    seen = np.flatnonzero(holder >= 0).astype(np.int32)
    winner = holder[seen]

    drawn = owner[span[winner]]
    x_seen = (seen % width).astype(np.float32)
    y_seen = (seen // width).astype(np.float32)
    ax, ay = a[drawn, 0], a[drawn, 1]
    bx, by, cx, cy = b[drawn, 0] - ax, b[drawn, 1] - ay, c[drawn, 0] - ax, c[drawn, 1] - ay
    x_seen -= ax
    y_seen -= ay
    weights = np.empty((3, len(seen)), np.float32)
    weights[1] = (x_seen * cy - y_seen * cx) * inverse[drawn]
    weights[2] = (bx * y_seen - by * x_seen) * inverse[drawn]
    weights[0] = 1.0 - weights[1] - weights[2]
    return Fragments(seen, kept[drawn], weights, buffer)


def _clip_spans(p: Floats, q: Floats, owner: Ints, y: Floats, low: Floats, high: Floats) -> None:
    """Cut each row's span by the half-plane of the edge p to q (in place)."""
    rise = q[:, 1] - p[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (q[:, 0] - p[:, 0]) / rise
    slope = np.where(rise == 0, np.float32(0), slope)
    crossing = p[owner, 0] + (y - p[owner, 1]) * slope[owner]
    np.maximum(low, crossing, out=low, where=(rise > 0)[owner])
    np.minimum(high, crossing, out=high, where=(rise < 0)[owner])
