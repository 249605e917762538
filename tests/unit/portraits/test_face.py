"""What is drawn is a face to a real detector, one in each picture, where it was put."""

from pathlib import Path

import cv2
import numpy as np

from load_tests.portraits_accuracy import yunet
from tests.data import test_data_path


def test_a_detector_finds_the_face(population: Path) -> None:
    """At the detector's usual threshold (.7), eyes level and centred in a licence portrait."""
    detect = yunet(test_data_path("models", "yunet_n_dynamic.onnx"))
    for path in sorted(population.glob("p*/*.jpg")):
        landmarks = detect(np.asarray(cv2.imread(str(path)), np.uint8))
        assert landmarks is not None, path
        right, left, nose = landmarks[:3]
        assert 40 < left[0] - right[0] < 110
        assert right[1] < nose[1] > left[1]
        if path.parent.name == "portraits":
            assert abs((left[0] + right[0]) / 2 - 180) < 25
            assert abs(left[1] - right[1]) < 8
