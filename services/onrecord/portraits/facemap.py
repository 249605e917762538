"""The face unrolled: a map over azimuth and height of the undeformed head, to paint on.

Column and row of a texel follow the azimuth about the vertical axis through (0, z = .45) and the
height of the *base* mesh, so that what is painted at a spot stays there when a person's targets
or an expression move the skin.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from onrecord.portraits.raster import Floats, Ints, rasterise

SIZE = 512
AZIMUTH = np.radians(130)
LOW_Y, HIGH_Y = 5.6, 8.6
AXIS_Z = 0.45


@dataclass(frozen=True, slots=True)
class FaceMap:
    """Per texel: `position` (3, 512, 512) on the base mesh, `masks` (5, 512, 512) in 0..1 as in
    the head model, `triangle` (512, 512) and `weights` (512, 512, 3) to find it on a deformed one.
    """

    position: Floats
    masks: Floats
    triangle: Ints
    weights: Floats

    @property
    def azimuth(self) -> Floats:
        """Of each texel (512, 512), radians, 0 in front, positive to the person's left."""
        return np.asarray(np.arctan2(self.position[0], self.position[2] - AXIS_Z))

    def texel(self, x: Floats, y: Floats) -> Floats:
        """Columns and rows (n, 2) of spots of the face seen from the front, at `x`, `y` in dm."""
        rows = np.clip((HIGH_Y - y) / (HIGH_Y - LOW_Y) * SIZE - 0.5, 0, SIZE - 1)
        depth = np.full(len(rows), 1.4 - AXIS_Z)
        for _ in range(4):  # settles at once: the face's depth changes slowly across a row
            column = (np.arctan2(x, depth) / AZIMUTH + 1) / 2 * SIZE - 0.5
            there = np.clip(np.rint(column), 0, SIZE - 1).astype(int)
            depth = np.maximum(self.position[2, rows.astype(int), there] - AXIS_Z, 0.1)
        return np.stack([column, rows], axis=1).astype(np.float32)

    def on_surface(
        self, texels: Floats, vertices: Floats, normals: Floats, triangles: Ints
    ) -> tuple[Floats, Floats]:
        """Points and normals (n, 3) of a deformed mesh at `texels` (n, 2)."""
        column = np.clip(np.rint(texels[:, 0]), 0, SIZE - 1).astype(int)
        row = np.clip(np.rint(texels[:, 1]), 0, SIZE - 1).astype(int)
        corner = triangles[self.triangle[row, column]]
        weight = self.weights[row, column][:, :, None]
        return (vertices[corner] * weight).sum(axis=1), (normals[corner] * weight).sum(axis=1)


def map_coordinates(base: Floats) -> Floats:
    """Texel coordinates (V, 2) of points of the undeformed mesh."""
    azimuth = np.arctan2(base[:, 0], base[:, 2] - AXIS_Z)
    column = (np.clip(azimuth / AZIMUTH, -1, 1) + 1) / 2 * SIZE - 0.5
    row = (HIGH_Y - base[:, 1]) / (HIGH_Y - LOW_Y) * SIZE - 0.5
    return np.stack([column, row], axis=1).astype(np.float32)


def bake_map(base: Floats, masks: Floats, triangles: Ints) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of a `FaceMap` of the outermost skin; empty texels take their nearest one's."""
    radius = np.hypot(base[:, 0], base[:, 2] - AXIS_Z)
    azimuth = np.arctan2(base[:, 0], base[:, 2] - AXIS_Z)
    corners = azimuth[triangles]
    whole = (corners.max(axis=1) - corners.min(axis=1)) < 1.0  # not across the back
    kept = np.flatnonzero(whole).astype(np.int32)
    found = rasterise(map_coordinates(base), -radius, triangles[kept], SIZE, SIZE)
    triangle = np.full(SIZE * SIZE, -1, np.int32)
    weights = np.zeros((SIZE * SIZE, 3), np.float32)
    triangle[found.pixel] = kept[found.triangle]
    weights[found.pixel] = found.weights.T
    empty = (triangle < 0).astype(np.uint8).reshape(SIZE, SIZE)
    _, label = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(int(label.max()) + 1, np.int64)
    source[label.ravel()[found.pixel]] = found.pixel
    nearest = source[label.ravel()]
    triangle, weights = triangle[nearest], weights[nearest]
    corner = triangles[triangle]
    position = (base[corner] * weights[:, :, None]).sum(axis=1)
    mask = (masks[corner] * weights[:, :, None]).sum(axis=1)
    shape = (SIZE, SIZE)
    return {
        "map_position": position.T.reshape(3, *shape).astype(np.float32),
        "map_masks": mask.T.reshape(-1, *shape).astype(np.float32),
        "map_triangle": triangle.reshape(shape).astype(np.int32),
        "map_weights": weights.reshape(*shape, 3).astype(np.float32),
    }
