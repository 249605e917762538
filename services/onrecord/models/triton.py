"""`config.pbtxt`: how Triton runs a model. The same file serves its native ONNX Runtime backend
and a Python backend of that name."""

from collections.abc import Mapping
from enum import StrEnum

from onrecord.kernel.cards import ModelInput
from onrecord.models.recipe import Recipe

_WAITING = 256
"""Requests that may wait for a model; one more is shed, and told so at once."""
_LONGEST_WAIT_US = 60_000_000
"""A request says for how long its caller waits; Triton lets it say less than this, never more."""


class Profile(StrEnum):
    CPU = "cpu"
    GPU = "gpu"


def config_pbtxt(recipe: Recipe, profile: Profile, sha256: str) -> str:
    """Dynamic batching up to `recipe.max_batch`; one instance, on a GPU or on one CPU thread.

    A batch is what has come while the model was at work; nobody waits for company. `sha256` is the
    model's, as on its card: whoever asks Triton for the configuration can compare.
    """
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
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: {_LONGEST_WAIT_US}
    allow_timeout_override: true
    max_queue_size: {_WAITING}
  }}
}}
instance_group [
  {{ count: 1 kind: KIND_{profile.name} }}
]
{_parameters(profile, sha256)}"""


def _image(image: ModelInput) -> list[int]:
    return [image.height or -1, image.width or -1, 3]


def _tensors(tensors: Mapping[str, tuple[str, list[int]]]) -> str:
    return ",\n".join(
        f'  {{ name: "{name}" data_type: {kind} dims: {dims} }}'
        for name, (kind, dims) in tensors.items()
    )


def _parameters(profile: Profile, sha256: str) -> str:
    """On a CPU, instances are what is scaled: a model takes one thread."""
    said = {"sha256": sha256}
    if profile is Profile.CPU:
        said |= {"intra_op_thread_count": "1", "inter_op_thread_count": "1"}
    return "".join(
        f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}\n'
        for key, value in said.items()
    )
