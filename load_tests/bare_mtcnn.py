"""MTCNN in a few lines of its own: the bare model that the services are compared with.

One pass over the picture as it is, every face size from 40 pixels up, the best face alone.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

Vector = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
_THRESHOLDS = (0.6, 0.7, 0.7)


def bare_mtcnn(repository: Path) -> Callable[[Image], Vector | None]:
    """A detector of BGR pictures: five landmarks (5, 2) of the best face, or none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    stages = [
        onnxruntime.InferenceSession(
            str(repository / f"mtcnn-{name}" / "1" / "model.onnx"), options,
            providers=["CPUExecutionProvider"],
        )
        for name in ("pnet", "rnet", "onet")
    ]  # fmt: skip

    def run(stage: int, names: list[str], images: Image) -> list[Vector]:
        return [np.asarray(x, np.float64) for x in stages[stage].run(names, {"image": images})]

    def crops(image: Image, boxes: Vector, side: int) -> Image:
        out = []
        for x1, y1, x2, _ in boxes:
            scale = side / max(x2 - x1, 1.0)
            move = np.array([[scale, 0, -x1 * scale], [0, scale, -y1 * scale]])
            out.append(cv2.warpAffine(image, move, (side, side), flags=cv2.INTER_LINEAR))
        return np.stack(out).astype(np.uint8)

    def detect(picture: Image) -> Vector | None:
        image = np.ascontiguousarray(picture[:, :, ::-1])
        boxes, _ = _propose(image, lambda x: run(0, ["probability", "offsets"], x))
        if len(boxes) == 0:
            return None
        squares = _squares(boxes)
        probability, offsets = run(1, ["probability", "offsets"], crops(image, squares, 24)[:256])
        keep = probability[:, 0] >= _THRESHOLDS[1]
        if not keep.any():
            return None
        squares = squares[:256][keep]
        size = squares[:, 2:] - squares[:, :2]
        boxes = squares + offsets[keep] * np.tile(size, 2)
        order = _suppress(boxes, probability[keep, 0], 0.7)
        squares = _squares(boxes[order])
        names = ["probability", "landmarks"]
        probability, landmarks = run(2, names, crops(image, squares, 48))
        best = int(probability[:, 0].argmax())
        if probability[best, 0] < _THRESHOLDS[2]:
            return None
        size = squares[best, 2:] - squares[best, :2]
        return np.asarray(squares[best, :2] + landmarks[best].reshape(2, 5).T * size)

    return detect


def _propose(image: Image, run: Callable[[Image], list[Vector]]) -> tuple[Vector, Vector]:
    boxes, scores = [np.zeros((0, 4))], [np.zeros(0)]
    scale = 12 / 40
    while min(image.shape[:2]) * scale >= 12:
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        probability, offsets = run(np.asarray(small, np.uint8)[None])
        rows, columns = np.nonzero(probability[0] >= _THRESHOLDS[0])
        corner = np.stack([columns, rows], axis=1) * 2.0
        window = np.concatenate([corner, corner + 12], axis=1) + 12 * offsets[0, rows, columns]
        score = probability[0, rows, columns]
        kept = _suppress(window, score, 0.5)
        boxes.append(window[kept] / scale)
        scores.append(score[kept])
        scale *= 0.709
    found, score = np.concatenate(boxes), np.concatenate(scores)
    kept = _suppress(found, score, 0.7)
    return found[kept], score[kept]


def _squares(boxes: Vector) -> Vector:
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + (size - side) / 2
    return np.concatenate([corner, corner + side], axis=1)


def _suppress(boxes: Vector, scores: Vector, overlap: float) -> npt.NDArray[np.intp]:
    order = np.argsort(-scores)
    kept: list[int] = []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        order = rest[shared / (area[first] + area[rest] - shared) <= overlap]
    return np.array(kept, np.intp)
