"""An existing float network, made to take what every model here takes: uint8 NHWC RGB.

Nothing inside the network is changed but a batch size that its exporter fixed, and the name of an
activation that has a quicker one: every number stays what it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, load_from_string, numpy_helper

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.graph import IMAGE, Dim, float_outputs, image_input, serialised


def front_with_uint8(
    model: bytes,
    *,
    name: str,
    height: int | None,
    width: int | None,
    swap_to_bgr: bool,
    outputs: Mapping[str, Sequence[Dim]],
    unit_length: bool = False,
) -> bytes:
    """The network behind `image`, uint8 `[N, H, W, 3]` RGB; a `height` or `width` of None is free.

    `model` takes one float32 NCHW 0..255, BGR where `swap_to_bgr`. `outputs` names what it gives
    and declares the shapes without N. With `unit_length` the network's single output is divided
    by its Euclidean length and takes the one name in `outputs`.
    Raises MODEL_SOURCE if the network is not like that.
    """
    proto = load_from_string(model)
    graph = proto.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        raise OnRecordError(ErrorCode.MODEL_SOURCE, f"{name}: the network has not one float input.")
    nodes = _front(graph, inputs[0].name, swap_to_bgr=swap_to_bgr)
    nodes += graph.node
    if unit_length:
        nodes += _unit_length(graph, name, *outputs)
    elif {value.name for value in graph.output} != set(outputs):
        raise OnRecordError(ErrorCode.MODEL_SOURCE, f"{name}: the outputs have other names.")
    _free_batch(graph)
    quicker = [_quicker(node, constants) for node in nodes]
    freed = {value for node in nodes for value in node.input}
    freed -= {value for node in quicker for value in node.input}
    new = helper.make_graph(
        quicker,
        name,
        [image_input(height, width)],
        float_outputs(outputs),
        [tensor for tensor in graph.initializer if tensor.name not in freed],
    )
    graph.CopyFrom(new)
    return serialised(proto)


def _front(graph: Any, to: str, *, swap_to_bgr: bool) -> list[Any]:
    nodes = [helper.make_node("Transpose", [IMAGE], ["image_planes"], perm=[0, 3, 1, 2])]
    planes = "image_planes"
    if swap_to_bgr:
        # On planes of bytes this costs nothing that can be measured; on interleaved bytes it
        # costs 9 ms of a 16 ms pass at 640 x 640.
        order = numpy_helper.from_array(np.array([2, 1, 0], dtype=np.int64), "bgr_order")
        graph.initializer.append(order)
        nodes.append(helper.make_node("Gather", [planes, "bgr_order"], ["image_bgr"], axis=1))
        planes = "image_bgr"
    return [*nodes, helper.make_node("Cast", [planes], [to], to=TensorProto.FLOAT)]


def _unit_length(graph: Any, name: str, *public: str) -> list[Any]:
    if len(graph.output) != 1 or len(public) != 1:
        raise OnRecordError(ErrorCode.MODEL_SOURCE, f"{name}: the network has not one output.")
    raw, unit = graph.output[0].name, public[0]
    for node in graph.node:
        for names in (node.input, node.output):
            for index, value in enumerate(names):
                if value == raw:
                    names[index] = "raw_output"
    floor = numpy_helper.from_array(np.array(1e-12, dtype=np.float32), "smallest_length")
    graph.initializer.append(floor)
    return [
        helper.make_node("ReduceL2", ["raw_output"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Max", ["length", "smallest_length"], ["divisor"]),
        helper.make_node("Div", ["raw_output", "divisor"], [unit]),
    ]


def _quicker(node: Any, constants: Mapping[str, Any]) -> Any:
    """A PRelu of one slope for all channels as the LeakyRelu that it is.

    ONNX Runtime computes that inside the convolution before it, and a PRelu apart and slowly.
    """
    if node.op_type != "PRelu" or node.input[1] not in constants:
        return node
    slope = numpy_helper.to_array(constants[node.input[1]])
    if slope.size != 1 or slope.dtype != np.float32:
        return node
    return helper.make_node(
        "LeakyRelu", [node.input[0]], list(node.output), name=node.name, alpha=slope.item()
    )


def _free_batch(graph: Any) -> None:
    """Let a Reshape that was exported for one image take the batch from its input."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            continue
        tensor = constants[node.input[1]]
        shape = numpy_helper.to_array(tensor).copy()
        if len(shape) > 1 and shape[0] == 1:
            shape[0] = 0
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
