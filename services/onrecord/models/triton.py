"""`config.pbtxt`: how Triton runs a model. The same file serves its native ONNX Runtime backend
and a Python backend of that name."""

from collections.abc import Mapping
from enum import StrEnum

from onrecord.kernel.cards import ModelInput
from onrecord.models.recipe import Recipe


class Profile(StrEnum):
    CPU = "cpu"
    GPU = "gpu"


INSTANCES = {Profile.CPU: 2, Profile.GPU: 1}
"""Of each model."""


def config_pbtxt(recipe: Recipe, profile: Profile, sha256: str) -> str:
    """One instance on a GPU; on a CPU two, each on one thread.

    On a GPU a batch is what has come while the model was at work, up to `recipe.max_batch`, and
    nobody waits for company. On a CPU a batch is one request: company makes nobody quicker there,
    and who is in it waits for all of it. There is no policy for the queue, and so no limit,
    priority or time of its own: with one, Triton lets requests lie for half a second (ADR 54).
    `sha256` is the model's, as on its card: whoever asks Triton for the configuration can compare.
    """
    outputs = _tensors({n: ("TYPE_FP32", list(s)) for n, s in recipe.outputs.items()})
    inputs = _tensors({recipe.input.name: ("TYPE_UINT8", _image(recipe.input))})
    preferred = [size for size in (8, 32, 256) if size <= recipe.max_batch]
    if profile is Profile.CPU:
        preferred = [1]
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
}}
instance_group [
  {{ count: {INSTANCES[profile]} kind: KIND_{profile.name} }}
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
