"""One loaded model, and what runs it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onrecord.kernel.cards import ModelCard
from onrecord.kernel.deadlines import Deadline

Inputs = Mapping[str, NDArray[np.uint8] | NDArray[np.float32]]
Outputs = dict[str, NDArray[np.float32]]


class InferenceSession(Protocol):
    """A model that is ready to run. Implementations MUST be safe to share between threads."""

    @property
    def card(self) -> ModelCard: ...

    def run(self, inputs: Inputs, deadline: Deadline | None = None) -> Outputs:
        """Run the model once on a batch.

        Every array is batch first; an image input is uint8 `[N, H, W, 3]` RGB with the height and
        width that the card names. Returns read-only float32 arrays by the card's output names.
        Without a deadline it takes what it takes (a minute at most where a server is asked).

        Raises `ValueError` where names, types or shapes are not the card's: a slip of the
        caller, never of the person whose image it is. DEADLINE_EXCEEDED. Where a server runs the
        model: INFERENCE_UNAVAILABLE, OVERLOADED, and MODEL_HASH where it runs another model.
        """
        ...


class Models(Protocol):
    """The models that a process may run. MUST be safe to share between threads."""

    def cards(self) -> Sequence[ModelCard]:
        """The cards of all models, by name. Raises MODEL_CARD_INVALID."""
        ...

    def session(self, name: str) -> InferenceSession:
        """Raises MODEL_UNKNOWN, MODEL_CARD_INVALID; MODEL_HASH where the model is loaded now."""
        ...

    def check(self, deadline: Deadline) -> None:
        """Whether every model that was asked for can be run now. Raises what `run` raises."""
        ...


class OnnxRuntimeSession:
    """`InferenceSession` on the CPU of this process.

    `model` is the content of a `model.onnx` that was already checked against its card.
    `threads` bounds the threads that one call may use.
    """

    def __init__(self, card: ModelCard, model: bytes, *, threads: int) -> None:
        # Imported where it is used: whoever reads cards alone, or asks Triton, may do without.
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Waiting threads that spin would starve the other services of a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # ONNX Runtime has no types; this attribute is the one untyped edge.
        self._session: Any = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._card = card
        self._outputs = list(card.outputs)

    @property
    def card(self) -> ModelCard:
        return self._card

    def run(self, inputs: Inputs, deadline: Deadline | None = None) -> Outputs:
        check_inputs(self._card, inputs)
        if deadline is not None:
            deadline.check()
        arrays = self._session.run(self._outputs, dict(inputs))
        for array in arrays:
            array.setflags(write=False)
        return dict(zip(self._outputs, arrays, strict=True))


def check_inputs(card: ModelCard, inputs: Inputs) -> None:
    """Raises ValueError where they are not what the card says."""
    wanted = card.input
    if set(inputs) != {wanted.name}:
        raise ValueError(f"{card.name} takes {wanted.name!r}, not {sorted(inputs)}")
    array = inputs[wanted.name]
    shape = (wanted.height, wanted.width, 3)
    fits = array.ndim == 4 and all(
        want is None or want == got for want, got in zip(shape, array.shape[1:], strict=True)
    )
    if array.dtype != np.uint8 or not fits:
        raise ValueError(
            f"{card.name} takes uint8 [N, {wanted.height}, {wanted.width}, 3], "
            f"not {array.dtype} {list(array.shape)}"
        )
