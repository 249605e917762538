"""What is measured of inference, whatever runs the models."""

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Final

from onrecord.chassis.inference.session import InferenceSession, Inputs, Models, Outputs
from onrecord.chassis.telemetry import Label, Meter, Reading, Value, is_recording, span
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.deadlines import Deadline

_MODEL: Final = Label("model", "the model's name", most=32)
METER: Final = Meter("inference")
SECONDS: Final = METER.histogram(
    "inference_seconds",
    "How long one run of a model took, as its caller waited for it. How long it queued at Triton "
    "is among Triton's own metrics (`nv_inference_queue_duration_us`); here nothing queues.",
    (_MODEL,),
)
BATCH: Final = METER.histogram(
    "inference_batch_images",
    "How many images one run was given.",
    (_MODEL,),
    "images",
    (1, 2, 4, 8, 16, 32, 64, 128),
)
MODEL_INFO: Final = METER.gauge(
    "model_info",
    "Always 1: which models this process may run, each by name and what identifies its templates.",
    (_MODEL, Label("model_id", "name, version, precision and content hash", most=32)),
)


class MeasuredModels:
    """`Models` whose sessions are measured."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._sessions: dict[str, _MeasuredSession] = {}

    def cards(self) -> Sequence[ModelCard]:
        return self._models.cards()

    def session(self, name: str) -> InferenceSession:
        known = self._sessions.get(name)
        if known is None:
            known = self._sessions[name] = _MeasuredSession(self._models.session(name))
        return known

    def check(self, deadline: Deadline) -> None:
        self._models.check(deadline)

    def reading(self) -> Reading:
        """Which models there are."""
        info = [
            Value(MODEL_INFO, 1, {"model": card.name, "model_id": card.model_id})
            for card in self._models.cards()
        ]

        def read() -> Iterable[Value]:
            return info

        return Reading("models", read)


class _MeasuredSession:
    """An `InferenceSession`."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._card = session.card
        self._name = session.card.name

    @property
    def card(self) -> ModelCard:
        return self._card

    def run(self, inputs: Inputs, deadline: Deadline | None = None) -> Outputs:
        images = len(next(iter(inputs.values()))) if inputs else 0
        BATCH.observe(images, model=self._name)
        # A detector runs a dozen times an image: a span costs something, so only where it is sent.
        traced = (
            span("inference", onrecord_model=self._name, onrecord_batch=images)
            if is_recording()
            else nullcontext()
        )
        began = time.perf_counter()
        try:
            with traced:
                return self._session.run(inputs, deadline)
        finally:
            SECONDS.observe(time.perf_counter() - began, model=self._name)
