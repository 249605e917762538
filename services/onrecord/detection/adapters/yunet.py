"""YuNet through an inference session."""

from concurrent.futures import Executor
from functools import partial

import numpy as np

from onrecord.chassis.inference import InferenceSession
from onrecord.chassis.pools import Beside
from onrecord.contracts.images import Pixels
from onrecord.detection.adapters.resampling import resize
from onrecord.detection.core import yunet
from onrecord.detection.core.faces import Faces, joined
from onrecord.detection.core.suppression import distinct
from onrecord.kernel.deadlines import Deadline


class YuNetDetector:
    """`FaceDetector` with the passes of `core.yunet`; side by side where there is a pool."""

    family = "yunet"

    def __init__(self, session: InferenceSession, beside: Executor | None = None) -> None:
        self._session = session
        self._beside = beside

    @property
    def model_id(self) -> str:
        return self._session.card.model_id

    def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
        first, *others = yunet.PASSES
        begun = [
            Beside(self._beside, partial(self._look, pixels, look, deadline)) for look in others
        ]
        try:
            found = [self._look(pixels, first, deadline)]
        except BaseException:
            for one in begun:
                one.leave()
            raise
        found += (one.result() for one in begun)
        return distinct(joined(found))

    def glance(self, pixels: Pixels, deadline: Deadline) -> Faces:
        """As `find`, at a fifth of its cost; small faces may be missed."""
        return self._look(pixels, yunet.GLANCE, deadline)

    def _look(self, pixels: Pixels, look: yunet.Pass, deadline: Deadline) -> Faces:
        deadline.check()
        height, width, _ = pixels.shape
        at = yunet.place(width, height, look)
        canvas = np.zeros((1, at.canvas_height, at.canvas_width, 3), dtype=np.uint8)
        placed = canvas[0, at.y : at.y + at.height, at.x : at.x + at.width]
        placed[:] = resize(pixels, at.width, at.height)
        outputs = self._session.run({self._session.card.input.name: canvas}, deadline)
        faces = yunet.decode(outputs, at.canvas_width)
        return faces.moved(1 / at.scale, dx=-at.x, dy=-at.y)
