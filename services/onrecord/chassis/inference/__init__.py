"""Running models: the `InferenceSession` contract, and its adapters for ONNX Runtime and Triton
(`triton.py`, imported where it is used).

`model_repository/` is in Triton layout, so that an inference server and one process on a laptop
read the very same files.
"""

from onrecord.chassis.inference.cards import card_from_yaml, card_to_yaml, read_card
from onrecord.chassis.inference.repository import ModelRepository
from onrecord.chassis.inference.session import InferenceSession, Models, OnnxRuntimeSession

__all__ = [
    "InferenceSession",
    "ModelRepository",
    "Models",
    "OnnxRuntimeSession",
    "card_from_yaml",
    "card_to_yaml",
    "read_card",
]
