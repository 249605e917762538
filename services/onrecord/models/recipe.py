"""What is known of a model before it is built: its facts, its weights, and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from onrecord.kernel.cards import (
    Metric,
    ModelCard,
    ModelInput,
    ModelLicence,
    ModelRole,
    ModelSource,
    Point,
)

REVISION = 2
"""Raised when what is built changes although the weights do not; it stands on every card."""

Weights = Mapping[str, bytes]
"""Content by file name, its SHA-256 already checked."""


@dataclass(frozen=True, slots=True)
class Original:
    """A weight file that is itself a network: what was built must do what it does.

    It takes float32 NCHW 0..255, BGR where `bgr`. With `unit_length`, what was built divides the
    single output by its length.
    """

    file: str
    bgr: bool
    unit_length: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """One model: the facts of its card, and `make`, which turns weights into `model.onnx`.

    `files` maps each weight file to the SHA-256 it must have. `outputs` are names and shapes
    without the batch, -1 for what depends on the image.
    """

    name: str
    model_set: str
    role: ModelRole
    package: str | None
    description: str
    files: Mapping[str, str]
    licence: ModelLicence
    commercial_use: bool
    training_data: str
    input: ModelInput
    outputs: Mapping[str, tuple[int, ...]]
    max_batch: int
    make: Callable[[Weights], bytes]
    original: Original | None = None
    dimension: int | None = None
    metric: Metric | None = None
    landmark_templates: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def card(self, sha256: str) -> ModelCard:
        """The card of the model as built, whose content has this SHA-256."""
        return ModelCard(
            name=self.name,
            version="1",
            model_set=self.model_set,
            role=self.role,
            precision="fp32",
            sha256=sha256,
            source=ModelSource(
                package=self.package,
                description=f"{self.description} OnRecord recipe {REVISION}.",
                files=self.files,
            ),
            licence=self.licence,
            commercial_use=self.commercial_use,
            training_data=self.training_data,
            input=self.input,
            outputs=tuple(self.outputs),
            dimension=self.dimension,
            metric=self.metric,
            landmark_templates=self.landmark_templates,
            thresholds=self.thresholds,
            warnings=self.warnings,
        )
