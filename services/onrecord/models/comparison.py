"""Does a built model do what its recipe says? Asked once, when it is built, by running it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.recipe import Original, Recipe, Weights

TOLERANCE = 1e-5
_FREE_SIDES = (96, 128)  # multiples of 32, not square
Arrays = Mapping[str, NDArray[np.float32]]


def compare(recipe: Recipe, model: bytes, weights: Weights) -> None:
    """Run a batch of two random images: the shapes must be the recipe's, and the values, where
    the weights are a network themselves, those of that network, to `TOLERANCE` of the largest.

    Raises MODEL_SOURCE, naming the output.
    """
    built = _session(model)
    original = None
    sides = (recipe.input.height or _FREE_SIDES[0], recipe.input.width or _FREE_SIDES[1])
    if recipe.original is not None:
        original = _session(weights[recipe.original.file])
        rows, columns = original.get_inputs()[0].shape[2:]
        sides = (
            rows if isinstance(rows, int) else sides[0],
            columns if isinstance(columns, int) else sides[1],
        )
    images = np.random.default_rng(1).integers(0, 256, (2, *sides, 3), dtype=np.uint8)
    found = _run(built, {recipe.input.name: images})
    for name, shape in recipe.outputs.items():
        _check_shape(recipe.name, name, shape, found)
    if recipe.original is not None:
        for index in range(len(images)):
            wanted = _run_original(original, recipe.original, images[index : index + 1])
            for name, array in found.items():
                _check_values(recipe.name, name, array[index : index + 1], wanted[name])


def _run_original(session: Any, original: Original, images: NDArray[np.uint8]) -> Arrays:
    planes = images.transpose(0, 3, 1, 2)
    planes = planes[:, ::-1] if original.bgr else planes
    name = session.get_inputs()[0].name
    raw = _run(session, {name: np.ascontiguousarray(planes, dtype=np.float32)})
    if not original.unit_length:
        return raw
    (vectors,) = raw.values()
    return {"embedding": vectors / np.linalg.norm(vectors, axis=1, keepdims=True)}


def _check_shape(model: str, name: str, shape: tuple[int, ...], found: Arrays) -> None:
    got = found[name].shape if name in found else ()
    fits = len(got) == len(shape) + 1 and all(
        want in (-1, size) for want, size in zip((2, *shape), got, strict=True)
    )
    if not fits:
        raise OnRecordError(
            ErrorCode.MODEL_SOURCE, f"{model}: {name} has the shape {got}, not (2, {shape})."
        )


def _check_values(
    model: str, name: str, found: NDArray[np.float32], wanted: NDArray[np.float32]
) -> None:
    apart = float(np.abs(found - wanted).max())
    if not apart <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        raise OnRecordError(
            ErrorCode.MODEL_SOURCE,
            f"{model}: {name} differs by {apart:.2g} from the network it was made of.",
        )


def _session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: Any, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))
