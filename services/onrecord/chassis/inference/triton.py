"""Models that a Triton Inference Server runs, held to the cards that this process has.

Before anything is asked of a model, Triton must say that it has loaded the model of our card (the
SHA-256 in its configuration) and must give its golden answer. Both are asked again when the
connection was lost, and by the readiness check when they are older than a minute.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2 as pb

from onrecord.chassis.inference.golden import GOLDEN, Golden, picture, read_golden
from onrecord.chassis.inference.repository import ModelRepository
from onrecord.chassis.inference.session import (
    InferenceSession,
    Inputs,
    Outputs,
    check_inputs,
)
from onrecord.chassis.inference.triton_server import TritonServer
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_VERSION: Final = "1"  # the folder of the repository in which `models build` puts a model
_LONGEST_SECONDS: Final = 60.0
_TRUSTED_SECONDS: Final = 60.0
_KIND: Final = {np.dtype(np.uint8): "UINT8", np.dtype(np.float32): "FP32"}


class TritonSession:
    """`InferenceSession` on a server. A batch beyond the server's largest goes as several."""

    def __init__(
        self,
        card: ModelCard,
        golden: Golden,
        server: TritonServer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._card = card
        self._golden = golden
        self._server = server
        self._monotonic = monotonic
        self._one_asks = threading.Lock()
        self._losses = 0
        # What was verified: when, after how many losses of the connection, the largest batch.
        self._verified: tuple[float, int, int] | None = None
        server.on_disconnection(self._lost)

    @property
    def card(self) -> ModelCard:
        return self._card

    def run(self, inputs: Inputs, deadline: Deadline | None = None) -> Outputs:
        check_inputs(self._card, inputs)
        deadline = deadline or Deadline.after(_LONGEST_SECONDS)
        largest = self._largest_batch(deadline)
        image = inputs[self._card.input.name]
        parts = [
            self._infer(image[start : start + largest], deadline)
            for start in range(0, max(1, len(image)), largest)
        ]
        if len(parts) == 1:
            return parts[0]
        joined = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
        for array in joined.values():
            array.setflags(write=False)
        return joined

    def check(self, deadline: Deadline) -> None:
        """Raises where the model cannot be run now, or is another. A full queue is no reason."""
        if not self._server.model_ready(self._card.name, _VERSION, deadline):
            raise OnRecordError(
                ErrorCode.INFERENCE_UNAVAILABLE,
                f"Triton at {self._server.address} has not loaded {self._card.name}",
            )
        verified = self._verified
        if verified is not None and self._monotonic() - verified[0] > _TRUSTED_SECONDS:
            self._verified = None
        try:
            self._largest_batch(deadline)
        except OnRecordError as error:
            if error.code is not ErrorCode.OVERLOADED:
                raise

    def _largest_batch(self, deadline: Deadline) -> int:
        """What the server takes at once, after it was seen to run the model of our card."""
        verified = self._verified
        if verified is not None and verified[1] == self._losses:
            return verified[2]
        if not self._one_asks.acquire(timeout=deadline.remaining()):
            deadline.check()
        try:
            verified = self._verified  # by whoever was before us
            if verified is not None and verified[1] == self._losses:
                return verified[2]
            losses, began = self._losses, self._monotonic()
            config = self._server.config(self._card.name, _VERSION, deadline)
            self._check_hash(config)
            answer = self._infer(picture(self._card.input), deadline)
            self._check_answer(answer)
            largest = max(1, int(config.max_batch_size))
            self._verified = (began, losses, largest)
            return largest
        finally:
            self._one_asks.release()

    def _check_hash(self, config: Any) -> None:
        said = config.parameters["sha256"].string_value if "sha256" in config.parameters else ""
        if said != self._card.sha256:
            raise OnRecordError(
                ErrorCode.MODEL_HASH,
                f"Triton at {self._server.address} has another {self._card.name}: its "
                f"configuration names {said or 'no SHA-256'}, the card {self._card.sha256}",
            )

    def _check_answer(self, answer: Outputs) -> None:
        apart = self._golden.apart(answer)
        if not apart <= self._golden.tolerance:
            raise OnRecordError(
                ErrorCode.MODEL_HASH,
                f"Triton at {self._server.address} does not compute {self._card.name}: its golden "
                f"answer is {apart:.2g} away, {self._golden.tolerance:.2g} are allowed",
            )

    def _infer(self, image: NDArray[np.uint8] | NDArray[np.float32], deadline: Deadline) -> Outputs:
        request = pb.ModelInferRequest(model_name=self._card.name, model_version=_VERSION)
        request.inputs.add(
            name=self._card.input.name, datatype=_KIND[image.dtype], shape=image.shape
        )
        for name in self._card.outputs:
            request.outputs.add(name=name)
        try:
            answer = self._server.infer(request, np.ascontiguousarray(image).data, deadline)
        except OnRecordError as error:
            if error.code is ErrorCode.INFERENCE_UNAVAILABLE:
                self._lost()
            raise
        # Bytes that nobody may write are arrays that nobody may write.
        return {
            one.name: np.frombuffer(raw, np.dtype("<f4")).reshape(tuple(one.shape))
            for one, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
        }

    def _lost(self) -> None:
        self._losses += 1


class TritonModels:
    """`Models` whose cards and golden answers lie in a folder here, and that Triton runs."""

    def __init__(self, repository: ModelRepository, server: TritonServer) -> None:
        self._repository = repository
        self._server = server
        self._lock = threading.Lock()
        self._sessions: dict[str, TritonSession] = {}

    def cards(self) -> Sequence[ModelCard]:
        return self._repository.cards()

    def session(self, name: str) -> InferenceSession:
        """Nothing is asked of Triton yet: a process may begin while it is away, not ready."""
        with self._lock:
            if name not in self._sessions:
                card = self._repository.card(name)
                golden = read_golden(self._repository.root / name / GOLDEN, card)
                self._sessions[name] = TritonSession(card, golden, self._server)
            return self._sessions[name]

    def check(self, deadline: Deadline) -> None:
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.check(deadline)
