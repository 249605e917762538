"""MTCNN through three inference sessions."""

import numpy as np

from onrecord.chassis.inference import InferenceSession
from onrecord.chassis.inference.session import Outputs
from onrecord.contracts.images import Pixels
from onrecord.detection.adapters.resampling import resize
from onrecord.detection.core import mtcnn
from onrecord.detection.core.faces import Faces, Floats, joined
from onrecord.detection.core.suppression import distinct
from onrecord.kernel.deadlines import Deadline

_BATCH = 256  # the largest that the second and third stage take at once


class MtcnnDetector:
    """`FaceDetector` on the cascade of `core.mtcnn`."""

    family = "mtcnn"

    def __init__(
        self, proposal: InferenceSession, refinement: InferenceSession, output: InferenceSession
    ) -> None:
        self._proposal = proposal
        self._refinement = refinement
        self._output = output

    @property
    def model_id(self) -> str:
        return self._output.card.model_id

    def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
        height, width, _ = pixels.shape
        scale = min(1.0, mtcnn.LONGER_SIDE / max(width, height))
        if scale < 1.0:
            wide, high = max(1, round(width * scale)), max(1, round(height * scale))
            pixels = resize(pixels, wide, high)
        return distinct(self._cascade(pixels, deadline)).moved(1 / scale)

    def _cascade(self, pixels: Pixels, deadline: Deadline) -> Faces:
        height, width, _ = pixels.shape
        border = mtcnn.border_of(width, height)
        # The frame's edge goes on into the border: a black one is itself taken for a face's edge.
        around = np.pad(pixels, ((border, border), (border, border), (0, 0)), mode="edge")
        proposed = []
        for level in mtcnn.levels(width, height):
            deadline.check()
            shown = around if level.bordered else pixels
            proposed.append(self._propose(shown, level, border, deadline))
        windows = mtcnn.gathered(proposed)
        if not len(windows.scores):
            return joined([])
        deadline.check()
        cut = mtcnn.squares(windows.boxes)
        seen = self._look(self._refinement, pixels, cut, mtcnn.REFINE_SIDE, deadline)
        windows = mtcnn.refined(cut, seen["probability"], seen["offsets"])
        if not len(windows.scores):
            return joined([])
        deadline.check()
        cut = mtcnn.squares(windows.boxes)
        seen = self._look(self._output, pixels, cut, mtcnn.OUTPUT_SIDE, deadline)
        return mtcnn.found(cut, seen["probability"], seen["offsets"], seen["landmarks"])

    def _propose(
        self, pixels: Pixels, level: mtcnn.Level, border: int, deadline: Deadline
    ) -> mtcnn.Windows:
        image = resize(pixels, level.width, level.height)[None]
        outputs = self._proposal.run({self._proposal.card.input.name: image}, deadline)
        windows = mtcnn.proposals(outputs["probability"][0], outputs["offsets"][0], level.scale)
        return mtcnn.Windows(windows.boxes - border, windows.scores) if level.bordered else windows

    def _look(
        self, stage: InferenceSession, pixels: Pixels, cut: Floats, side: int, deadline: Deadline
    ) -> Outputs:
        """One stage over all windows, in batches."""
        crops = np.stack([_cut(pixels, box, side) for box in cut])
        parts = [
            stage.run({stage.card.input.name: crops[start : start + _BATCH]}, deadline)
            for start in range(0, len(crops), _BATCH)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _cut(pixels: Pixels, box: Floats, side: int) -> Pixels:
    """The square of `box` (pixels counted from 1), `side` pixels wide.

    Beyond the frame its edge goes on.
    """
    height, width, _ = pixels.shape
    left, top, right, bottom = (int(value) for value in box)
    rows = np.clip(np.arange(top - 1, max(top, bottom)), 0, height - 1)
    columns = np.clip(np.arange(left - 1, max(left, right)), 0, width - 1)
    return resize(pixels[np.ix_(rows, columns)], side, side)
