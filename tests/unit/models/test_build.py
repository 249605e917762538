"""Building: what is refused, what is left, what comes out."""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray

from onrecord.chassis.inference import ModelRepository, read_card
from onrecord.chassis.inference.golden import picture, read_golden
from onrecord.kernel.cards import Metric, ModelInput, ModelLicence, ModelRole
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.build import build_models
from onrecord.models.catalogue import SETS
from onrecord.models.recipe import Original, Recipe, Weights
from onrecord.models.rewiring import front_with_uint8
from onrecord.models.triton import Profile
from onrecord.models.weights import FolderWeights
from tests.data import test_data_path
from tests.unit.models.small_networks import POINTS, flattened_pixels


def _quiet(line: str) -> None:
    assert line


def _make(name: str, weights: Weights, *, bgr: bool = True) -> bytes:
    return front_with_uint8(
        weights[name],
        name="small",
        height=8,
        width=8,
        swap_to_bgr=bgr,
        outputs={"embedding": (192,)},
        unit_length=True,
    )


def _recipe(file: str = "flat.onnx") -> Recipe:
    return Recipe(
        name="small",
        model_set="test",
        role=ModelRole.EMBEDDER,
        package=None,
        description="Made by a test.",
        files={file: hashlib.sha256(flattened_pixels()).hexdigest()},
        licence=ModelLicence("Apache-2.0", "Ours."),
        commercial_use=True,
        training_data="None.",
        input=ModelInput("image", 8, 8),
        outputs={"embedding": (192,)},
        max_batch=4,
        make=partial(_make, file),
        original=Original(file, bgr=True, unit_length=True),
        dimension=192,
        metric=Metric.IP,
        landmark_templates={"yunet": POINTS, "mtcnn": POINTS},
        thresholds={"far_1e-3": 0.4},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "flat.onnx").write_bytes(flattened_pixels())
    return weights


def _times(repository: Path) -> Mapping[str, int]:
    files = [path for path in repository.rglob("*") if path.is_file()]
    return {str(path.relative_to(repository)): path.stat().st_mtime_ns for path in files}


def test_entry_is_whole_and_loads(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (built,) = build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    assert built.fresh
    assert sorted(_times(repository)) == [
        "small/1/model.onnx",
        "small/card.yaml",
        "small/config.pbtxt",
        "small/golden.json",
    ]
    digest = hashlib.sha256((repository / "small/1/model.onnx").read_bytes()).hexdigest()
    assert digest in (repository / "small/config.pbtxt").read_text()
    assert built.card.model_id == f"small@1+fp32+{digest[:16]}"
    session = ModelRepository(repository).session("small")
    vectors = session.run({"image": np.full((2, 8, 8, 3), 9, dtype=np.uint8)})["embedding"]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_second_build_touches_nothing_and_needs_no_weights(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    before = _times(repository)
    (folder / "flat.onnx").unlink()
    (built,) = build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    assert not built.fresh
    assert _times(repository) == before


@pytest.mark.parametrize("damage", ["absent", "cut off", "another model's"])
def test_a_golden_answer_is_written_where_there_is_none_of_the_model(
    folder: Path, tmp_path: Path, damage: str
) -> None:
    """R-47: it is what an installed Triton is held to."""
    repository = tmp_path / "repository"
    build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    golden = repository / "small/golden.json"
    wanted = golden.read_text()
    if damage == "absent":
        golden.unlink()
    else:
        golden.write_text(
            wanted[:-20] if damage == "cut off" else wanted.replace('"sha256": "', '"sha256": "0')
        )
    (built,) = build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    assert not built.fresh
    assert golden.read_text() == wanted
    answer = ModelRepository(repository).session("small").run({"image": picture(built.card.input)})
    assert read_golden(golden, built.card).apart(answer) < 1e-6


@pytest.mark.parametrize("damaged", ["1/model.onnx", "card.yaml"])
def test_damaged_entry_is_made_anew(folder: Path, tmp_path: Path, damaged: str) -> None:
    repository = tmp_path / "repository"
    build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    wanted = {path: (repository / "small" / path).read_bytes() for path in ("1/model.onnx",)}
    (repository / "small" / damaged).write_bytes(b"something else")
    (built,) = build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    assert built.fresh
    assert (repository / "small/1/model.onnx").read_bytes() == wanted["1/model.onnx"]
    assert ModelRepository(repository).session("small").card == built.card


def test_other_facts_in_the_recipe_make_the_card_anew(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    changed = replace(_recipe(), thresholds={"far_1e-3": 0.45})
    (built,) = build_models([changed], FolderWeights(folder), repository, Profile.CPU, _quiet)
    assert built.fresh
    assert read_card(repository / "small/card.yaml").thresholds == {"far_1e-3": 0.45}


def test_other_profile_changes_the_configuration_alone(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    build_models([_recipe()], FolderWeights(folder), repository, Profile.CPU, _quiet)
    before = _times(repository)
    build_models([_recipe()], FolderWeights(folder), repository, Profile.GPU, _quiet)
    after = _times(repository)
    assert {path for path in after if after[path] != before[path]} == {"small/config.pbtxt"}
    assert "KIND_GPU" in (repository / "small/config.pbtxt").read_text()


def test_weights_with_one_other_bit_are_refused(folder: Path, tmp_path: Path) -> None:
    content = bytearray((folder / "flat.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "flat.onnx").write_bytes(content)
    with pytest.raises(OnRecordError) as refusal:
        build_models([_recipe()], FolderWeights(folder), tmp_path / "r", Profile.CPU, _quiet)
    assert refusal.value.code is ErrorCode.MODEL_HASH
    assert not (tmp_path / "r").exists()


def test_model_that_does_not_do_what_its_original_does_is_not_kept(
    folder: Path, tmp_path: Path
) -> None:
    """Here the channels were not swapped although the original wants BGR."""
    wrong = replace(_recipe(), make=partial(_make, "flat.onnx", bgr=False))
    with pytest.raises(OnRecordError, match="differs by") as refusal:
        build_models([wrong], FolderWeights(folder), tmp_path / "r", Profile.CPU, _quiet)
    assert refusal.value.code is ErrorCode.MODEL_SOURCE
    assert not (tmp_path / "r").exists()


def test_model_of_another_shape_than_promised_is_not_kept(folder: Path, tmp_path: Path) -> None:
    wrong = replace(_recipe(), outputs={"embedding": (128,)})
    with pytest.raises(OnRecordError, match="shape"):
        build_models([wrong], FolderWeights(folder), tmp_path / "r", Profile.CPU, _quiet)


class _Trap:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (_spring, (str(self._path), "sprung"))


def _spring(path: str, word: str) -> list[str]:
    Path(path).write_text(word)
    return [word]


def test_hostile_pickle_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "pnet.lz4").write_bytes(pickle.dumps(_Trap(sprung)))
    with pytest.raises(OnRecordError) as refusal:
        build_models(SETS["registry"], FolderWeights(weights), tmp_path / "r", Profile.CPU, _quiet)
    assert refusal.value.code is ErrorCode.MODEL_HASH
    assert not sprung.exists()
    joblib.load(weights / "pnet.lz4")
    assert sprung.exists(), "the trap is a real one"


@pytest.mark.parametrize(
    "file", ["face_detection_yunet_2023mar.onnx", "face_recognition_sface_2021dec.onnx"]
)
def test_other_networks_under_the_names_of_opencv_zoo_are_refused(
    tmp_path: Path, file: str
) -> None:
    """As in a clone of the zoo, below models/."""
    place = tmp_path / "models" / "of_some_kind"
    place.mkdir(parents=True)
    (place / file).write_bytes(flattened_pixels())
    recipes = [recipe for recipe in SETS["opencv-zoo"] if file in recipe.files]
    with pytest.raises(OnRecordError) as refusal:
        build_models(recipes, FolderWeights(tmp_path), tmp_path / "r", Profile.CPU, _quiet)
    assert refusal.value.code is ErrorCode.MODEL_HASH
    assert file in refusal.value.message


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("reference")
    weights = FolderWeights(test_data_path("models"))
    build_models(SETS["reference"], weights, repository, Profile.CPU, _quiet)
    return repository


def _original(file: str, planes: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(test_data_path("models", file)), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input": planes}), strict=True))


def _bgr_planes(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2)).astype(np.float32)


def test_reference_detector_equals_its_original(reference: Path) -> None:
    images = np.random.default_rng(8).integers(0, 256, (2, 64, 160, 3), dtype=np.uint8)
    found = ModelRepository(reference).session("yunet").run({"image": images})
    wanted = _original("yunet_n_dynamic.onnx", _bgr_planes(images))
    assert found["kps_8"].shape == (2, 8 * 20, 10)
    for name, array in found.items():
        np.testing.assert_allclose(array, wanted[name], atol=1e-5)


def test_reference_embedder_equals_its_original_at_unit_length(reference: Path) -> None:
    images = np.random.default_rng(9).integers(0, 256, (3, 128, 128, 3), dtype=np.uint8)
    found = ModelRepository(reference).session("reid-retail-0095").run({"image": images})
    file = "face-reidentification-retail-0095.fp32.onnx"
    wanted = _original(file, _bgr_planes(images))["embedding"]
    wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(found["embedding"], wanted, atol=1e-5)


def test_reference_set_is_the_same_bytes_every_time(reference: Path, tmp_path: Path) -> None:
    """A `model_id` names content: two machines that build a set agree on it."""
    weights = FolderWeights(test_data_path("models"))
    build_models(SETS["reference"], weights, tmp_path, Profile.CPU, _quiet)
    for recipe in SETS["reference"]:
        for file in ("1/model.onnx", "card.yaml", "config.pbtxt"):
            again = (tmp_path / recipe.name / file).read_bytes()
            assert again == (reference / recipe.name / file).read_bytes()
