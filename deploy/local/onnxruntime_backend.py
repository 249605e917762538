"""Triton's `onnxruntime` backend, in Python: what a wheel without the native one is given.

Triton loads this file (as `backends/onnxruntime/model.py`) into a process of its own for each
instance of a model, so it imports nothing of ours. The same `config.pbtxt` is served by the native
backend where Triton has it. A model is not loaded whose bytes are not those that its configuration
names.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Triton starts the interpreter isolated, so that it reads no PYTHONPATH by itself.
sys.path[:0] = os.environ.get("PYTHONPATH", "").split(os.pathsep)

import numpy as np  # noqa: E402 - found there
import onnxruntime  # noqa: E402
import triton_python_backend_utils as pb_utils  # noqa: E402


class TritonPythonModel:
    """The class that Triton looks for. One instance, one thread of Triton's at a time."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the model. `args`: Triton's description of the model and of this instance."""
        config = json.loads(args["model_config"])
        parameters = {k: v["string_value"] for k, v in config.get("parameters", {}).items()}
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if parameters.get("sha256", found) != found:
            raise pb_utils.TritonModelException(
                f"{path} has the SHA-256 {found}, the configuration says {parameters['sha256']}"
            )
        self._inputs = [one["name"] for one in config["input"]]
        self._outputs = [one["name"] for one in config["output"]]
        providers = _providers(args)
        self._session = onnxruntime.InferenceSession(
            content, _options(parameters), providers=providers
        )
        if len(self._session.get_providers()) < 2 and args["model_instance_kind"] == "GPU":
            raise pb_utils.TritonModelException("ONNX Runtime cannot use the GPU")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """A batch that Triton has put together, as one run; each request gets its own rows."""
        arrays = {
            name: [pb_utils.get_input_tensor_by_name(one, name).as_numpy() for one in requests]
            for name in self._inputs
        }
        sizes = [len(one) for one in arrays[self._inputs[0]]]
        joined = {k: v[0] if len(v) == 1 else np.concatenate(v) for k, v in arrays.items()}
        try:
            found = self._session.run(self._outputs, joined)
        except Exception as error:  # noqa: BLE001 - whatever it is, each who asked is told
            told = pb_utils.TritonError(f"{type(error).__name__}: {error}")
            return [pb_utils.InferenceResponse(error=told) for _ in requests]
        ends = np.cumsum(sizes)
        return [
            pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(name, np.ascontiguousarray(array[end - size : end]))
                    for name, array in zip(self._outputs, found, strict=True)
                    if name in request.requested_output_names()
                ]
            )
            for request, size, end in zip(requests, sizes, ends, strict=True)
        ]


def _options(parameters: Mapping[str, str]) -> onnxruntime.SessionOptions:
    """The two parameters that Triton's own backend reads as well."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", "0"))
    options.inter_op_num_threads = int(parameters.get("inter_op_thread_count", "0"))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _providers(args: Mapping[str, str]) -> list[Any]:
    if args["model_instance_kind"] != "GPU":
        return ["CPUExecutionProvider"]
    onnxruntime.preload_dlls()  # of the packages that came with it
    # FP32 is what the card says: TF32 multiplies with ten bits.
    cuda = {"device_id": args["model_instance_device_id"], "use_tf32": "0"}
    return [("CUDAExecutionProvider", cuda)]
