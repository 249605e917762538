"""Weights from packages: fetched once, checked every time."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.packages import Package, PackageWeights, Tell, fetch_with_pip

CONTENT = b"weights, as far as this test is concerned"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
INFO = "small_weights-1.0.dist-info"


def _wheel() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("small_weights/net.bin", CONTENT)
        wheel.writestr(
            f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: small-weights\nVersion: 1.0\n"
        )
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return file.getvalue()


def _sdist() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as sdist:
        info = tarfile.TarInfo("small_weights/net.bin")
        info.size = len(CONTENT)
        sdist.addfile(info, io.BytesIO(CONTENT))
    return file.getvalue()


def _package(archive: bytes) -> Package:
    return Package(
        "small_weights",
        "1.0",
        wheel=True,
        sha256=hashlib.sha256(archive).hexdigest(),
        size=len(archive),
        members={"net.bin": "small_weights/net.bin"},
    )


class _Index:
    """Serves one archive and counts how often it was asked."""

    def __init__(self, archive: bytes) -> None:
        self.asked = 0
        self._archive = archive

    def fetch(self, package: Package, folder: Path, tell: Tell) -> Path:
        self.asked += 1
        tell(f"fetching {package.name}")
        path = folder / "archive"
        path.write_bytes(self._archive)
        return path


@pytest.mark.parametrize("archive", [_wheel(), _sdist()], ids=["wheel", "sdist"])
def test_weights_are_taken_out_once(archive: bytes, tmp_path: Path) -> None:
    index, told = _Index(archive), list[str]()
    weights = PackageWeights(tmp_path, index.fetch, told.append, [_package(archive)])
    assert weights.read("net.bin", SHA256) == CONTENT
    assert weights.read("net.bin", SHA256) == CONTENT
    assert index.asked == 1
    assert told == ["fetching small_weights"]
    assert [path.name for path in tmp_path.iterdir()] == ["net.bin"]


def test_other_archive_is_refused_and_nothing_kept(tmp_path: Path) -> None:
    index = _Index(_sdist())
    weights = PackageWeights(tmp_path, index.fetch, list[str]().append, [_package(_wheel())])
    with pytest.raises(OnRecordError) as refusal:
        weights.read("net.bin", SHA256)
    assert refusal.value.code is ErrorCode.MODEL_HASH
    assert not list(tmp_path.iterdir())


def test_cache_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    archive = _wheel()
    weights = PackageWeights(
        tmp_path, _Index(archive).fetch, list[str]().append, [_package(archive)]
    )
    weights.read("net.bin", SHA256)
    (tmp_path / "net.bin").write_bytes(CONTENT + b"!")
    with pytest.raises(OnRecordError) as refusal:
        weights.read("net.bin", SHA256)
    assert refusal.value.code is ErrorCode.MODEL_HASH


def test_archive_without_the_file_is_refused(tmp_path: Path) -> None:
    archive = _wheel()
    package = replace(_package(archive), members={"net.bin": "elsewhere/net.bin"})
    weights = PackageWeights(tmp_path, _Index(archive).fetch, list[str]().append, [package])
    with pytest.raises(OnRecordError, match="does not hold") as refusal:
        weights.read("net.bin", SHA256)
    assert refusal.value.code is ErrorCode.MODEL_SOURCE


@pytest.fixture
def offline_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "small_weights-1.0-py3-none-any.whl").write_bytes(_wheel())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_pip_fetches_the_pinned_archive(offline_index: Path, tmp_path: Path) -> None:
    wheel = (offline_index / "small_weights-1.0-py3-none-any.whl").read_bytes()
    weights = PackageWeights(
        tmp_path / "cache", fetch_with_pip, list[str]().append, [_package(wheel)]
    )
    assert weights.read("net.bin", SHA256) == CONTENT


def test_pip_refuses_an_archive_that_is_not_the_pinned_one(
    offline_index: Path, tmp_path: Path
) -> None:
    package = replace(_package(_wheel()), sha256="00" * 32)
    with pytest.raises(OnRecordError, match="HASH") as refusal:
        fetch_with_pip(package, tmp_path, list[str]().append)
    assert refusal.value.code is ErrorCode.MODEL_SOURCE
