"""`config.pbtxt`: how Triton runs a model. The same file serves its native ONNX Runtime backend
and a Python backend of that name."""

from collections.abc import Mapping
from enum import StrEnum

from onrecord.kernel.cards import ModelInput
from onrecord.models.recipe import Recipe

_QUEUE_DELAY_US = 2000  # a search waits at most 2 ms for company


class Profile(StrEnum):
    CPU = "cpu"
    GPU = "gpu"


def config_pbtxt(recipe: Recipe, profile: Profile) -> str:
    """Dynamic batching up to `recipe.max_batch`; one instance, on a GPU or on one CPU thread."""
    outputs = _tensors({n: ("TYPE_FP32", list(s)) for n, s in recipe.outputs.items()})
    inputs = _tensors({recipe.input.name: ("TYPE_UINT8", _image(recipe.input))})
    preferred = [size for size in (8, 32, 256) if size <= recipe.max_batch]
    return f"""\
name: "{recipe.name}"
backend: "onnxruntime"
max_batch_size: {recipe.max_batch}
input [
{inputs}
]
output [
{outputs}
]
dynamic_batching {{
  preferred_batch_size: {preferred}
  max_queue_delay_microseconds: {_QUEUE_DELAY_US}
}}
instance_group [
  {{ count: 1 kind: KIND_{profile.name} }}
]
{_parameters(profile)}"""


def _image(image: ModelInput) -> list[int]:
    return [image.height or -1, image.width or -1, 3]


def _tensors(tensors: Mapping[str, tuple[str, list[int]]]) -> str:
    return ",\n".join(
        f'  {{ name: "{name}" data_type: {kind} dims: {dims} }}'
        for name, (kind, dims) in tensors.items()
    )


def _parameters(profile: Profile) -> str:
    """On a CPU, instances are what is scaled: a model takes one thread."""
    if profile is Profile.GPU:
        return ""
    return """\
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
parameters { key: "inter_op_thread_count" value: { string_value: "1" } }
"""
