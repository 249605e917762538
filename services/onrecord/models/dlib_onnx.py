"""A dlib residual network as ONNX.

The normalisation of the input and every affine layer are folded into the convolution before it,
exactly: the first convolution has no padding, and an affine layer is linear per channel.
"""

from dataclasses import dataclass, replace

import numpy as np

from onrecord.models.dlib_network import (
    AddKept,
    Affine,
    Branch,
    Convolution,
    DlibNetwork,
    FullyConnected,
    Keep,
    Layer,
    Pool,
    Relu,
    read_network,
)
from onrecord.models.dlib_stream import damaged
from onrecord.models.graph import GraphWriter, fold_normalisation

SCALE = 1 / 256


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in the graph and its size."""

    name: str
    channels: int
    rows: int
    columns: int


def embedding_network(dat: bytes) -> bytes:
    """`dlib-resnet`: uint8 `[N, H, W, 3]` to `embedding`, not of unit length."""
    return network_to_onnx(read_network(dat))


def network_to_onnx(network: DlibNetwork) -> bytes:
    layers = fold(network)
    graph = GraphWriter("dlib-resnet", network.height, network.width)
    value = _Value(graph.image(), 3, network.height, network.width)
    block_input: _Value | None = None
    kept: _Value | None = None
    for layer in layers:
        if isinstance(layer, Keep):
            block_input = kept = value
        elif isinstance(layer, Branch):
            if block_input is None:
                raise damaged("a branch outside a block")
            kept, value = value, block_input
        elif isinstance(layer, AddKept):
            if kept is None:
                raise damaged("a sum with nothing kept")
            value, kept = _sum(graph, value, kept), None
        else:
            value = _layer(graph, value, layer)
    return graph.finish({"embedding": (value.name, (value.channels,))})


def fold(network: DlibNetwork) -> list[Layer]:
    """The layers without affine ones, for an input of plain 0..255."""
    layers: list[Layer] = []
    for layer in network.layers:
        before = layers[-1] if layers else None
        if not isinstance(layer, Affine):
            layers.append(layer)
        elif isinstance(before, Convolution):
            gamma, beta = layer.gamma.astype(np.float64), layer.beta.astype(np.float64)
            layers[-1] = replace(
                before,
                filters=(before.filters * gamma[:, None, None, None]).astype(np.float32),
                biases=(before.biases * gamma + beta).astype(np.float32),
            )
        else:
            raise damaged("an affine layer that follows no convolution")
    first = layers[0]
    if not isinstance(first, Convolution) or first.padding != (0, 0):
        raise damaged("its first layer is not a convolution without padding")
    filters, biases = fold_normalisation(first.filters, first.biases, network.mean, SCALE)
    return [replace(first, filters=filters, biases=biases), *layers[1:]]


def _layer(graph: GraphWriter, value: _Value, layer: Layer) -> _Value:
    if isinstance(layer, Convolution):
        name = graph.conv(
            value.name,
            layer.filters,
            layer.biases,
            strides=layer.strides,
            padding=layer.padding,
        )
        window = (layer.filters.shape[2], layer.filters.shape[3])
        sized = _slid(replace(value, name=name), window, layer.strides, layer.padding)
        return replace(sized, channels=layer.filters.shape[0])
    if isinstance(layer, Relu):
        return replace(value, name=graph.node("Relu", [value.name]))
    if isinstance(layer, Pool):
        return _pool(graph, value, layer)
    if isinstance(layer, FullyConnected):
        flat = graph.node("Flatten", [value.name], axis=1)
        name = graph.dense(flat, layer.weights, layer.biases)
        return _Value(name, layer.weights.shape[1], 1, 1)
    raise damaged(f"a {type(layer).__name__} out of place")


def _pool(graph: GraphWriter, value: _Value, pool: Pool) -> _Value:
    if pool.window == (0, 0):
        kind = "GlobalAveragePool" if pool.average else "GlobalMaxPool"
        return replace(value, name=graph.node(kind, [value.name]), rows=1, columns=1)
    name = graph.node(
        "AveragePool" if pool.average else "MaxPool",
        [value.name],
        kernel_shape=list(pool.window),
        strides=list(pool.strides),
        pads=[*pool.padding, *pool.padding],
    )
    return _slid(replace(value, name=name), pool.window, pool.strides, pool.padding)


def _slid(
    value: _Value, window: tuple[int, int], strides: tuple[int, int], padding: tuple[int, int]
) -> _Value:
    """The size after a window has slid over it; what does not fill a window is left out."""
    return replace(
        value,
        rows=(value.rows + 2 * padding[0] - window[0]) // strides[0] + 1,
        columns=(value.columns + 2 * padding[1] - window[1]) // strides[1] + 1,
    )


def _sum(graph: GraphWriter, one: _Value, other: _Value) -> _Value:
    """Their sum; where sizes differ, the smaller counts as zero beyond its end, as in dlib."""
    channels = max(one.channels, other.channels)
    rows, columns = max(one.rows, other.rows), max(one.columns, other.columns)
    padded = [
        value.name
        if (value.channels, value.rows, value.columns) == (channels, rows, columns)
        else graph.pad_end(
            value.name, channels - value.channels, rows - value.rows, columns - value.columns
        )
        for value in (one, other)
    ]
    return _Value(graph.node("Add", padded), channels, rows, columns)
