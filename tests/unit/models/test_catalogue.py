"""The facts that the sets state, and what Triton is told of them (R-37)."""

import re
from typing import Any

import pytest

from onrecord.chassis.inference import card_from_yaml, card_to_yaml
from onrecord.kernel.cards import Metric, ModelRole
from onrecord.models.catalogue import SETS
from onrecord.models.command import SET_NAMES
from onrecord.models.packages import PACKAGES
from onrecord.models.recipe import Recipe
from onrecord.models.triton import Profile, config_pbtxt

RECIPES = [recipe for recipes in SETS.values() for recipe in recipes]
EMBEDDERS = [recipe for recipe in RECIPES if recipe.role is ModelRole.EMBEDDER]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?\d+|[{}\[\]:,]')


def _parse(text: str) -> dict[str, list[Any]]:
    """Protobuf text format, as much of it as `config.pbtxt` uses: every field a list."""
    left = _TOKEN.findall(text)
    assert "".join(left) == re.sub(r"\s", "", text), "something is not a token"
    fields = _fields(left, end=None)
    assert not left
    return fields


def _fields(left: list[str], end: str | None) -> dict[str, list[Any]]:
    fields: dict[str, list[Any]] = {}
    while left and left[0] != end:
        name = left.pop(0)
        if left[0] == ":":
            left.pop(0)
        fields.setdefault(name, []).extend(_values(left))
    if end is not None:
        assert left.pop(0) == end
    return fields


def _values(left: list[str]) -> list[Any]:
    token = left.pop(0)
    if token == "{":
        return [_fields(left, "}")]
    if token == "[":
        values = []
        while left[0] != "]":
            values += _values(left)
            if left[0] == ",":
                left.pop(0)
        left.pop(0)
        return values
    return [int(token) if token.lstrip("-").isdigit() else token.strip('"')]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("profile", list(Profile))
def test_configuration_says_what_the_model_is(recipe: Recipe, profile: Profile) -> None:
    config = _parse(config_pbtxt(recipe, profile, "0f" * 32))
    assert config["name"] == [recipe.name]
    assert config["backend"] == ["onnxruntime"]
    assert config["max_batch_size"] == [recipe.max_batch]
    assert config["input"] == [
        {
            "name": ["image"],
            "data_type": ["TYPE_UINT8"],
            "dims": [recipe.input.height or -1, recipe.input.width or -1, 3],
        }
    ]
    assert {tensor["name"][0]: tuple(tensor["dims"]) for tensor in config["output"]} == dict(
        recipe.outputs
    )
    assert {tensor["data_type"][0] for tensor in config["output"]} == {"TYPE_FP32"}
    assert config["instance_group"][0]["kind"] == [f"KIND_{profile.value.upper()}"]
    (batching,) = config["dynamic_batching"]
    assert set(batching) == {"preferred_batch_size"}, "a queue's policy makes Triton forget"
    assert max(batching["preferred_batch_size"]) <= recipe.max_batch
    assert (batching["preferred_batch_size"] == [1]) == (profile is Profile.CPU)
    said = {one["key"][0]: one["value"][0]["string_value"][0] for one in config["parameters"]}
    assert said["sha256"] == "0f" * 32
    assert ("intra_op_thread_count" in said) == (profile is Profile.CPU)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_card_survives_being_written(recipe: Recipe) -> None:
    card = recipe.card("0f" * 32)
    assert card_from_yaml(card_to_yaml(card)) == card


@pytest.mark.parametrize("recipe", EMBEDDERS, ids=lambda recipe: recipe.name)
def test_embedders_say_how_to_align_for_either_detector(recipe: Recipe) -> None:
    """Image-left first, eyes above nose above mouth, all within the crop."""
    assert set(recipe.landmark_templates) == {"yunet", "mtcnn"}
    side = recipe.input.height
    assert side is not None
    for points in recipe.landmark_templates.values():
        right_eye, left_eye, nose, right_mouth, left_mouth = points
        assert all(0 < x < side and 0 < y < side for x, y in points)
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_mouth[0] < left_mouth[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert recipe.dimension == recipe.outputs["embedding"][0]


@pytest.mark.parametrize("recipe", EMBEDDERS, ids=lambda recipe: recipe.name)
def test_thresholds_are_similarities_that_rise_as_false_accepts_fall(recipe: Recipe) -> None:
    values = list(recipe.thresholds.values())
    assert values == sorted(values)
    assert all(-1 < value < 1 for value in values)
    assert recipe.thresholds or recipe.warnings


def test_registry_says_that_it_is_weak() -> None:
    (embedder,) = [recipe for recipe in SETS["registry"] if recipe.role is ModelRole.EMBEDDER]
    assert embedder.metric is Metric.L2
    assert any("Weak for large galleries" in warning for warning in embedder.warnings)
    assert all("demonstrations" in " ".join(recipe.warnings) for recipe in SETS["registry"])


def test_every_file_of_the_registry_set_is_in_a_package() -> None:
    members = {file for package in PACKAGES for file in package.members}
    assert {file for recipe in SETS["registry"] for file in recipe.files} == members


def test_command_offers_every_set() -> None:
    assert set(SET_NAMES) == set(SETS)


def test_names_of_models_are_their_own() -> None:
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)
