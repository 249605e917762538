"""`card.yaml`: the written form of a `ModelCard`, read strictly and written canonically.

Every field must be there and none may be added, so that a slip in a card is an error when the
model is loaded and not a default that nobody chose.
"""

from pathlib import Path

import yaml

from onrecord.chassis.inference.card_fields import SIMILARITY, CardFields, invalid
from onrecord.kernel.cards import ModelCard, ModelRole
from onrecord.kernel.errors import ErrorCode, OnRecordError


class _Compact(yaml.SafeDumper):
    """Writes a point on one line."""

    def represent_point(self, point: tuple[float, ...]) -> yaml.SequenceNode:
        return self.represent_sequence("tag:yaml.org,2002:seq", point, flow_style=True)


_Compact.add_representer(tuple, _Compact.represent_point)


def card_to_yaml(card: ModelCard) -> str:
    """The text of `card.yaml`; the same card always gives the same bytes."""
    document: dict[str, object] = {
        "name": card.name,
        "version": card.version,
        "set": card.model_set,
        "role": card.role.value,
        "precision": card.precision,
        "sha256": card.sha256,
        "source": {
            "package": card.source.package,
            "description": card.source.description,
            "files": dict(sorted(card.source.files.items())),
        },
        "licence": {"spdx": card.licence.spdx, "text": card.licence.text},
        "commercial_use": card.commercial_use,
        "training_data": card.training_data,
        "input": {
            "name": card.input.name,
            "height": card.input.height,
            "width": card.input.width,
            "channels": card.input.channels,
            "dtype": card.input.dtype,
            "layout": card.input.layout,
        },
        "outputs": list(card.outputs),
    }
    if card.role is ModelRole.EMBEDDER and card.metric is not None:
        document |= {
            "dimension": card.dimension,
            "metric": card.metric.value,
            "similarity": SIMILARITY[card.metric],
            "landmark_templates": {
                detector: list(points) for detector, points in card.landmark_templates.items()
            },
            "thresholds": dict(card.thresholds),
        }
    document |= {"calibration": card.calibration, "warnings": list(card.warnings)}
    return yaml.dump(document, Dumper=_Compact, sort_keys=False, allow_unicode=True, width=100)


def read_card(path: Path) -> ModelCard:
    """The card at `path`. Raises MODEL_UNKNOWN if there is none, MODEL_CARD_INVALID if it is
    not a whole and well-formed card."""
    if not path.is_file():
        raise OnRecordError(ErrorCode.MODEL_UNKNOWN, f"There is no model card at {path}.")
    return card_from_yaml(path.read_text(encoding="utf-8"), str(path))


def card_from_yaml(text: str, where: str = "card.yaml") -> ModelCard:
    """Parse a card. Raises MODEL_CARD_INVALID, naming the field."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise invalid(where, "", f"is not YAML ({error.__class__.__name__})") from error
    return CardFields(where).card(document)
