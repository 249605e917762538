"""Building model sets: weights that were checked become entries of `model_repository/`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onrecord.chassis.inference.cards import card_to_yaml, read_card
from onrecord.chassis.inference.golden import GOLDEN, TOLERANCE, Golden, picture, read_golden
from onrecord.chassis.inference.session import OnnxRuntimeSession
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.errors import OnRecordError
from onrecord.models.comparison import compare
from onrecord.models.packages import Tell
from onrecord.models.recipe import Recipe
from onrecord.models.triton import Profile, config_pbtxt
from onrecord.models.weights import WeightSource


@dataclass(frozen=True, slots=True)
class Built:
    """A model that stands in the repository; `fresh` if this call made it."""

    card: ModelCard
    fresh: bool


def build_models(
    recipes: Sequence[Recipe],
    weights: WeightSource,
    repository: Path,
    profile: Profile,
    tell: Tell,
) -> list[Built]:
    """Make what is not there yet, or not as its recipe says; leave what is.

    Raises MODEL_HASH for a weight file that is not the known one, before anything reads it;
    MODEL_SOURCE where weights cannot be had or do not make the model that the recipe promises.
    """
    built = []
    for recipe in recipes:
        card = _standing(recipe, repository)
        fresh = card is None
        if card is None:
            tell(f"building {recipe.name}")
            card = _make(recipe, weights, repository)
        _write_config(recipe, repository, profile, card.sha256)
        _write_golden(recipe, repository, card)
        if fresh:
            # Last: a model without its card is not there, so a build that was killed begins anew.
            _write(repository / recipe.name / "card.yaml", card_to_yaml(card).encode())
        built.append(Built(card, fresh))
    return built


def _standing(recipe: Recipe, repository: Path) -> ModelCard | None:
    """The card of the model in the repository, if all of it is as the recipe says."""
    folder = repository / recipe.name
    model = folder / "1" / "model.onnx"
    if not model.is_file():
        return None
    try:
        card = read_card(folder / "card.yaml")
    except OnRecordError:
        return None  # none, or one that an older recipe wrote: it is made anew
    found = hashlib.sha256(model.read_bytes()).hexdigest()
    return card if found == card.sha256 and card == recipe.card(found) else None


def _make(recipe: Recipe, source: WeightSource, repository: Path) -> ModelCard:
    weights = {file: source.read(file, sha256) for file, sha256 in recipe.files.items()}
    model = recipe.make(weights)
    compare(recipe, model, weights)
    folder = repository / recipe.name
    (folder / "1").mkdir(parents=True, exist_ok=True)
    (folder / "card.yaml").unlink(missing_ok=True)
    _write(folder / "1" / "model.onnx", model)
    return recipe.card(hashlib.sha256(model).hexdigest())


def _write_golden(recipe: Recipe, repository: Path, card: ModelCard) -> None:
    folder = repository / recipe.name
    try:
        read_golden(folder / GOLDEN, card)
    except OnRecordError:
        model = (folder / "1" / "model.onnx").read_bytes()
        session = OnnxRuntimeSession(card, model, threads=1)
        answer = session.run({card.input.name: picture(card.input)})
        _write(folder / GOLDEN, Golden(card.sha256, TOLERANCE, answer).to_json().encode())


def _write_config(recipe: Recipe, repository: Path, profile: Profile, sha256: str) -> None:
    path = repository / recipe.name / "config.pbtxt"
    text = config_pbtxt(recipe, profile, sha256).encode()
    if not path.is_file() or path.read_bytes() != text:
        _write(path, text)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
