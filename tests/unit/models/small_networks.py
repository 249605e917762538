"""Small ONNX networks and cards, made where they are used."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from onrecord.kernel.cards import (
    Metric,
    ModelCard,
    ModelInput,
    ModelLicence,
    ModelRole,
    ModelSource,
)

POINTS = ((2.5, 3.0), (5.5, 3.0), (4.0, 4.5), (2.75, 6.0), (5.25, 6.0))


def float_network(
    nodes: list[Any], outputs: dict[str, list[int | str]], weights: dict[str, NDArray[Any]]
) -> bytes:
    """A network with one input `pixels`, float32 [1, 3, 8, 8], as exporters fix it."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, 8, 8])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content


def flattened_pixels() -> bytes:
    """[1, 3, 8, 8] to `flat` [1, 192], with the batch of one fixed in a Reshape."""
    return float_network(
        [helper.make_node("Reshape", ["pixels", "shape"], ["flat"])],
        {"flat": [1, 192]},
        {"shape": np.array([1, 192], dtype=np.int64)},
    )


def small_card(sha256: str, **changes: Any) -> ModelCard:
    """An embedder of 8 x 8 pixels."""
    fields: dict[str, Any] = {
        "name": "small",
        "version": "1",
        "model_set": "test",
        "role": ModelRole.EMBEDDER,
        "precision": "fp32",
        "sha256": sha256,
        "source": ModelSource(None, "Made by a test.", {"small.onnx": "ab" * 32}),
        "licence": ModelLicence("Apache-2.0", "Ours: nothing was learned."),
        "commercial_use": True,
        "training_data": "None.",
        "input": ModelInput("image", 8, 8),
        "outputs": ("embedding",),
        "dimension": 192,
        "metric": Metric.IP,
        "landmark_templates": {"yunet": POINTS, "mtcnn": POINTS},
        "thresholds": {"far_1e-3": 0.4, "far_1e-4": 0.5},
        "warnings": ("Knows nothing.",),
    }
    return ModelCard(**(fields | changes))
