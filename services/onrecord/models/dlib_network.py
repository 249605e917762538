"""A dlib residual network as it stands in its `.dat` file.

file: integer 1, `loss_metric_2`, two floats; a run of marks from the outermost layer to the
innermost (2 a layer, 1 a tag or skip, 3 the innermost); the input; then the bodies of the layers
in the order in which they run. Tags and skips have no body.
"""

from dataclasses import dataclass

import numpy as np

from onrecord.models.dlib_stream import DlibStream, damaged
from onrecord.models.graph import Float

_TAG, _LAYER, _INNERMOST = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Convolution:
    """`filters` are `[out, in, rows, columns]`."""

    filters: Float
    biases: Float
    strides: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Affine:
    """gamma x + beta, per channel."""

    gamma: Float
    beta: Float


@dataclass(frozen=True, slots=True)
class Relu:
    pass


@dataclass(frozen=True, slots=True)
class Pool:
    """`average` or maximum; a window of 0 x 0 is the whole image."""

    average: bool
    window: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FullyConnected:
    """`weights` are `[in, out]`; a bias is None where the layer has none."""

    weights: Float
    biases: Float | None


@dataclass(frozen=True, slots=True)
class AddKept:
    """Adds what was kept last."""


@dataclass(frozen=True, slots=True)
class Keep:
    """A block begins: its input is kept (dlib's tag1)."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The block's output is kept instead, and its input runs on (tag2, then skip1)."""


Layer = Convolution | Affine | Relu | Pool | FullyConnected | AddKept | Keep | Branch


@dataclass(frozen=True, slots=True)
class DlibNetwork:
    """Input RGB of `height` x `width`, (x - `mean`) / 256; `layers` in the order they run."""

    mean: tuple[float, ...]
    height: int
    width: int
    layers: tuple[Layer, ...]


def read_network(content: bytes) -> DlibNetwork:
    """The network in a `.dat` file. Raises MODEL_SOURCE unless it ends where it should."""
    stream = DlibStream(content)
    stream.expect(1, "a network")
    if (loss := stream.text()) != "loss_metric_2":
        raise damaged(f"its loss is {loss!r}, not loss_metric_2")
    stream.reals(2)
    marks: list[int] = []
    while isinstance(mark := stream.integer_or_text(_INNERMOST), int):
        marks.append(mark)
    if mark != "input_rgb_image_sized":
        raise damaged(f"its input is {mark!r}, not input_rgb_image_sized")
    mean = stream.reals(3)
    height, width = stream.count(), stream.count()
    layers = _layers(stream, marks[::-1])
    if not stream.at_end:
        raise damaged("something follows the last layer")
    return DlibNetwork(mean, height, width, layers)


def _layers(stream: DlibStream, marks: list[int]) -> tuple[Layer, ...]:
    """`marks` in the order in which the layers run."""
    if not marks or marks[0] != _INNERMOST or _INNERMOST in marks[1:] or 0 in marks:
        raise damaged("its layers are not nested as layers are")
    layers: list[Layer] = []
    at = 0
    while at < len(marks):
        if marks[at] != _TAG:
            layers.append(_layer(stream, innermost=at == 0))
            at += 1
        elif marks[at + 1 : at + 2] == [_TAG]:
            layers.append(Branch())
            at += 2
        else:
            layers.append(Keep())
            at += 1
    return tuple(layers)


def _layer(stream: DlibStream, *, innermost: bool) -> Layer:
    layer = _details(stream)
    for _ in range(3):
        stream.flag()
    # What training left behind: gradient of the input, cached output, gradient of the weights.
    for _ in range(3):
        stream.tensor()
    if innermost:
        stream.integer()
    return layer


def _details(stream: DlibStream) -> Layer:
    name = stream.text()
    if name == "con_4":
        return _convolution(stream)
    if name == "affine_":
        return _affine(stream)
    if name in ("max_pool_2", "avg_pool_2"):
        sizes = [stream.count() for _ in range(6)]
        return Pool(
            average=name == "avg_pool_2",
            window=(sizes[0], sizes[1]),
            strides=(sizes[2], sizes[3]),
            padding=(sizes[4], sizes[5]),
        )
    if name == "fc_2":
        return _fully_connected(stream)
    if name == "relu_":
        return Relu()
    if name == "add_prev_":
        return AddKept()
    raise damaged(f"a layer of kind {name!r}")


def _convolution(stream: DlibStream) -> Convolution:
    parameters = stream.tensor().ravel()
    count, rows, columns, *geometry = [stream.count() for _ in range(7)]
    shape, bias_shape = stream.alias(), stream.alias()
    stream.reals(4)
    size = int(np.prod(shape))
    fits = shape[0] == int(np.prod(bias_shape)) == count and shape[2:] == (rows, columns)
    if not fits or parameters.size != size + count:
        raise damaged(f"a convolution of {shape} whose {parameters.size} parameters do not fit")
    return Convolution(
        filters=parameters[:size].reshape(shape),
        biases=parameters[size:],
        strides=(geometry[0], geometry[1]),
        padding=(geometry[2], geometry[3]),
    )


def _affine(stream: DlibStream) -> Affine:
    parameters = stream.tensor().ravel()
    channels = int(np.prod(stream.alias()))
    stream.alias()
    stream.integer()
    if parameters.size != 2 * channels:
        raise damaged(f"an affine layer of {channels} channels, {parameters.size} parameters")
    return Affine(parameters[:channels], parameters[channels:])


def _fully_connected(stream: DlibStream) -> FullyConnected:
    outputs, inputs = stream.count(), stream.count()
    parameters = stream.tensor().ravel()
    stream.alias()
    stream.alias()
    has_bias = stream.integer() == 0
    stream.reals(4)
    size = inputs * outputs
    if parameters.size != size + (outputs if has_bias else 0):
        raise damaged(f"a dense layer {inputs} x {outputs} with {parameters.size} parameters")
    return FullyConnected(
        weights=parameters[:size].reshape(inputs, outputs),
        biases=parameters[size:] if has_bias else None,
    )
