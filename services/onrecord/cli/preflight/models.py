"""Models: each gives its golden answer, wherever it runs (R-47)."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from onrecord.chassis.inference import ModelRepository, Models
from onrecord.chassis.inference.golden import GOLDEN, picture, read_golden
from onrecord.chassis.settings import InferenceSettings
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.clients.inference import models_of
from onrecord.kernel.cards import ModelCard, ModelRole
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service

_ROLES: Final = {
    Service.DETECTION: ModelRole.DETECTOR,
    Service.EMBEDDING: ModelRole.EMBEDDER,
}
_SECONDS: Final = 60.0


def examine(target: Target, _: Installation) -> Iterator[Result]:
    settings, role = target.settings, _ROLES.get(target.service)
    if target.service is Service.GATEWAY:
        yield _cards(settings.models)
    if role is None or not isinstance(settings, InferenceSettings):
        return
    where = settings.inference or "ONNX Runtime"
    build = f"onrecord models build SET --repository {settings.models}"
    with ExitStack() as stack:
        try:
            models = models_of(settings, stack)
            cards = [card for card in models.cards() if card.role is role]
        except OnRecordError as error:
            yield missing(error.message, build)
            return
        if not cards:
            yield missing(f"{settings.models} holds no {role.value}", build)
        for card in cards:
            yield _answered(models, card, settings, where)


def _cards(folder: Path) -> Result:
    """For the gateway, which runs none and names them."""
    build = f"onrecord models build SET --repository {folder}"
    try:
        cards = ModelRepository(folder).cards()
    except OnRecordError as error:
        return missing(error.message, build)
    if not cards:
        return missing(f"{folder} holds no model", build)
    return ok(f"{folder}: the cards of {len(cards)} models")


def _answered(models: Models, card: ModelCard, settings: InferenceSettings, where: str) -> Result:
    build = f"onrecord models build {card.model_set} --repository {settings.models}"
    try:
        golden = read_golden(settings.models / card.name / GOLDEN, card)
        asked = {card.input.name: picture(card.input)}
        answer = models.session(card.name).run(asked, Deadline.after(_SECONDS))
    except OnRecordError as error:
        away = error.code in (ErrorCode.INFERENCE_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED)
        serve = f"tritonserver --model-repository={settings.models}"
        return missing(f"{card.name}: {error.message}", serve if away else build)
    apart = golden.apart(answer)
    if not apart <= golden.tolerance:
        return missing(
            f"{card.name} on {where} is another model, or computes otherwise: its golden answer is "
            f"{apart:.2g} away, {golden.tolerance:.2g} are allowed",
            build,
        )
    return ok(
        f"{card.name} on {where}: golden answer {apart:.1g} away, {golden.tolerance:.1g} allowed"
    )
