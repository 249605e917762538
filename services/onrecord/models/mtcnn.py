"""The three networks of MTCNN (Zhang et al., 2016) as ONNX, from the weights of PyPI `mtcnn`.

A weight file is a joblib pickle of Keras arrays in the order of the layers. Loading a pickle
runs it: nothing here is called before the SHA-256 of the file was checked.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np

from onrecord.models.graph import Float, GraphWriter, fold_normalisation

MEAN = 127.5
SCALE = 1 / 128
_FACE = 1  # of the two classes, the second is "face"


@dataclass(frozen=True, slots=True)
class Pool:
    """`same` is Keras' padding, which for these windows is a last, partial window."""

    window: int
    same: bool


def keras_weights(pickle: bytes) -> list[Float]:
    """The arrays of one weight file. `pickle` MUST have been checked against its hash."""
    loaded: Any = joblib.load(io.BytesIO(pickle))
    return [np.asarray(array, dtype=np.float32) for array in loaded]


def proposal_network(pickle: bytes) -> bytes:
    """`mtcnn-pnet`: a fully convolutional network on an image of any size."""
    weights = iter(keras_weights(pickle))
    graph = GraphWriter("mtcnn-pnet", None, None)
    value = _convolutions(graph, weights, [Pool(2, same=True), None, None])
    offsets = graph.conv(value, *_filters(weights))
    classes = graph.node("Softmax", [graph.conv(value, *_filters(weights))], axis=1)
    return graph.finish(
        {
            "probability": (graph.take(classes, np.array(_FACE), axis=1), ("h", "w")),
            "offsets": (graph.node("Transpose", [offsets], perm=[0, 2, 3, 1]), ("h", "w", 4)),
        }
    )


def refinement_network(pickle: bytes) -> bytes:
    """`mtcnn-rnet`: 24 x 24 pixels."""
    weights = iter(keras_weights(pickle))
    graph = GraphWriter("mtcnn-rnet", 24, 24)
    pools = [Pool(3, same=True), Pool(3, same=False), None]
    value = _hidden(graph, weights, _convolutions(graph, weights, pools))
    offsets = _dense(graph, weights, value)
    return graph.finish(
        {
            "probability": (_face_probability(graph, weights, value), (1,)),
            "offsets": (offsets, (4,)),
        }
    )


def output_network(pickle: bytes) -> bytes:
    """`mtcnn-onet`: 48 x 48 pixels, with landmarks."""
    weights = iter(keras_weights(pickle))
    graph = GraphWriter("mtcnn-onet", 48, 48)
    pools = [Pool(3, same=True), Pool(3, same=False), Pool(2, same=True), None]
    value = _hidden(graph, weights, _convolutions(graph, weights, pools))
    offsets = _dense(graph, weights, value)
    landmarks = _dense(graph, weights, value)
    return graph.finish(
        {
            "probability": (_face_probability(graph, weights, value), (1,)),
            "offsets": (offsets, (4,)),
            "landmarks": (landmarks, (10,)),
        }
    )


def _convolutions(graph: GraphWriter, weights: Iterator[Float], pools: list[Pool | None]) -> str:
    """Convolution, PReLU and perhaps a pool, once for each of `pools`."""
    value = graph.image()
    for index, pool in enumerate(pools):
        filters, biases = _filters(weights)
        if index == 0:
            filters, biases = fold_normalisation(filters, biases, [MEAN] * 3, SCALE)
        value = graph.prelu(graph.conv(value, filters, biases), next(weights).reshape(-1, 1, 1))
        if pool is not None:
            value = graph.node(
                "MaxPool",
                [value],
                kernel_shape=[pool.window, pool.window],
                strides=[2, 2],
                ceil_mode=int(pool.same),
            )
    return value


def _hidden(graph: GraphWriter, weights: Iterator[Float], value: str) -> str:
    # Keras flattened width, height, channels: these weights were first trained column by column.
    columns = graph.node("Transpose", [value], perm=[0, 3, 2, 1])
    hidden = _dense(graph, weights, graph.node("Flatten", [columns], axis=1))
    return graph.prelu(hidden, next(weights))


def _dense(graph: GraphWriter, weights: Iterator[Float], value: str) -> str:
    return graph.dense(value, next(weights), next(weights))


def _face_probability(graph: GraphWriter, weights: Iterator[Float], value: str) -> str:
    classes = graph.node("Softmax", [_dense(graph, weights, value)], axis=1)
    return graph.take(classes, np.array([_FACE]), axis=1)


def _filters(weights: Iterator[Float]) -> tuple[Float, Float]:
    """From Keras' height, width, in, out to out, in, height, width; and the biases."""
    return next(weights).transpose(3, 2, 0, 1), next(weights)
