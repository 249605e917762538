"""The `reference` models in a few lines of their own: what the services are compared with.

YuNet in two passes (640 pixels, and 320 within a border of 25 %; see MODELS.md), the best face
alone, a least-squares similarity transform to the embedder's template, the embedder. Nothing of
`onrecord` is used, and the model files are those of the test data as they came (`served_reid`
alone runs the embedder as it was built for the services).
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

Image = npt.NDArray[np.uint8]  # BGR
Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]  # (5, 2), image left first

DETECTOR = "yunet_n_dynamic.onnx"
EMBEDDER = "face-reidentification-retail-0095.fp32.onnx"
_TEMPLATE = 128 * np.array(
    [[0.31557, 0.46157], [0.68262, 0.46157], [0.50026, 0.64051], [0.34947, 0.82469],
     [0.65344, 0.82469]]
)  # fmt: skip
_PASSES = ((640, 0.0), (320, 0.25))
_SCORE = 0.7
YUNET_OUTPUTS = [f"{kind}_{stride}" for stride in (8, 16, 32) for kind in ("cls", "obj", "kps")]


def load(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def decode(image: bytes) -> Image:
    """An encoded image as BGR pixels."""
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(pixels, np.uint8)


def bare_yunet(
    models: Path, threads: int = 1, every: Callable[..., Iterable[Any]] = map
) -> Callable[[Image], Points | None]:
    """The landmarks of the best face of a BGR picture, in its pixels, or none.

    `every`: as `map`, by which the passes are made: one after the other, or a pool's.
    """
    session = load(models / DETECTOR, threads)
    return yunet_by(lambda canvas: session.run(YUNET_OUTPUTS, {"input": _planes(canvas)}), every)


def yunet_by(
    run: Callable[[Image], Sequence[Floats]], every: Callable[..., Iterable[Any]] = map
) -> Callable[[Image], Points | None]:
    """As `bare_yunet`; `run` gives `YUNET_OUTPUTS` of a picture whose sides are multiples of 32."""

    def look(image: Image, side: int, border: float) -> tuple[float, Points | None]:
        height, width = image.shape[:2]
        margin = border * max(height, width)
        scale = side / (max(height, width) + 2 * margin)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=how)
        at = round(margin * scale)
        high, wide = (-(-(length + 2 * at) // 32) * 32 for length in small.shape[:2])
        canvas = np.zeros((high, wide, 3), np.uint8)
        canvas[at : at + small.shape[0], at : at + small.shape[1]] = small
        found = run(canvas)
        best, landmarks = _SCORE, None
        for level, stride in enumerate((8, 16, 32)):
            classes, objects, points = (array[0] for array in found[3 * level : 3 * level + 3])
            scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
            cell = int(scores.argmax())
            if scores[cell] >= best:
                row, column = divmod(cell, wide // stride)
                best = float(scores[cell])
                landmarks = (points[cell].reshape(5, 2) + np.array([column, row])) * stride
        return best, None if landmarks is None else (landmarks - at) / scale

    def detect(image: Image) -> Points | None:
        seen: list[tuple[float, Points | None]] = list(every(lambda at: look(image, *at), _PASSES))
        return max(seen, key=_score)[1]

    return detect


def _score(seen: tuple[float, Points | None]) -> float:
    return -1.0 if seen[1] is None else seen[0]


def bare_align(image: Image, landmarks: Points) -> Image:
    """The face cut to 128 x 128, its landmarks as near the template as a similarity takes them."""
    return np.asarray(cv2.warpAffine(image, _similarity(landmarks), (128, 128)), np.uint8)


def averaged_align(image: Image, landmarks: Points) -> Image:
    """The same, of a picture first averaged down to twice the scale of the crop.

    `cv2.warpAffine` takes four pixels for one however many it shrinks together.
    """
    a, b = _similarity(landmarks)[0, :2]
    scale = 2 * float(np.hypot(a, b))
    if scale >= 1:
        return bare_align(image, landmarks)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    across = np.array(small.shape[1::-1]) / np.array(image.shape[1::-1])
    return bare_align(np.asarray(small, np.uint8), (landmarks + 0.5) * across - 0.5)


def _similarity(landmarks: Points) -> Points:
    x, y = landmarks.T
    one, none = np.ones(5), np.zeros(5)
    rows = np.concatenate([np.stack([x, -y, one, none], 1), np.stack([y, x, none, one], 1)])
    (a, b, right, down), *_ = np.linalg.lstsq(rows, _TEMPLATE.T.ravel(), rcond=None)
    return np.array([[a, -b, right], [b, a, down]])


def bare_reid(models: Path, threads: int = 1) -> Callable[[Image], Floats]:
    """The unit-length template of an aligned face."""
    session = load(models / EMBEDDER, threads)
    return reid_by(lambda crop: session.run(None, {"input": _planes(crop)})[0])


def served_reid(repository: Path, threads: int = 1) -> Callable[[Image], Floats]:
    """As `bare_reid`, of the file that the services run: the same numbers, written quicker."""
    session = load(repository / "reid-retail-0095" / "1" / "model.onnx", threads)
    name = session.get_inputs()[0].name
    return reid_by(lambda crop: session.run(None, {name: crop[None, :, :, ::-1]})[0])


def reid_by(run: Callable[[Image], Floats]) -> Callable[[Image], Floats]:
    """As `bare_reid`; `run` gives what the model says of a crop."""

    def embed(crop: Image) -> Floats:
        vector = run(crop).ravel()
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    return embed


def _planes(image: Image) -> Floats:
    """A batch of one, channels first."""
    return image.astype(np.float32).transpose(2, 0, 1)[None]
