"""The networks of MTCNN as written, against the same layers in plain numpy."""

import io
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onrecord.models import mtcnn
from tests.unit.models import layers

_RNG = np.random.default_rng(11)
Weights = list[NDArray[Any]]


def _conv(size: int, inputs: int, outputs: int) -> Weights:
    """A convolution as Keras keeps it, and the slopes of the PReLU after it."""
    return [
        _RNG.normal(0, 0.2, (size, size, inputs, outputs)).astype(np.float32),
        _RNG.normal(0, 0.2, outputs).astype(np.float32),
        _RNG.uniform(0.1, 0.4, (1, 1, outputs)).astype(np.float32),
    ]


def _dense(inputs: int, outputs: int) -> Weights:
    return [
        _RNG.normal(0, 0.1, (inputs, outputs)).astype(np.float32),
        _RNG.normal(0, 0.1, outputs).astype(np.float32),
    ]


def _slopes(size: int) -> Weights:
    return [_RNG.uniform(0.1, 0.4, size).astype(np.float32)]


def _pickled(weights: Weights) -> bytes:
    file = io.BytesIO()
    joblib.dump(weights, file)
    return file.getvalue()


def _run(model: bytes, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def _normalised(image: NDArray[np.uint8]) -> layers.Array:
    planes: layers.Array = image.transpose(2, 0, 1).astype(np.float64)
    return (planes - 127.5) / 128


def _layer(x: layers.Array, weights: Iterator[NDArray[Any]]) -> layers.Array:
    filters, biases, slopes = next(weights), next(weights), next(weights)
    return layers.prelu(layers.conv(x, filters.transpose(3, 2, 0, 1), biases), slopes)


def _affine(x: layers.Array, weights: Iterator[NDArray[Any]]) -> layers.Array:
    product: layers.Array = x @ next(weights).astype(np.float64)
    total: layers.Array = product + next(weights)
    return total


def _images(rows: int, columns: int) -> NDArray[np.uint8]:
    return _RNG.integers(0, 256, (2, rows, columns, 3), dtype=np.uint8)


def test_proposal_network() -> None:
    """Odd and even sides: the last window of the "same" pool is partial for one of them."""
    weights = [*_conv(3, 3, 10), *_conv(3, 10, 16), *_conv(3, 16, 32)]
    weights += [*_conv(1, 32, 4)[:2], *_conv(1, 32, 2)[:2]]
    images = _images(17, 22)
    found = _run(mtcnn.proposal_network(_pickled(weights)), images)
    for index, image in enumerate(images):
        left = iter(weights)
        x = layers.pool(_layer(_normalised(image), left), 2, 2, same=True)
        x = _layer(_layer(x, left), left)
        offsets = layers.conv(x, next(left).transpose(3, 2, 0, 1), next(left))
        classes = layers.conv(x, next(left).transpose(3, 2, 0, 1), next(left))
        assert x.shape[1:] == (4, 6)
        np.testing.assert_allclose(
            found["offsets"][index], offsets.transpose(1, 2, 0), atol=1e-5, rtol=1e-5
        )
        probability = 1 / (1 + np.exp(classes[0] - classes[1]))
        np.testing.assert_allclose(found["probability"][index], probability, atol=1e-5)


def test_refinement_network() -> None:
    weights = [*_conv(3, 3, 28), *_conv(3, 28, 48), *_conv(2, 48, 64)]
    weights += [*_dense(576, 128), *_slopes(128), *_dense(128, 4), *_dense(128, 2)]
    images = _images(24, 24)
    found = _run(mtcnn.refinement_network(_pickled(weights)), images)
    for index, image in enumerate(images):
        left = iter(weights)
        x = layers.pool(_layer(_normalised(image), left), 3, 2, same=True)
        x = _layer(layers.pool(_layer(x, left), 3, 2), left)
        # Columns, then rows, then channels: the order in which Keras flattened after Permute.
        hidden = layers.prelu(_affine(x.transpose(2, 1, 0).ravel(), left), next(left))
        np.testing.assert_allclose(
            found["offsets"][index], _affine(hidden, left), atol=1e-5, rtol=1e-5
        )
        face = layers.softmax(_affine(hidden, left))[1]
        np.testing.assert_allclose(found["probability"][index], [face], atol=1e-5)


def test_output_network() -> None:
    weights = [*_conv(3, 3, 32), *_conv(3, 32, 64), *_conv(3, 64, 64), *_conv(2, 64, 128)]
    weights += [*_dense(1152, 256), *_slopes(256)]
    weights += [*_dense(256, 4), *_dense(256, 10), *_dense(256, 2)]
    images = _images(48, 48)
    found = _run(mtcnn.output_network(_pickled(weights)), images)
    left = iter(weights)
    x = layers.pool(_layer(_normalised(images[1]), left), 3, 2, same=True)
    x = layers.pool(_layer(x, left), 3, 2)
    x = _layer(layers.pool(_layer(x, left), 2, 2, same=True), left)
    hidden = layers.prelu(_affine(x.transpose(2, 1, 0).ravel(), left), next(left))
    for name in ("offsets", "landmarks"):
        wanted = _affine(hidden, left)
        np.testing.assert_allclose(found[name][1], wanted, atol=2e-5, rtol=1e-5)
    face = layers.softmax(_affine(hidden, left))[1]
    np.testing.assert_allclose(found["probability"][1], [face], atol=1e-5)
