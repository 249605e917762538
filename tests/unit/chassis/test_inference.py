"""Cards and sessions: what is loaded is what its card names."""

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from onrecord.chassis.inference import ModelRepository, card_from_yaml, card_to_yaml
from onrecord.kernel.cards import Metric, ModelCard, ModelInput, ModelRole
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.rewiring import front_with_uint8
from tests.unit.models.small_networks import flattened_pixels, small_card

IMAGES = np.random.default_rng(4).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)


def _model() -> bytes:
    return front_with_uint8(
        flattened_pixels(),
        name="small",
        height=8,
        width=8,
        swap_to_bgr=False,
        outputs={"embedding": (192,)},
        unit_length=True,
    )


def _install(root: Path, model: bytes, card: ModelCard) -> None:
    folder = root / "small"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(model)
    (folder / "card.yaml").write_text(card_to_yaml(card), encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    model = _model()
    _install(tmp_path, model, small_card(hashlib.sha256(model).hexdigest()))
    return tmp_path


def test_model_id_names_content() -> None:
    card = small_card("0123456789abcdef" * 4)
    assert card.model_id == "small@1+fp32+0123456789abcdef"


def test_session_runs_batches_and_gives_read_only_arrays(root: Path) -> None:
    session = ModelRepository(root).session("small")
    vectors = session.run({"image": IMAGES})["embedding"]
    raw = IMAGES.transpose(0, 3, 1, 2).reshape(2, -1).astype(np.float32)
    np.testing.assert_allclose(vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    assert vectors.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 1


def test_model_that_its_card_does_not_name_is_refused(root: Path) -> None:
    """R-37: the hash on the card."""
    path = root / "small" / "1" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    repository = ModelRepository(root)
    assert [card.name for card in repository.cards()] == ["small"]
    with pytest.raises(OnRecordError) as refusal:
        repository.session("small")
    assert refusal.value.code is ErrorCode.MODEL_HASH


@pytest.mark.parametrize("name", ["other", "", "..", "small/../small", "1"])
def test_unknown_models_are_refused(root: Path, name: str) -> None:
    with pytest.raises(OnRecordError) as refusal:
        ModelRepository(root).session(name)
    assert refusal.value.code is ErrorCode.MODEL_UNKNOWN


def test_card_of_another_model_is_refused(root: Path) -> None:
    (root / "small").rename(root / "large")
    with pytest.raises(OnRecordError, match="that of small") as refusal:
        ModelRepository(root).session("large")
    assert refusal.value.code is ErrorCode.MODEL_CARD_INVALID


def test_card_without_its_model_says_how_to_build_it(root: Path) -> None:
    (root / "small" / "1" / "model.onnx").unlink()
    with pytest.raises(OnRecordError, match="onrecord models build test"):
        ModelRepository(root).session("small")


def test_threads_share_one_session_and_one_truth(root: Path) -> None:
    repository = ModelRepository(root)
    wanted = repository.session("small").run({"image": IMAGES})["embedding"]
    found: list[bool] = []

    def search() -> None:
        session = repository.session("small")
        same = session is repository.session("small")
        for _ in range(20):
            again = session.run({"image": IMAGES})["embedding"]
            found.append(same and bool(np.array_equal(again, wanted)))

    threads = [threading.Thread(target=search) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 120
    assert all(found)


def test_inputs_that_are_not_the_cards_are_refused(root: Path) -> None:
    session = ModelRepository(root).session("small")
    with pytest.raises(ValueError, match="uint8"):
        session.run({"image": IMAGES.astype(np.float32)})
    with pytest.raises(ValueError, match="uint8"):
        session.run({"image": IMAGES[:, :4]})
    with pytest.raises(ValueError, match="uint8"):
        session.run({"image": IMAGES[0]})
    with pytest.raises(ValueError, match="takes 'image'"):
        session.run({"pixels": IMAGES})


def test_card_survives_being_written() -> None:
    card = small_card("cd" * 32)
    assert card_from_yaml(card_to_yaml(card)) == card
    detector = replace(
        card,
        role=ModelRole.DETECTOR,
        input=ModelInput("image", None, None),
        dimension=None,
        metric=None,
        landmark_templates={},
        thresholds={},
    )
    assert card_from_yaml(card_to_yaml(detector)) == detector


_FIELDS = yaml.safe_load(card_to_yaml(small_card("cd" * 32)))


@pytest.mark.parametrize("name", sorted(_FIELDS))
def test_card_without_a_field_is_refused(name: str) -> None:
    """R-37: no part of a card has a default."""
    left = {key: value for key, value in _FIELDS.items() if key != name}
    with pytest.raises(OnRecordError) as refusal:
        card_from_yaml(yaml.safe_dump(left))
    assert refusal.value.code is ErrorCode.MODEL_CARD_INVALID
    assert refusal.value.field == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sha256", "CD" * 32),
        ("sha256", "cd" * 31),
        ("commercial_use", "yes, surely"),
        ("dimension", True),
        ("dimension", 0),
        ("metric", "cosine"),
        ("similarity", "something like the cosine"),
        ("role", "embeder"),
        ("outputs", "embedding"),
        ("licence", {"spdx": "MIT"}),
        ("input", {**_FIELDS["input"], "channels": "BGR"}),
        ("landmark_templates", {"yunet": [[1, 2], [3, 4]]}),
        ("landmark_templates", {"yunet": [[1, 2]] * 4 + [[1, "2"]]}),
        ("thresholds", {"far_1e-3": "high"}),
        ("source", {**_FIELDS["source"], "files": {"a.onnx": "short"}}),
        ("remark", "not a field"),
    ],
)
def test_card_with_a_wrong_field_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(OnRecordError) as refusal:
        card_from_yaml(yaml.safe_dump({**_FIELDS, name: value}))
    assert refusal.value.code is ErrorCode.MODEL_CARD_INVALID
    assert (refusal.value.field or "").split(".")[0] == name


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "!!python/object:os.system {}"])
def test_text_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(OnRecordError) as refusal:
        card_from_yaml(text)
    assert refusal.value.code is ErrorCode.MODEL_CARD_INVALID


@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8).filter(lambda v: abs(sum(v)) > 0.1))
def test_similarity_by_distance_is_the_cosine_of_unit_vectors(values: list[float]) -> None:
    a = np.array(values) / np.linalg.norm(values)
    b = np.roll(a, 1)
    by_distance = Metric.L2.similarity(float(((a - b) ** 2).sum()))
    assert by_distance == pytest.approx(Metric.IP.similarity(float(a @ b)), abs=1e-9)


@given(st.floats(0, 100), st.floats(0, 100))
def test_nearer_is_never_less_alike(near: float, far: float) -> None:
    near, far = sorted((near, far))
    assert -1 <= Metric.L2.similarity(far) <= Metric.L2.similarity(near) <= 1
