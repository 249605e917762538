"""How well bare face models recognise the synthetic portraits: detection and rank-1.

    python -m load_tests.portraits_accuracy FOLDER [--set reference|registry]

FOLDER is what `onrecord portraits make` wrote. The models are driven here in a few lines of their
own, straight from `model_repository/` (or, for `reference`, from the test data), so that the
figures say something about the pictures and not about the services. The figures rank pictures
against each other; they are no error rates of people.
"""

import argparse
import csv
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from load_tests.bare_mtcnn import bare_mtcnn

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]
Detect = Callable[[Image], Vector | None]  # five landmarks (5, 2), image left first, or none
Embed = Callable[[Image, Vector], Vector]

ROOT = Path(__file__).resolve().parents[1]
_REID = 128 * np.array(
    [[0.31557, 0.46157], [0.68262, 0.46157], [0.50026, 0.64051], [0.34947, 0.82469],
     [0.65344, 0.82469]]
)  # fmt: skip
_DLIB_MTCNN = np.array([[46.59, 44.66], [101.59, 44.89], [74.06, 77.40], [49.35, 102.06],
                        [98.46, 102.27]])  # fmt: skip


def session(path: Path) -> Callable[[npt.NDArray[np.generic]], list[Vector]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    model = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = model.get_inputs()[0].name
    return lambda x: list(model.run(None, {name: x}))


def align(image: Image, landmarks: Vector, template: Vector, size: int) -> Image:
    matrix, _ = cv2.estimateAffinePartial2D(landmarks, template, method=cv2.LMEDS)
    return np.asarray(cv2.warpAffine(image, matrix, (size, size)), np.uint8)


def yunet(path: Path) -> Detect:
    """YuNet at the picture's own size, score .7 or more; see MODELS.md for its outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    model = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def detect(image: Image) -> Vector | None:
        height, width = image.shape[:2]
        padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
        padded[:height, :width] = image
        wanted = [f"{kind}_{s}" for s in (8, 16, 32) for kind in ("cls", "obj", "kps")]
        found = model.run(wanted, {"input": padded.transpose(2, 0, 1)[None]})
        best, landmarks = 0.7, None
        for k, stride in enumerate((8, 16, 32)):
            cls, obj, points = (found[3 * k + j].reshape(-1, n) for j, n in enumerate((1, 1, 10)))
            score = np.sqrt(np.clip(cls[:, 0] * obj[:, 0], 0, 1))
            top = int(score.argmax())
            if score[top] >= best:
                row, column = divmod(top, padded.shape[1] // stride)
                best = float(score[top])
                landmarks = (points[top].reshape(5, 2) + np.array([column, row])) * stride
        return landmarks

    return detect


def reid(path: Path) -> Embed:
    run = session(path)

    def embed(image: Image, landmarks: Vector) -> Vector:
        chip = align(image, landmarks, _REID, 128).astype(np.float32).transpose(2, 0, 1)[None]
        vector = run(chip)[0].ravel()
        return np.asarray(vector / np.linalg.norm(vector))

    return embed


def dlib(path: Path, template: Vector) -> Embed:
    run = session(path)

    def embed(image: Image, landmarks: Vector) -> Vector:
        chip = align(image, landmarks, template, 150)[:, :, ::-1]
        return np.asarray(run(np.ascontiguousarray(chip)[None])[0].ravel(), np.float64)

    return embed


def measure(folder: Path, detect: Detect, embed: Embed) -> None:
    with (folder / "truth.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["probe"]]
    portraits = {row["person"]: row["portrait"] for row in rows}
    began = time.monotonic()

    def template(name: str) -> Vector | None:
        image = np.asarray(cv2.imread(str(folder / name)), np.uint8)
        landmarks = detect(image)
        return None if landmarks is None else embed(image, landmarks)

    gallery = {person: template(path) for person, path in portraits.items()}
    probes = [(row["person"], row["probe"], template(row["probe"])) for row in rows]
    enrolled = {p: v for p, v in gallery.items() if v is not None}
    names = list(enrolled)
    matrix = np.stack(list(enrolled.values()))
    ranks, genuine, impostor = [], [], []
    for person, path, vector in probes:
        if vector is None or person not in enrolled:
            print(f"  not compared: {path}")
            continue
        distance = np.linalg.norm(matrix - vector, axis=1)
        own = distance[names.index(person)]
        ranks.append(int((distance < own).sum()))
        genuine.append(own)
        impostor.append(np.sort(np.delete(distance, names.index(person)))[:1])
        if ranks[-1] > 0:
            print(f"  rank {ranks[-1] + 1}: {path}")
    seen = sum(v is not None for _, _, v in probes)
    print(f"detected: portraits {len(enrolled)}/{len(gallery)}, probes {seen}/{len(probes)}")
    rank = np.array(ranks)
    first, twenty = ((rank < n).sum() / len(probes) for n in (1, 20))
    print(f"rank-1 {first:.4f}  rank-20 {twenty:.4f}")
    median, worst = np.quantile(genuine, [0.5, 0.99])
    print(f"distance to the own portrait: median {median:.3f}, worst 1 % {worst:.3f}; ", end="")
    print(f"to the nearest stranger's: median {np.median(impostor):.3f}")
    print(f"{time.monotonic() - began:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--set", dest="which", choices=("reference", "registry"), default="reference"
    )
    arguments = parser.parse_args()
    data = Path(os.environ.get("ONRECORD_TEST_DATA", ROOT.parent / "shared" / "data")) / "models"
    repository = ROOT / "model_repository"
    if arguments.which == "reference":
        detect = yunet(data / "yunet_n_dynamic.onnx")
        embed = reid(data / "face-reidentification-retail-0095.fp32.onnx")
    else:
        detect = bare_mtcnn(repository)
        embed = dlib(repository / "dlib-resnet" / "1" / "model.onnx", _DLIB_MTCNN)
    measure(arguments.folder, detect, embed)


if __name__ == "__main__":
    main()
