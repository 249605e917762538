"""The real detectors against the truth that comes with the photographs (R-33)."""

import json
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from onrecord.contracts.images import Pixels
from onrecord.detection.adapters.any_way_up import AnyWayUp
from onrecord.detection.adapters.mtcnn import MtcnnDetector
from onrecord.detection.adapters.yunet import YuNetDetector
from onrecord.detection.core.faces import Faces
from onrecord.detection.ports import FaceDetector
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.faces import photograph, pixels_of, upright_face
from tests.builders.models import reference_models, registry_models


@cache
def yunet() -> YuNetDetector:
    return YuNetDetector(reference_models().session("yunet"))


@cache
def mtcnn() -> FaceDetector:
    models = registry_models()
    return MtcnnDetector(*(models.session(f"mtcnn-{stage}") for stage in ("pnet", "rnet", "onet")))


BOTH = pytest.mark.parametrize("build", [yunet, mtcnn])
Build = Callable[[], FaceDetector]


def find(detector: FaceDetector, pixels: Pixels) -> Faces:
    return detector.find(pixels, Deadline.after(60))


@BOTH
def test_every_face_of_a_crowd_once(build: Build) -> None:
    """Each nose of the truth is one face's, and no face is nobody's: 0, 2, 3, 4, 4, 5, 6, 8."""
    noses = json.loads(photograph("groups", "noses.json"))["faces"]
    names = ["017_0.jpg", *sorted(noses)]
    for name in names:
        found = find(build(), pixels_of(photograph("groups", name)))
        wanted = np.array(noses.get(name, [])).reshape(-1, 2)
        assert len(found) == len(wanted) == int(name[4]), name
        for nose in wanted:
            near = np.linalg.norm(found.landmarks[:, 2] - nose, axis=1) < 0.35 * found.widths
            assert near.sum() == 1, (name, nose)


@BOTH
def test_landmarks_are_in_their_order(build: Build) -> None:
    """Right eye on the left of the image, eyes above the nose, the nose above the mouth."""
    found = find(build(), upright_face())
    assert len(found) == 1
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks[0]
    assert right_eye[0] < nose[0] < left_eye[0] and right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    x1, y1, x2, y2 = found.boxes[0]
    assert x1 < nose[0] < x2 and y1 < nose[1] < y2


@BOTH
def test_a_face_that_fills_the_frame_is_found(build: Build) -> None:
    """R-33: the same face, cut to its box, is where it was."""
    whole = find(build(), upright_face())
    x1, y1, x2, y2 = whole.boxes[0].round().astype(int)
    tight = find(build(), upright_face()[y1:y2, x1:x2])
    assert len(tight) == 1
    apart = np.linalg.norm(tight.landmarks[0] + (x1, y1) - whole.landmarks[0], axis=1)
    assert apart.max() < 0.15 * whole.widths[0]


@BOTH
@pytest.mark.parametrize("name", ["r0.jpg", "r90.jpg", "r180.jpg", "r270.jpg"])
def test_a_face_any_way_up_has_its_landmarks_where_they_belong(build: Build, name: str) -> None:
    """Photographs that lie on their side carry no tag; the truth is the upright one, turned."""
    upright = find(build(), pixels_of(photograph("quality", "r0.jpg"))).landmarks[0]
    turned = pixels_of(photograph("quality", name))
    found = find(AnyWayUp(build(), sure=0.9), turned)
    assert len(found) == 1
    height, width, _ = turned.shape
    x, y = upright.T
    truth = {
        "r0.jpg": (x, y),
        "r90.jpg": (width - y, x),
        "r180.jpg": (width - x, height - y),
        "r270.jpg": (y, height - x),
    }[name]
    apart = np.linalg.norm(found.landmarks[0] - np.stack(truth, axis=1), axis=1)
    assert apart.max() < 0.1 * np.linalg.norm(upright[0] - upright[1])


@BOTH
def test_what_is_no_face(build: Build) -> None:
    detector = AnyWayUp(build(), sure=0.9)
    assert len(find(detector, pixels_of(photograph("quality", "no_face.png")))) == 0
    noise = np.random.default_rng(3).integers(0, 256, (300, 400, 3), np.uint8)
    for pixels in (np.zeros((64, 48, 3), np.uint8), noise):
        assert len(find(detector, pixels)) == 0


@BOTH
def test_extreme_shapes_are_looked_at_like_any_other(build: Build) -> None:
    for height, width in ((48, 3000), (3000, 48), (50, 50)):
        assert len(find(build(), np.full((height, width, 3), 90, np.uint8))) == 0


@BOTH
def test_a_larger_picture_has_the_same_face_larger(build: Build) -> None:
    small = find(build(), upright_face())
    large = find(build(), np.kron(upright_face(), np.ones((3, 3, 1), np.uint8)))
    assert len(large) == 1
    apart = np.linalg.norm(large.landmarks[0] / 3 - small.landmarks[0], axis=1)
    assert apart.max() < 0.1 * small.widths[0]


@BOTH
def test_a_deadline_is_kept_between_passes(build: Build) -> None:
    now = iter(range(100))
    deadline = Deadline(at=0.5, monotonic=lambda: float(next(now)))
    with pytest.raises(OnRecordError) as caught:
        build().find(upright_face(), deadline)
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED


def test_two_unsure_looks_do_not_turn_a_sure_face() -> None:
    """A turned image is asked for only where the first look was unsure."""
    asked = []

    class Counting:
        family, model_id = "counting", "counting"

        def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
            asked.append(pixels.shape)
            return yunet().find(pixels, deadline)

    assert len(find(AnyWayUp(Counting(), sure=0.9), upright_face())) == 1
    assert len(asked) == 1
    find(AnyWayUp(Counting(), sure=1.1), upright_face())
    assert len(asked) == 5


class _Glancing:
    """YuNet, and how often it was asked for a whole look and for a glance."""

    family, model_id = "counting", "counting"

    def __init__(self) -> None:
        self.whole, self.glances = 0, 0

    def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
        self.whole += 1
        return yunet().find(pixels, deadline)

    def glance(self, pixels: Pixels, deadline: Deadline) -> Faces:
        self.glances += 1
        return yunet().glance(pixels, deadline)


@pytest.mark.parametrize("name", ["r0.jpg", "r90.jpg", "r180.jpg", "r270.jpg"])
def test_a_glance_finds_the_same_way_up(name: str) -> None:
    """R-33: what is found with glances is what is found by looking at every turn whole."""
    pixels = pixels_of(photograph("quality", name))
    detector = _Glancing()
    glanced = find(AnyWayUp(detector, sure=0.9, glance=detector.glance), pixels)
    whole = find(AnyWayUp(yunet(), sure=0.9), pixels)
    assert np.array_equal(glanced.landmarks, whole.landmarks)
    assert detector.whole <= 3


def test_an_unsure_face_costs_glances_and_no_whole_looks() -> None:
    """A portrait that is upright and a little unsure is not looked at four times."""
    detector = _Glancing()
    find(AnyWayUp(detector, sure=1.1, glance=detector.glance), upright_face())
    assert (detector.whole, detector.glances) == (1, 3)


def test_a_face_too_small_for_a_glance_is_looked_for_whole() -> None:
    """R-33: a small face in a large picture that lies on its side is found as before."""
    face = upright_face()
    height, width, _ = face.shape
    around = np.full((height * 12, width * 12, 3), 120, np.uint8)
    around[height : 2 * height, width : 2 * width] = face
    pixels = np.ascontiguousarray(np.rot90(around))
    detector = _Glancing()
    glanced = find(AnyWayUp(detector, sure=0.9, glance=detector.glance), pixels)
    whole = find(AnyWayUp(yunet(), sure=0.9), pixels)
    assert detector.whole == 4
    assert np.array_equal(glanced.landmarks, whole.landmarks)
