"""Alignment against cases worked out by hand, and the law that holds for all."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onrecord.contracts.images import Pixels
from onrecord.detection.adapters.resampling import resize, warp
from onrecord.detection.core.alignment import apply, scale_of, similarity_transform
from onrecord.detection.core.faces import Floats
from onrecord.detection.core.turning import turned_back
from tests.unit.detection.numbers import faces

TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def test_a_shift() -> None:
    matrix = similarity_transform(TRIANGLE, TRIANGLE + np.array([3, 4]))
    np.testing.assert_allclose(matrix, [[1, 0, 3], [0, 1, 4]], atol=1e-12)


def test_a_quarter_turn_twice_as_large() -> None:
    """(x, y) becomes (-2y, 2x): the right of the image turns to its bottom."""
    target = np.array([[0.0, 0.0], [0.0, 2.0], [-2.0, 0.0]])
    matrix = similarity_transform(TRIANGLE, target)
    np.testing.assert_allclose(matrix, [[0, -2, 0], [2, 0, 0]], atol=1e-12)
    assert scale_of(matrix) == pytest.approx(2.0)


def test_least_squares_between_two_points() -> None:
    """Points at -1 and 1 that belong at -2 and 3: scale 2.5 about the middle, shifted by .5."""
    source = np.array([[-1.0, 0.0], [1.0, 0.0]])
    matrix = similarity_transform(source, np.array([[-2.0, 0.0], [3.0, 0.0]]))
    np.testing.assert_allclose(matrix, [[2.5, 0, 0.5], [0, 2.5, 0]], atol=1e-12)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = np.array([[0.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [-1.0, 2.0]])
    matrix = similarity_transform(np.abs(mirrored), mirrored)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_without_an_orientation() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity_transform(np.ones((5, 2)), np.zeros((5, 2)))
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="mirror"):
        similarity_transform(square, square[:, ::-1])


angles = st.floats(-np.pi, np.pi)
offsets = st.floats(-500, 500)


def nearest_by_decomposition(source: Floats, target: Floats) -> Floats:
    """Umeyama's way for any number of dimensions."""
    centred, wanted = source - source.mean(axis=0), target - target.mean(axis=0)
    left, singular, right = np.linalg.svd(wanted.T @ centred)
    signs = np.array([1.0, 1.0 if np.linalg.det(left) * np.linalg.det(right) > 0 else -1.0])
    turned = (left * signs) @ right * float(singular @ signs) / float((centred**2).sum())
    shift = target.mean(axis=0) - turned @ source.mean(axis=0)
    return np.concatenate([turned, shift[:, None]], axis=1)


@given(st.integers(0, 2**32 - 1), st.integers(3, 8))
def test_the_nearest_similarity_is_umeyamas(seed: int, count: int) -> None:
    """R-33: points that no similarity takes into each other exactly, mirrored ones among them."""
    source, target = np.random.default_rng(seed).normal(50.0, 20.0, (2, count, 2))
    np.testing.assert_allclose(
        similarity_transform(source, target),
        nearest_by_decomposition(source, target),
        rtol=1e-6,
        atol=1e-6,
    )


@given(angles, st.floats(0.05, 20), offsets, offsets)
def test_any_similarity_is_found_again(turn: float, scale: float, x: float, y: float) -> None:
    """R-33: whatever turn, size and place; exactly, since five points determine it."""
    face = np.array([[30.0, 40.0], [70.0, 42.0], [50.0, 60.0], [35.0, 80.0], [66.0, 81.0]])
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    there = np.array([[cos, -sin, x], [sin, cos, y]])
    found = similarity_transform(face, apply(there, face))
    np.testing.assert_allclose(found, there, atol=1e-6)


def gradient() -> Pixels:
    down, across = np.mgrid[:200, :300]
    return np.stack([across * 0.8, down, (across + down) * 0.5], axis=2).astype(np.uint8)


def shifted(x: float, y: float, scale: float = 1.0) -> Floats:
    return np.array([[scale, 0.0, x], [0.0, scale, y]])


def test_a_crop_of_whole_pixels_is_a_cut() -> None:
    got = warp(gradient(), shifted(-120, -50), 64, 48)
    np.testing.assert_array_equal(got, gradient()[50:98, 120:184])


def test_beyond_the_frame_is_black() -> None:
    got = warp(gradient(), shifted(10, 20), 64, 48)
    assert (got[:20] == 0).all() and (got[:, :10] == 0).all()
    np.testing.assert_array_equal(got[20:, 10:], gradient()[:28, :54])
    assert (warp(gradient(), shifted(-5000, 0), 8, 8) == 0).all()


@pytest.mark.parametrize("scale", [0.3, 0.24, 0.13])
def test_shrinking_averages_and_shifts_nothing(scale: float) -> None:
    """On a ramp an average is its middle: any shift by half a pixel would show as a grey level."""
    got = warp(gradient(), shifted(0, 0, scale), 24, 16).astype(float)
    across = np.arange(24) / scale * 0.8
    # Truncation of the ramp to whole grey levels takes away half a level on the average.
    assert np.abs(got[4:12, 2:20, 0] + 0.5 - across[2:20]).max() < 1.5
    stripes = np.zeros((200, 300, 3), np.uint8)
    stripes[:, ::2] = 200
    fine = warp(stripes, shifted(0, 0, scale), 24, 16)
    assert np.abs(fine[2:14, 2:22].astype(int) - 100).max() < 30


def test_resizing_averages() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[::2, ::2] = 240
    assert (resize(pixels, 4, 4) == 60).all()


@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 59), st.integers(1, 70))
@example(60, 2, 30, 1)
@example(59, 2, 30, 1)
def test_averaging_gives_the_bytes_that_averaging_bytes_gives(
    wide: int, high: int, width: int, height: int
) -> None:
    """The way by floats is a quicker one and nothing else: crops are signed by their hash."""
    width = min(width, wide - 1)
    pixels = np.random.default_rng(wide * high).integers(0, 256, (high, wide, 3), dtype=np.uint8)
    wanted = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(resize(pixels, width, height), wanted)


def test_a_large_picture_is_averaged_to_the_same_bytes() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (1200, 1300, 3), dtype=np.uint8)
    wanted = cv2.resize(pixels, (700, 640), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(resize(pixels, 700, 640), wanted)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_coordinates_come_back(turns: int) -> None:
    """A pixel marked in an image is found in the turned image and placed where it was."""
    pixels = np.zeros((40, 60), np.uint8)
    pixels[10, 25] = 1
    row, column = np.argwhere(np.rot90(pixels, turns))[0]
    # The middle of a pixel, as an edge belongs to two.
    point = np.array([column + 0.5, row + 0.5])
    seen = faces([[*(point - 3), *(point + 3)]], landmarks=[[point] * 5])
    back = turned_back(seen, turns, width=60, height=40)
    np.testing.assert_allclose(back.landmarks[0], [[25.5, 10.5]] * 5)
    np.testing.assert_allclose(back.boxes[0], [22.5, 7.5, 28.5, 13.5])
