"""An object store: bytes under keys. A local directory here; S3 speaks the same port."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")


class ObjectStore(Protocol):
    """Keys are parts of letters, digits, `.`, `_` and `-`, joined by `/`.

    `put` is atomic and durable when it returns; a reader sees the old bytes or the new ones.
    """

    def put(self, key: str, data: bytes) -> None:
        """Raises STORAGE_FULL, and leaves what stood there before."""
        ...

    def get(self, key: str) -> bytes:
        """Raises NOT_FOUND."""
        ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Gone when it returns; deleting what is not there is not an error."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys under `prefix` (a folder, or '' for all), sorted."""
        ...


class LocalObjects:
    """An `ObjectStore` in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        # A name no key can have, so that a crash leaves no object behind.
        temporary = path.with_name(f"~{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno not in _FULL:
                raise
            raise OnRecordError(
                ErrorCode.STORAGE_FULL, "there is no room left in the object store"
            ) from error

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise OnRecordError(ErrorCode.NOT_FOUND, f"there is no object {key}") from error

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_folder(path.parent)

    def keys(self, prefix: str) -> Iterator[str]:
        start = self._path(prefix) if prefix else self._root
        for path in sorted(start.rglob("*")):
            if path.is_file() and not path.name.startswith("~"):
                yield path.relative_to(self._root).as_posix()

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if not all(_PART.fullmatch(part) for part in parts):
            raise OnRecordError(ErrorCode.NOT_FOUND, "that is not the key of an object")
        return self._root.joinpath(*parts)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
