"""Photographs that stand on their head or lie on their side, and carry no tag that says so."""

import numpy as np

from onrecord.contracts.images import Pixels
from onrecord.detection.core.faces import Faces
from onrecord.detection.core.turning import TURNS, turned_back
from onrecord.detection.ports import FaceDetector
from onrecord.kernel.deadlines import Deadline

_MARGIN = 0.03  # by how much another way up must be surer,
_SIZE = 0.7  # of a face that is at least this part as wide


class AnyWayUp:
    """`FaceDetector` that looks again at the image turned, where the first look was unsure.

    Detectors see a face in an image that lies on its side, but put its landmarks where an upright
    face would have them, and say so by a lower score. `sure` is the score from which a detector is
    believed at once, and from which it is believed about a turned image in which nothing was found
    upright.
    """

    def __init__(self, detector: FaceDetector, *, sure: float) -> None:
        self._detector = detector
        self._sure = sure

    @property
    def family(self) -> str:
        return self._detector.family

    @property
    def model_id(self) -> str:
        return self._detector.model_id

    def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
        best = self._detector.find(pixels, deadline)
        if _score(best) >= self._sure:
            return best
        height, width, _ = pixels.shape
        for turns in TURNS:
            turned = np.ascontiguousarray(np.rot90(pixels, turns))
            faces = self._detector.find(turned, deadline)
            if self._better(faces, best):
                best = turned_back(faces, turns, width, height)
        return best

    def _better(self, turned: Faces, best: Faces) -> bool:
        if not len(best):
            return _score(turned) >= self._sure
        surer = _score(turned) > _score(best) + _MARGIN
        return surer and _size(turned) >= _SIZE * _size(best)


def _score(faces: Faces) -> float:
    return float(faces.scores.max(initial=0.0))


def _size(faces: Faces) -> float:
    """Width of the face of the best score, which a turn does not change by much."""
    best = faces.scores.argmax()
    return float(max(faces.widths[best], faces.heights[best]))
