"""An object store in a local directory."""

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from onrecord.chassis.objects.ports import parts_of
from onrecord.kernel.errors import ErrorCode, OnRecordError

_FULL = (errno.ENOSPC, errno.EDQUOT)


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
        self.delete_all([key])

    def delete_all(self, keys: Iterable[str]) -> None:
        paths = [self._path(key) for key in keys]
        for path in paths:
            path.unlink(missing_ok=True)
        # One sync for all that went out of a folder.
        for folder in {path.parent for path in paths}:
            if folder.exists():
                _sync_folder(folder)

    def keys(self, prefix: str) -> Iterator[str]:
        start = self._path(prefix) if prefix else self._root
        for path in sorted(start.rglob("*")):
            if path.is_file() and not path.name.startswith("~"):
                yield path.relative_to(self._root).as_posix()

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*parts_of(key))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
