"""R-44, R-37: models that a pod fetches are those of their cards, or the pod does not start."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from onrecord.chassis.objects import LocalObjects
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models import carrying
from onrecord.models.command import models
from tests.builders.models import registry_repository


def _store(folder: Path) -> LocalObjects:
    store = LocalObjects(folder / "store")
    carrying.push(registry_repository(), store)
    return store


def test_what_was_put_is_what_is_fetched(tmp_path: Path) -> None:
    cards = carrying.fetch(_store(tmp_path), tmp_path / "here", cards_only=False)
    assert [one.name for one in cards] == sorted(one.name for one in cards)
    for card in cards:
        for name in ("card.yaml", "config.pbtxt", "golden.json", "1/model.onnx"):
            original = registry_repository() / card.name / name
            assert (tmp_path / "here" / card.name / name).read_bytes() == original.read_bytes()


def test_a_model_that_is_not_the_one_of_its_card_is_refused(tmp_path: Path) -> None:
    """R-37: whoever can write to the store cannot put another model under the name."""
    store = _store(tmp_path)
    name = carrying.fetch(store, tmp_path / "before", cards_only=True)[0].name
    store.put(f"{name}/1/model.onnx", b"another")
    with pytest.raises(OnRecordError) as refused:
        carrying.fetch(store, tmp_path / "here", cards_only=False)
    assert refused.value.code is ErrorCode.MODEL_HASH
    shown = CliRunner().invoke(models, ["check", "--repository", str(tmp_path / "here")])
    assert shown.exit_code == 1
    assert "is not the model of its card" in shown.output


def test_cards_alone_bring_no_model(tmp_path: Path) -> None:
    cards = carrying.fetch(_store(tmp_path), tmp_path / "here", cards_only=True)
    assert cards
    assert {path.name for path in (tmp_path / "here").rglob("*") if path.is_file()} == {"card.yaml"}


def test_no_models_is_a_refusal(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path / "store")
    store.put("README.md", b"nothing")
    store.put("half/1/model.onnx", b"without its card")
    with pytest.raises(OnRecordError) as refused:
        carrying.fetch(store, tmp_path / "here", cards_only=False)
    assert refused.value.code is ErrorCode.MODEL_UNKNOWN
    assert not (tmp_path / "here").exists()
