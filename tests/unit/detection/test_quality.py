"""R-34: every component against a picture or pose made for it, every gate on both sides."""

from itertools import product

import numpy as np
import pytest

from onrecord.contracts.images import Pixels
from onrecord.detection.adapters.resampling import resize, warp
from onrecord.detection.core.alignment import similarity_transform
from onrecord.detection.core.faces import Faces, Floats
from onrecord.detection.core.gates import GATES, MILLION, Gate, Sense, Use, judge
from onrecord.detection.core.pose import HEAD, pose
from onrecord.detection.core.quality import SIDE, TEMPLATE, Component, Frame, measure, sharpness
from onrecord.kernel.errors import ErrorCode
from tests.unit.detection.numbers import faces


def turned(yaw: float, pitch: float, roll: float) -> Floats:
    """The generic head's landmarks seen after Rz(roll) Rx(pitch) Ry(yaw), 60 pixels an eye
    distance."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    seen = HEAD @ (about_z @ about_x @ about_y).T
    return np.asarray(seen[:, :2] * 60 + [200, 150])


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"),
    [*product((-60.0, 0.0, 35.0), (-30.0, 0.0, 20.0), (-90.0, 0.0, 15.0)), (10.0, 5.0, 178.0)],
)
def test_a_pose_is_found_again(yaw: float, pitch: float, roll: float) -> None:
    found = pose(turned(yaw, pitch, roll))
    assert (found.yaw, found.pitch, found.roll) == pytest.approx((yaw, pitch, roll), abs=1e-6)


def test_the_signs_of_a_pose() -> None:
    """Nose to the right of the image, nose up, image-left eye higher."""
    right, up, clockwise = turned(20, 0, 0), turned(0, 20, 0), turned(0, 0, 20)
    assert right[2, 0] > turned(0, 0, 0)[2, 0]
    assert up[2, 1] < turned(0, 0, 0)[2, 1]
    assert clockwise[0, 1] < clockwise[1, 1]
    assert pose(right).yaw > 0 and pose(up).pitch > 0 and pose(clockwise).roll > 0


def picture(grey: Floats) -> Pixels:
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def chequered(low: float, high: float, cell: int = 8) -> Floats:
    down, across = np.mgrid[:SIDE, :SIDE] // cell
    return np.where((down + across) % 2 == 0, low, high).astype(float)


def frontal(eye_distance: float = 60.0, at: tuple[float, float] = (200.0, 150.0)) -> Faces:
    points = HEAD[:, :2] * eye_distance + at
    box = [*(points.min(axis=0) - eye_distance), *(points.max(axis=0) + eye_distance)]
    return faces([box], landmarks=[points])


def measured(
    aligned: Pixels | None = None, face: Faces | None = None, frame: Frame | None = None
) -> dict[Component, float]:
    shown = picture(chequered(40, 200)) if aligned is None else aligned
    return measure(face or frontal(), frame or Frame(400, 400), shown)


def test_light_by_hand() -> None:
    """Half of the face at 40, half at 200 of 255."""
    found = measured()
    assert found[Component.EXPOSURE] == pytest.approx(200 / 255)
    assert found[Component.CONTRAST] == pytest.approx(160 / 255)
    assert found[Component.OVEREXPOSURE] == found[Component.UNDEREXPOSURE] == 0
    lost = measured(picture(chequered(0, 255)))
    assert lost[Component.OVEREXPOSURE] == pytest.approx(0.5, abs=0.02)
    assert lost[Component.UNDEREXPOSURE] == pytest.approx(0.5, abs=0.02)


def test_place_by_hand() -> None:
    """Eyes 60 pixels apart: the head, 128/48 of that, is 160 high; a fifth of 800."""
    found = measured(frame=Frame(800, 800))
    assert found[Component.EYE_DISTANCE] == pytest.approx(60)
    assert found[Component.HEAD_SIZE] == pytest.approx(0.2)
    assert found[Component.CROP] == 1.0


def test_half_a_head_outside_the_image() -> None:
    for at in ((0.0, 150.0), (400.0, 150.0)):
        assert measured(face=frontal(at=at))[Component.CROP] == pytest.approx(0.5, abs=0.02)
    assert measured(face=frontal(at=(900.0, 900.0)))[Component.CROP] == 0.0


def test_sharpness_falls_with_blur_and_not_with_light() -> None:
    sharp = chequered(60, 180, cell=12)
    values = [sharpness(sharp)]
    for side in (64, 32, 11):
        small = resize(picture(sharp), side, side)
        values.append(sharpness(resize(small, SIDE, SIDE)[..., 0].astype(float)))
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0] / 2
    assert sharpness(sharp * 0.5) == pytest.approx(values[0], rel=0.02)
    assert sharpness(sharp * 0.5 + 100) == pytest.approx(values[0], rel=0.02)
    assert sharpness(np.full((SIDE, SIDE), 128.0)) == 0.0


def test_the_aligned_face_has_its_eyes_where_quality_looks() -> None:
    """A mark at each landmark of an image comes out at the template."""
    pixels = np.zeros((400, 400, 3), np.uint8)
    landmarks = np.round(turned(0, 0, 12))
    for x, y in landmarks.astype(int):
        pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
    aligned = warp(pixels, similarity_transform(landmarks, TEMPLATE), SIDE, SIDE)
    for x, y in TEMPLATE.round().astype(int):
        assert aligned[y, x, 0] > 200


def good() -> dict[Component, float]:
    """Values that pass every gate."""
    return {
        gate.component: gate.enrol * 2 if gate.sense is Sense.AT_LEAST else 0.0 for gate in GATES
    }


def test_a_good_picture_passes_with_every_measure_in_millionths() -> None:
    measures, missed = judge(good(), Use.ENROL)
    assert missed == ()
    assert [one.component for one in measures] == [gate.component.value for gate in GATES]
    assert {one.component for one in measures} == {one.value for one in Component}
    for one, gate in zip(measures, GATES, strict=True):
        assert one.passed
        assert one.gate == round(gate.enrol * MILLION)
        assert one.value == round(good()[gate.component] * MILLION)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.component.value)
@pytest.mark.parametrize("use", Use)
def test_every_gate_holds_at_its_limit_and_not_beyond(gate: Gate, use: Use) -> None:
    limit, step = gate.limit(use), 2 / MILLION
    worse = limit - step if gate.sense is Sense.AT_LEAST else limit + step
    sides = (1.0, -1.0) if gate.sense is Sense.WITHIN else (1.0,)
    for side in sides:
        _, missed = judge({**good(), gate.component: side * limit}, use)
        assert missed == ()
        measures, missed = judge({**good(), gate.component: side * worse}, use)
        assert missed == (gate,)
        assert [one.component for one in measures if not one.passed] == [gate.component.value]


def test_each_gate_has_a_reason_a_quality_code_and_is_no_wider_for_portraits() -> None:
    assert len({gate.reason for gate in GATES}) == len(GATES)
    codes = {code for code in ErrorCode if code.value.startswith("quality_")}
    assert {gate.code for gate in GATES} == codes
    for gate in GATES:
        stricter = (
            gate.enrol >= gate.probe if gate.sense is Sense.AT_LEAST else (gate.enrol <= gate.probe)
        )
        assert stricter, gate.component


def test_all_that_is_wrong_is_measured_and_the_first_is_the_code() -> None:
    wrong = {**good(), Component.SHARPNESS: 0.0, Component.EXPOSURE: 0.01, Component.YAW: -80.0}
    _, missed = judge(wrong, Use.PROBE)
    assert [gate.code for gate in missed] == [
        ErrorCode.QUALITY_EXPOSURE,
        ErrorCode.QUALITY_SHARPNESS,
        ErrorCode.QUALITY_POSE,
    ]
