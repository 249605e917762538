"""R-20, R-24: Tessera's `fsck`, unmodified, finds our ledgers whole, and finds what is not.

It reads what audit's publisher wrote and shares no line with us. Its exit status says nothing
(it is 0 either way), so what it prints is read, and that it has come to an end: once in a while,
after a fault, v1.0.4 waits for itself for ever.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from onrecord.proof.notes import NoteSigner
from onrecord.proof.tiles import CHECKPOINT_PATH
from tests.builders.audit import ORIGIN
from tests.builders.long_ledger import publish_ledger

SIGNER = NoteSigner.generate(ORIGIN)


def checked(fsck: Path, log: Path, key: Path) -> str:
    """What is wrong with the log, in fsck's words; empty where nothing is."""
    where = [f"--storage_url=file://{log}/", f"--public_key={key}"]
    for _ in range(3):
        try:
            done = subprocess.run(
                [str(fsck), *where, "--ui=false", "--v=1"],
                capture_output=True,
                text=True,
                timeout=8,
                check=False,
            )
        except subprocess.TimeoutExpired:
            continue
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "Completed ranges" in said, said
        return "; ".join(re.findall(r"fsck failed: (.*)", said))
    return "it did not come to an end"


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_text(SIGNER.verifier.text)
    return path


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ledgers by the sizes they were published at, one after the other."""
    made = {}
    for sizes in ((1,), (255,), (256,), (257,), (1, 255, 256, 257, 600), (70_000,)):
        folder = tmp_path_factory.mktemp("ledger")
        made[" then ".join(map(str, sizes))] = publish_ledger(folder, sizes, SIGNER)
    return made


LOGS = ("1", "255", "256", "257", "1 then 255 then 256 then 257 then 600", "70000")


@pytest.mark.parametrize("log", LOGS)
def test_a_ledger_of_ours_is_found_whole(
    fsck: Path, logs: dict[str, Path], key: Path, log: str
) -> None:
    assert checked(fsck, logs[log], key) == ""


@pytest.mark.parametrize("log", LOGS)
def test_a_flipped_bit_in_any_kind_of_object_is_found(
    fsck: Path, logs: dict[str, Path], key: Path, log: str, tmp_path: Path
) -> None:
    """In the middle of the last object of every level, and in the checkpoint."""
    shutil.copytree(logs[log], tmp_path / "log")
    levels = sorted((tmp_path / "log" / "tile").iterdir())
    assert len(levels) >= 2
    for folder in levels:
        victim = max(path for path in folder.rglob("*") if path.is_file())
        whole = victim.read_bytes()
        middle = len(whole) // 2
        victim.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        assert checked(fsck, tmp_path / "log", key), victim
        victim.write_bytes(whole)
    checkpoint = tmp_path / "log" / CHECKPOINT_PATH
    note = checkpoint.read_text()
    origin, size, rest = note.split("\n", 2)
    checkpoint.write_text(f"{origin}\n{int(size) + 1}\n{rest}")
    assert checked(fsck, tmp_path / "log", key)
    checkpoint.write_text(note)
    assert checked(fsck, tmp_path / "log", key) == ""


def test_another_key_is_not_ours(fsck: Path, logs: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "key"
    other.write_text(NoteSigner.generate(SIGNER.name).verifier.text)
    assert checked(fsck, logs["257"], other)
