"""Writing ONNX graphs. Only this module and `rewiring` know the `onnx` package (it has no types).

What is written is deterministic: the same weights give the same bytes, so that the SHA-256 of a
built model, which is part of its `model_id`, is the same on every machine.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

IMAGE = "image"
Float = NDArray[np.float32]
Dim = int | str
_IR_VERSION = 8
_OPSET = 13


class GraphWriter:
    """Writes one network, layer after layer, on an NCHW float image made from NHWC uint8.

    Each method takes and returns the name of a value. Weights are in ONNX order: filters
    `[out, in, height, width]`, dense `[in, out]`.
    """

    def __init__(self, name: str, height: int | None, width: int | None) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._image = image_input(height, width)

    def image(self) -> str:
        """The image as float32 `[N, 3, H, W]`, RGB 0..255."""
        planes = self.node("Transpose", [IMAGE], perm=[0, 3, 1, 2])
        return self.node("Cast", [planes], to=TensorProto.FLOAT)

    def conv(
        self,
        value: str,
        filters: Float,
        biases: Float,
        *,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> str:
        weights = [self._weight(filters), self._weight(biases)]
        return self.node(
            "Conv",
            [value, *weights],
            kernel_shape=list(filters.shape[2:]),
            strides=list(strides),
            pads=[*padding, *padding],
        )

    def dense(self, value: str, weights: Float, biases: Float | None = None) -> str:
        inputs = [value, self._weight(weights)]
        if biases is not None:
            inputs.append(self._weight(biases))
        return self.node("Gemm", inputs)

    def prelu(self, value: str, slope: Float) -> str:
        return self.node("PRelu", [value, self._weight(slope)])

    def take(self, value: str, index: NDArray[np.int64], axis: int) -> str:
        return self.node("Gather", [value, self._weight(index)], axis=axis)

    def pad_end(self, value: str, channels: int, rows: int, columns: int) -> str:
        """Zeros after the last channel, row and column."""
        ends = np.array([0, 0, 0, 0, 0, channels, rows, columns], dtype=np.int64)
        return self.node("Pad", [value, self._weight(ends)])

    def node(self, kind: str, inputs: Sequence[str], **attributes: object) -> str:
        output = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(kind, list(inputs), [output], name=output, **attributes)
        )
        return output

    def finish(self, outputs: Mapping[str, tuple[str, Sequence[Dim]]]) -> bytes:
        """The model. `outputs` maps a public name to a value and its shape without N."""
        for name, (value, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        declared = float_outputs({name: shape for name, (_, shape) in outputs.items()})
        graph = helper.make_graph(self._nodes, self._name, [self._image], declared, self._weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="onrecord"
        )
        model.ir_version = _IR_VERSION
        return serialised(model)

    def _weight(self, array: NDArray[Any]) -> str:
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name


def fold_normalisation(
    filters: Float, biases: Float, mean: Sequence[float], scale: float
) -> tuple[Float, Float]:
    """Filters and biases that do to x what the given ones do to (x - mean) * scale.

    Exact for a convolution without padding; `math.fsum` makes the result independent of the
    order in which a machine adds.
    """
    wide = filters.astype(np.float64) * scale
    shift = [
        math.fsum((wide[out] * np.reshape(mean, (-1, 1, 1))).ravel()) for out in range(len(wide))
    ]
    folded = biases.astype(np.float64) - np.array(shift)
    return wide.astype(np.float32), folded.astype(np.float32)


def image_input(height: int | None, width: int | None) -> Any:
    """The declaration of the one input that every model here has."""
    shape = ["N", height or "H", width or "W", 3]
    return helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, shape)


def float_outputs(shapes: Mapping[str, Sequence[Dim]]) -> list[Any]:
    """The declarations of outputs, whose `shapes` are without N."""
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        for name, shape in shapes.items()
    ]


def serialised(model: Any) -> bytes:
    """The bytes of a model; the same model always gives the same."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content
