"""Weights from a web address: found by name or by path, refused by hash, kept."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.catalogue import PATHS, SETS
from onrecord.models.command import models
from onrecord.models.downloads import UrlWeights
from tests.data import test_data_path

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """A folder behind an address of the loopback, and what was asked of it."""

    folder: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    made.folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            made.asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(made.folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def weights(site: Site, tmp_path: Path) -> UrlWeights:
    return UrlWeights(site.address + "/", {"a.onnx": "deep/a.onnx"}, tmp_path / "kept", _quiet)


def _quiet(line: str) -> None:
    assert line


def code_of(weights: UrlWeights, file: str, sha256: str = SHA256) -> ErrorCode:
    with pytest.raises(OnRecordError) as refused:
        weights.read(file, sha256)
    return refused.value.code


@pytest.mark.parametrize("at", ["a.onnx", "deep/a.onnx"])
def test_a_file_is_found_by_name_or_where_its_publisher_has_it_and_kept(
    weights: UrlWeights, site: Site, at: str
) -> None:
    (site.folder / at).parent.mkdir(exist_ok=True)
    (site.folder / at).write_bytes(CONTENT)
    assert weights.read("a.onnx", SHA256) == CONTENT
    asked = len(site.asked)
    assert weights.read("a.onnx", SHA256) == CONTENT
    assert len(site.asked) == asked


def test_another_file_is_refused_and_not_kept(
    weights: UrlWeights, site: Site, tmp_path: Path
) -> None:
    """Such as the pointer that a large-file store leaves in a file's place."""
    (site.folder / "a.onnx").write_bytes(CONTENT[:-1])
    assert code_of(weights, "a.onnx") is ErrorCode.MODEL_HASH
    assert not (tmp_path / "kept").exists()
    (site.folder / "a.onnx").write_bytes(CONTENT)
    assert weights.read("a.onnx", SHA256) == CONTENT


def test_a_kept_file_that_was_changed_is_refused(
    weights: UrlWeights, site: Site, tmp_path: Path
) -> None:
    (site.folder / "a.onnx").write_bytes(CONTENT)
    weights.read("a.onnx", SHA256)
    [kept] = (tmp_path / "kept").iterdir()
    kept.write_bytes(b"something else")
    assert code_of(weights, "a.onnx") is ErrorCode.MODEL_HASH


def test_what_is_not_there(weights: UrlWeights, tmp_path: Path) -> None:
    assert code_of(weights, "b.onnx") is ErrorCode.MODEL_SOURCE
    nobody = UrlWeights("http://127.0.0.1:1", {}, tmp_path, _quiet)
    assert code_of(nobody, "a.onnx") is ErrorCode.MODEL_SOURCE
    with pytest.raises(OnRecordError):
        UrlWeights("file:///etc", {}, tmp_path, _quiet)


def test_every_file_of_the_default_set_has_its_place() -> None:
    assert set(PATHS) == {file for recipe in SETS["opencv-zoo"] for file in recipe.files}


def test_a_set_is_built_from_an_address(site: Site, tmp_path: Path) -> None:
    """The format is that of production's set; its own files are not at hand here."""
    for file in test_data_path("models").iterdir():
        (site.folder / file.name).symlink_to(file)
    given = ["build", "reference", "--from", site.address, "--cache", str(tmp_path / "cache")]
    result = CliRunner().invoke(models, [*given, "--repository", str(tmp_path / "repository")])
    assert result.exit_code == 0, result.output
    assert "reid-retail-0095@1+fp32+47977264bd77fbaf  built" in result.output
    zoo = CliRunner().invoke(models, ["build", "opencv-zoo", *given[2:]])
    assert zoo.exit_code != 0
    assert "[model_source]" in zoo.output
