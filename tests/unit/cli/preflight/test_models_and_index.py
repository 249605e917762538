"""R-47: a model that answers otherwise is another model; an index must find, and forget."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onrecord.chassis.inference.golden import GOLDEN
from onrecord.cli.preflight import index as subject
from onrecord.cli.preflight.results import Status
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.index import ExactIndex
from tests.builders.models import reference_repository
from tests.unit.cli.preflight.conftest import Installed

DETECTOR = "yunet"


@pytest.fixture
def repository(installed: Installed, tmp_path: Path) -> Path:
    """The models, as the installation's own copy."""
    copied = tmp_path / "models"
    shutil.copytree(reference_repository(), copied)
    installed.set("detection", {"models": str(copied)})
    return copied


def golden(repository: Path, apart: float) -> None:
    """Let the file say an answer that is so far from the one of the model."""
    path = repository / DETECTOR / GOLDEN
    said = json.loads(path.read_text())
    for output in said["outputs"].values():
        output["values"] = [value * (1 + apart) for value in output["values"]]
    path.write_text(json.dumps(said))


@pytest.mark.parametrize(("apart", "fit"), [(0.0005, True), (0.003, False)])
def test_an_answer_within_the_tolerance_and_one_beyond_it(
    installed: Installed, repository: Path, apart: float, fit: bool
) -> None:
    golden(repository, apart)
    told = installed.preflight("detection")
    assert told.fit is fit
    if not fit:
        _, subject, says, command = told.only_missing()
        assert subject == "models"
        assert "0.001 are allowed" in says
        assert command == f"onrecord models build reference --repository {repository}"


def test_a_model_that_is_not_the_one_on_its_card(installed: Installed, repository: Path) -> None:
    path = repository / DETECTOR / "1" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    _, subject, says, _ = installed.preflight("detection").only_missing()
    assert subject == "models"
    assert "SHA-256" in says


def test_no_detector_and_no_triton(installed: Installed, repository: Path) -> None:
    shutil.rmtree(repository / DETECTOR)
    assert "no detector" in installed.preflight("detection").only_missing()[2]
    shutil.copytree(reference_repository() / DETECTOR, repository / DETECTOR)
    installed.set("detection", {"models": str(repository), "inference": "triton://127.0.0.1:9"})
    assert "tritonserver --model-repository=" in installed.preflight("detection").only_missing()[3]


class Throwaway(ExactIndex):
    """An index that counts what is left of the spaces that were made in it."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[Any] = set()
        self.closed = False

    def create(self, space: Any, deadline: Any) -> None:
        self.made.add(space)
        super().create(space, deadline)

    def drop(  # type: ignore[override]
        self, space: Any, deadline: Any
    ) -> None:
        self.made.remove(space)

    def close(self) -> None:
        self.closed = True


class Keeping(Throwaway):
    def delete(self, space: Any, keys: Sequence[str], deadline: Any) -> None:
        """Says nothing, and does nothing."""


class Losing(Throwaway):
    def insert(self, space: Any, rows: Any, deadline: Any) -> None:
        super().insert(space, rows[:-1], deadline)


class Blind(Throwaway):
    def search(self, space: Any, vector: Any, limit: int, deadline: Any) -> Any:
        return super().search(space, vector, limit, deadline)[::-1]


def test_an_index_that_does_as_it_should_leaves_nothing() -> None:
    index: Any = Throwaway()
    assert subject._tried(index, "here").status is Status.OK
    assert (index.made, index.closed) == (set(), True)


@pytest.mark.parametrize(
    ("index", "says"), [(Keeping(), "still found"), (Losing(), "not found")], ids=["keeps", "loses"]
)
def test_an_index_that_keeps_or_loses_is_told_and_left_clean(
    monkeypatch: pytest.MonkeyPatch, index: Any, says: str
) -> None:
    monkeypatch.setattr(subject, "_SECONDS", 1.0)
    monkeypatch.setattr(subject, "_LOOK_AGAIN", 0.05)
    with pytest.raises(OnRecordError, match=says) as caught:
        subject._tried(index, "here")
    assert caught.value.code is ErrorCode.PLANE_UNAVAILABLE
    assert (index.made, index.closed) == (set(), True)


def test_an_index_that_finds_another_first() -> None:
    index: Any = Blind()
    assert subject._tried(index, "here").status is Status.MISSING
