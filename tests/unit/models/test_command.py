"""`onrecord models`, as a person runs it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from onrecord.models.command import models
from tests.data import test_data_path


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    result = _run("build", "reference", "--from", str(test_data_path("models")), folder)
    assert "yunet@1+fp32+" in result
    assert "already" not in result
    return folder


def _run(*words: str | Path, fails: bool = False) -> str:
    *arguments, repository = words
    given = [str(word) for word in arguments] + ["--repository", str(repository)]
    result = CliRunner().invoke(models, given)
    assert (result.exit_code != 0) == fails, result.output
    return result.output


def test_list_names_what_is_built(repository: Path) -> None:
    lines = _run("list", repository).splitlines()
    assert [line.split()[1] for line in lines] == ["embedder", "detector"]
    assert lines[0].split()[-1].startswith("reid-retail-0095@1+fp32+")


def test_list_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    assert "onrecord models build" in _run("list", tmp_path)


def test_show_prints_the_card(repository: Path) -> None:
    shown = _run("show", "reid-retail-0095", repository)
    assert shown.startswith("# model_id: reid-retail-0095@1+fp32+")
    assert "far_1e-3: 0.371" in shown


def test_second_build_says_that_it_had_nothing_to_do(repository: Path, tmp_path: Path) -> None:
    """No weights are needed for it."""
    said = _run("build", "reference", "--from", str(tmp_path), repository)
    assert said.count("already built") == 2


def test_show_of_an_unknown_model_fails_with_its_code(repository: Path) -> None:
    assert "[model_unknown]" in _run("show", "nobody", repository, fails=True)


def test_wrong_weights_fail_with_their_code(tmp_path: Path) -> None:
    (tmp_path / "yunet_n_dynamic.onnx").write_bytes(b"not that network")
    said = _run("build", "reference", "--from", str(tmp_path), tmp_path / "repository", fails=True)
    assert "[model_hash]" in said


def test_absent_weights_say_where_they_were_looked_for(tmp_path: Path) -> None:
    said = _run("build", "reference", "--from", str(tmp_path), tmp_path / "repository", fails=True)
    assert "[model_source]" in said
    assert str(tmp_path) in said
