"""What YuNet's outputs mean, against cells worked out by hand; where its passes look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from onrecord.detection.core import yunet
from onrecord.detection.core.faces import joined
from onrecord.detection.core.suppression import Overlap, distinct, overlaps, suppress
from tests.unit.detection.numbers import faces

WIDTH, HEIGHT = 96, 64


def outputs() -> dict[str, NDArray[np.float32]]:
    """A canvas of 96 x 64 in which nothing is seen."""
    made = {}
    for stride in yunet.STRIDES:
        cells = (WIDTH // stride) * (HEIGHT // stride)
        for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            made[f"{name}_{stride}"] = np.zeros((1, cells, width), np.float32)
    return made


def test_one_cell_by_hand() -> None:
    """Stride 16, row 2, column 3 of 6: cell 15, whose corner is at (48, 32)."""
    seen = outputs()
    seen["cls_16"][0, 15], seen["obj_16"][0, 15] = 0.9, 0.64
    seen["bbox_16"][0, 15] = [0.5, -0.25, np.log(2), np.log(3)]
    seen["kps_16"][0, 15] = [-0.5, -0.5, 0.5, -0.5, 0, 0, -0.25, 1, 0.25, 1]
    found = yunet.decode(seen, WIDTH)
    assert len(found) == 1
    assert found.scores[0] == pytest.approx(np.sqrt(0.9 * 0.64))
    # Centre (3.5, 1.75) x 16 = (56, 28); 32 wide, 48 high.
    np.testing.assert_allclose(found.boxes[0], [40, 4, 72, 52], rtol=1e-6)
    np.testing.assert_allclose(
        found.landmarks[0], [[40, 24], [56, 24], [48, 32], [44, 48], [52, 48]]
    )


def test_scores_are_clamped_and_held_to_the_threshold() -> None:
    seen = outputs()
    seen["cls_8"][0, 5], seen["obj_8"][0, 5] = 1.5, 1.0
    seen["cls_8"][0, 90], seen["obj_8"][0, 90] = 0.7, 0.69
    found = yunet.decode(seen, WIDTH)
    assert found.scores.tolist() == [1.0]
    assert len(yunet.decode(seen, WIDTH, score=0.69)) == 2


def test_what_is_below_nothing_is_no_face() -> None:
    """Two values below nought have a product above it."""
    seen = outputs()
    seen["cls_8"][0, 5], seen["obj_8"][0, 5] = -1.0, -1.0
    assert len(yunet.decode(seen, WIDTH)) == 0


def test_a_score_at_the_threshold_is_a_face() -> None:
    seen = outputs()
    seen["cls_8"][0, 5], seen["obj_8"][0, 5] = 0.5, 0.5
    assert len(yunet.decode(seen, WIDTH, score=0.5)) == 1
    seen["obj_8"][0, 5] = 0.4999
    assert len(yunet.decode(seen, WIDTH, score=0.5)) == 0


def test_neighbouring_cells_are_one_face() -> None:
    seen = outputs()
    for cell, score in ((15, 0.8), (16, 0.95), (14, 0.9)):
        seen["cls_16"][0, cell] = seen["obj_16"][0, cell] = score
        seen["bbox_16"][0, cell, 2:] = np.log(6)
    found = yunet.decode(seen, WIDTH)
    assert found.scores.tolist() == pytest.approx([0.95])


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from(yunet.PASSES))
def test_every_image_fits_its_canvas(width: int, height: int, look: yunet.Pass) -> None:
    at = yunet.place(width, height, look)
    assert at.canvas_width % 32 == at.canvas_height % 32 == 0
    assert at.x + at.width <= at.canvas_width <= look.side + 63
    assert at.y + at.height <= at.canvas_height <= look.side + 63
    assert max(at.width, at.height) == pytest.approx(at.scale * max(width, height), abs=0.51)


def test_the_border_is_a_quarter_of_the_longer_side_on_each() -> None:
    at = yunet.place(400, 300, yunet.Pass(320, border=0.25))
    # 320 / (400 + 2 * 100) of a pixel; 100 pixels of border are 53.3.
    assert (at.x, at.y, at.width, at.height) == (53, 53, 213, 160)
    assert (at.canvas_width, at.canvas_height) == (320, 288)


def test_overlaps_by_hand() -> None:
    """Two squares of 10 that share a quarter: 25 of 175 together, 25 of 100 alone."""
    one, others = np.array([0.0, 0, 10, 10]), np.array([[5.0, 5, 15, 15], [20, 0, 30, 10]])
    np.testing.assert_allclose(overlaps(one, others, Overlap.UNION), [25 / 175, 0])
    np.testing.assert_allclose(overlaps(one, others, Overlap.SMALLER), [0.25, 0])


def test_suppression_keeps_the_best_of_each_place() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [40, 0, 50, 10], [41, 1, 51, 11]])
    kept = suppress(boxes, np.array([0.7, 0.9, 0.8, 0.6]), 0.4)
    assert kept.tolist() == [1, 2]
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.4).tolist() == []


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 4), max_size=12), st.floats(0.05, 0.95))
def test_nothing_that_is_kept_overlaps(corners: list[tuple[float, ...]], most: float) -> None:
    boxes = np.array([[x, y, x + 1 + w, y + 1 + h] for x, y, w, h in corners]).reshape(-1, 4)
    scores = np.linspace(0.9, 0.1, len(boxes))
    kept = suppress(boxes, scores, most)
    for place, index in enumerate(kept):
        rest = boxes[kept[place + 1 :]]
        assert (overlaps(boxes[index], rest, Overlap.UNION) <= most).all()
    for lost in set(range(len(boxes))) - set(kept.tolist()):
        better = [one for one in kept.tolist() if scores[one] >= scores[lost]]
        assert (overlaps(boxes[lost], boxes[better], Overlap.UNION) > most).any()


def test_an_eye_behind_glass_is_part_of_its_face() -> None:
    """Seen in LFW: a spectacle lens taken for a face, within a face and around its eye."""
    face, lens = [0, 0, 200, 260], [30, 70, 90, 140]
    assert len(distinct(faces([face, lens], [0.93, 0.8]))) == 1


def test_a_face_in_front_of_another_is_a_face() -> None:
    """A child before its mother's shoulder hides no landmark of hers."""
    mother, child = [0, 0, 200, 260], [120, 215, 190, 300]
    assert len(distinct(faces([mother, child], [0.93, 0.8]))) == 2


def test_a_smaller_surer_face_does_not_swallow_a_larger_one() -> None:
    assert len(distinct(faces([[0, 0, 200, 260], [30, 70, 90, 140]], [0.8, 0.93]))) == 2


def test_two_passes_see_one_face_once() -> None:
    first, second = faces([[10, 10, 110, 140]], [0.9]), faces([[14, 12, 118, 150]], [0.95])
    assert distinct(joined([first, second])).scores.tolist() == [0.95]
    assert len(distinct(joined([]))) == 0


def test_moving_faces_back_to_the_image() -> None:
    moved = faces([[30, 40, 50, 70]]).moved(2.0, dx=-10, dy=-20)
    np.testing.assert_allclose(moved.boxes, [[40, 40, 80, 100]])
    np.testing.assert_allclose(moved.landmarks[0, 2], [(30 + 10 - 10) * 2, (40 + 18 - 20) * 2])
