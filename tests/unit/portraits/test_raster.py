"""The rasteriser against cases worked by hand."""

import numpy as np
import pytest

from onrecord.portraits.raster import Fragments, Ints, rasterise

FACING: Ints = np.array([[0, 1, 2]], np.int32)


def draw(points: list[tuple[float, float]], z: list[float], triangles: Ints = FACING) -> Fragments:
    return rasterise(np.array(points, np.float32), np.array(z, np.float32), triangles, 8, 6)


def test_a_right_triangle_covers_the_pixels_inside_it() -> None:
    # Anticlockwise in a world whose y grows upwards: down the left side, then to the right.
    found = draw([(1, 1), (1, 4), (4, 4)], [1, 1, 1])
    covered = sorted((int(p) // 8, int(p) % 8) for p in found.pixel)
    assert covered == [(y, x) for y in range(1, 5) for x in range(1, y + 1)]


def test_back_faces_are_culled() -> None:
    assert len(draw([(1, 1), (4, 4), (1, 4)], [1, 1, 1]).pixel) == 0


def test_what_lies_outside_the_image_is_cut_off() -> None:
    found = draw([(-20, -20), (-20, 40), (40, 40)], [1, 1, 1])
    assert int(found.pixel.max()) < 48 and len(np.unique(found.pixel)) == len(found.pixel)
    assert set(found.pixel.tolist()) == {y * 8 + x for y in range(6) for x in range(8) if x <= y}


def test_the_nearer_triangle_is_seen() -> None:
    triangles: Ints = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    points = [(0.0, 0.0), (0.0, 5.0), (5.0, 5.0)] * 2
    found = draw(points, [2, 2, 2, 1, 1, 1], triangles)
    assert set(found.triangle.tolist()) == {1}
    assert float(found.depth[found.pixel].max()) == 1.0
    assert np.isinf(found.depth[5])


def test_attributes_and_depth_are_linear_across_a_triangle() -> None:
    points = [(0.0, 0.0), (0.0, 5.0), (5.0, 5.0)]
    found = draw(points, [0 * 1.0, 5 * 2.0, 5 * 3.0])  # z = x + 2 y
    x, y = found.pixel % 8, found.pixel // 8
    assert found.depth[found.pixel] == pytest.approx(x + 2 * y, abs=1e-4)
    plane = np.array([[p[0] for p in points], [p[1] for p in points]], np.float32)
    at = found.interpolate(FACING, plane)
    assert at[0] == pytest.approx(x, abs=1e-4)
    assert at[1] == pytest.approx(y, abs=1e-4)
