"""What the gateway reads of the model repository: which embedders there are."""

from onrecord.chassis.inference import ModelRepository
from onrecord.gateway.administration import ModelFacts
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.errors import ErrorCode, OnRecordError


def model_facts(models: ModelRepository) -> dict[str, ModelFacts]:
    """Each embedder's facts, by its id. Raises MODEL_UNKNOWN where there is none."""
    facts = {
        card.model_id: ModelFacts(card.dimension, card.metric.value)
        for card in models.cards()
        if card.role is ModelRole.EMBEDDER and card.dimension and card.metric
    }
    if not facts:
        raise OnRecordError(
            ErrorCode.MODEL_UNKNOWN,
            "the model repository holds no embedder; build a set first: "
            "onrecord models build registry",
        )
    return facts
