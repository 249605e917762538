"""Photographs that stand on their head or lie on their side, and carry no tag that says so."""

from collections.abc import Callable

import numpy as np

from onrecord.contracts.images import Pixels
from onrecord.detection.core.faces import Faces
from onrecord.detection.core.turning import TURNS, turned_back
from onrecord.detection.ports import FaceDetector
from onrecord.kernel.deadlines import Deadline

_MARGIN = 0.03  # by how much another way up must be surer,
_SIZE = 0.7  # of a face that is at least this part as wide
_GLANCED = 0.125  # of the image's longer side: a face from this size on is seen at a glance

Glance = Callable[[Pixels, Deadline], Faces]
"""A look that costs less than `FaceDetector.find`, and may miss small faces."""


class AnyWayUp:
    """`FaceDetector` that looks again at the image turned, where the first look was unsure.

    Detectors see a face in an image that lies on its side, but put its landmarks where an upright
    face would have them, and say so by a lower score. `sure` is the score from which a detector is
    believed at once, and from which it is believed about a turned image in which nothing was found
    upright. With `glance` only those turns are looked at whole that a glance is surer of.
    """

    def __init__(
        self, detector: FaceDetector, *, sure: float, glance: Glance | None = None
    ) -> None:
        self._detector = detector
        self._sure = sure
        self._glance = glance

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
        for turns in self._worth_a_look(pixels, best, deadline):
            faces = self._detector.find(_turned(pixels, turns), deadline)
            if self._better(faces, best):
                best = turned_back(faces, turns, width, height)
        return best

    def _worth_a_look(self, pixels: Pixels, upright: Faces, deadline: Deadline) -> tuple[int, ...]:
        """Which turns may show a face better than `upright`, as far as a glance can tell."""
        if self._glance is None:
            return TURNS
        if len(upright) and _size(upright) < _GLANCED * max(pixels.shape):
            return TURNS
        # Where nothing was found a face is only believed if it is sure.
        least = _score(upright) if len(upright) else self._sure
        seen = {turns: _score(self._glance(_turned(pixels, turns), deadline)) for turns in TURNS}
        surer = tuple(turns for turns in TURNS if seen[turns] >= least)
        # Nothing anywhere: it may be too small for a glance.
        return surer if surer or len(upright) else TURNS

    def _better(self, turned: Faces, best: Faces) -> bool:
        if not len(best):
            return _score(turned) >= self._sure
        surer = _score(turned) > _score(best) + _MARGIN
        return surer and _size(turned) >= _SIZE * _size(best)


def _turned(pixels: Pixels, turns: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _score(faces: Faces) -> float:
    return float(faces.scores.max(initial=0.0))


def _size(faces: Faces) -> float:
    """Width of the face of the best score, which a turn does not change by much."""
    best = faces.scores.argmax()
    return float(max(faces.widths[best], faces.heights[best]))
