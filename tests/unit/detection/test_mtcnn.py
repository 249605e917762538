"""What MTCNN's outputs mean, against windows worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.detection.core import mtcnn


def test_the_pyramid_by_hand() -> None:
    """100 x 50 and faces from 40: 12 pixels for 40; for 56.4 the height would be 10.6 pixels."""
    plain = [one for one in mtcnn.levels(100, 50) if not one.bordered]
    assert [(one.width, one.height) for one in plain] == [(30, 15)]
    assert plain[0].scale == pytest.approx(0.3)
    # Within a border of 25 on each side it is 150 x 100 and faces as large as the frame fit.
    bordered = [one for one in mtcnn.levels(100, 50) if one.bordered]
    assert [one.scale for one in bordered] == pytest.approx([0.3, 0.3 * 0.709, 0.3 * 0.709**2])
    assert [(one.width, one.height) for one in bordered] == [(45, 30), (32, 22), (23, 16)]


@given(st.integers(12, 700), st.integers(12, 700))
def test_no_level_is_smaller_than_a_window(width: int, height: int) -> None:
    for level in mtcnn.levels(width, height):
        assert min(level.width, level.height) >= mtcnn.WINDOW
        assert level.scale <= mtcnn.WINDOW / mtcnn.MINIMUM_FACE


def test_a_proposal_by_hand() -> None:
    """Row 3, column 5 at half size: the window (10, 6) to (22, 18), moved, is twice that."""
    probability = np.zeros((6, 8), np.float32)
    offsets = np.zeros((6, 8, 4), np.float32)
    probability[3, 5] = 0.75
    offsets[3, 5] = [0.25, -0.5, 0.5, 0.0]
    found = mtcnn.proposals(probability, offsets, 0.5)
    assert found.scores.tolist() == [0.75]
    np.testing.assert_allclose(found.boxes, [[26, 0, 56, 36]])


def test_weak_and_doubled_proposals_fall_away() -> None:
    probability = np.zeros((2, 9), np.float32)
    probability[0, [0, 1, 8]] = [0.7, 0.9, 0.8]  # windows at 0 and 2 share more than half
    probability[1, 4] = 0.59
    found = mtcnn.proposals(probability, np.zeros((2, 9, 4), np.float32), 1.0)
    np.testing.assert_allclose(found.boxes, [[2, 0, 14, 12], [16, 0, 28, 12]])


def test_no_image_costs_more_than_so_many_windows() -> None:
    corners = np.arange(2000.0)[:, None] * 20
    boxes = np.concatenate([corners, corners, corners + 12, corners + 12], axis=1)
    scores = np.linspace(0.6, 1.0, 2000)
    kept = mtcnn.gathered([mtcnn.Windows(boxes, scores)])
    assert len(kept.scores) == mtcnn.MOST_WINDOWS
    assert kept.scores.min() == pytest.approx(scores[-mtcnn.MOST_WINDOWS])
    assert mtcnn.gathered([]).boxes.shape == (0, 4)


def test_windows_become_squares_around_their_centre() -> None:
    np.testing.assert_allclose(
        mtcnn.squares(np.array([[10.0, 20, 30, 60], [0, 0, 9, 3]])),
        [[0, 20, 40, 60], [0, -3, 9, 6]],
    )


def test_the_second_stage_by_hand() -> None:
    """Boxes hold their last pixel: 10 to 33 are 24, an eighth of which is 3."""
    cut = np.array([[10.0, 20, 33, 43], [200, 200, 223, 223]])
    offsets = np.array([[0.125, 0, -0.125, 0.25], [0, 0, 0, 0]], np.float32)
    found = mtcnn.refined(cut, np.array([[0.8], [0.69]], np.float32), offsets)
    np.testing.assert_allclose(found.boxes, [[13, 20, 30, 49]])


def test_the_third_stage_by_hand() -> None:
    """48 pixels from (11, 21): in pixels counted from 0 the corner is (10, 20)."""
    cut = np.array([[11.0, 21, 58, 68]])
    landmarks = np.array([[0.25, 0.75, 0.5, 0.25, 0.75, 0.25, 0.25, 0.5, 0.75, 0.75]], np.float32)
    found = mtcnn.found(cut, np.ones((1, 1), np.float32), np.zeros((1, 4), np.float32), landmarks)
    np.testing.assert_allclose(found.boxes, [[10, 20, 58, 68]])
    np.testing.assert_allclose(
        found.landmarks[0], [[22, 32], [46, 32], [34, 44], [22, 56], [46, 56]]
    )


def test_a_box_within_a_box_is_the_same_face() -> None:
    cut = np.array([[1.0, 1, 100, 100], [21, 21, 80, 80], [300, 1, 399, 100]])
    scores = np.array([[0.9], [0.95], [0.85]], np.float32)
    found = mtcnn.found(cut, scores, np.zeros((3, 4), np.float32), np.zeros((3, 10), np.float32))
    assert found.scores.tolist() == pytest.approx([0.95, 0.85])
