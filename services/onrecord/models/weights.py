"""Weight files, read from a folder; none is handed on whose SHA-256 is not the one known."""

import hashlib
from pathlib import Path
from typing import Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError


class WeightSource(Protocol):
    def read(self, file: str, sha256: str) -> bytes:
        """The content of a weight file, which has this SHA-256 (hex).

        Raises MODEL_HASH if it has another, MODEL_SOURCE if it cannot be had.
        """
        ...


class FolderWeights:
    """Weight files somewhere below a folder, found by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, file: str, sha256: str) -> bytes:
        found = [self._folder / file] if (self._folder / file).is_file() else []
        found = found or sorted(self._folder.rglob(file))
        if not found:
            raise OnRecordError(
                ErrorCode.MODEL_SOURCE, f"There is no {file} in {self._folder} (use --from FOLDER)."
            )
        return checked(found[0].read_bytes(), sha256, str(found[0]))


def checked(content: bytes, sha256: str, where: str) -> bytes:
    """`content`, if it has this SHA-256. Raises MODEL_HASH, and nothing has looked inside."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise OnRecordError(
            ErrorCode.MODEL_HASH,
            f"{where} is refused: its SHA-256 is {found}, it must be {sha256}.",
            details={"found": found, "expected": sha256},
        )
    return content
