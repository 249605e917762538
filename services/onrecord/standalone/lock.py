"""One process a data folder: SQLite would allow two, the vector file would not survive them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onrecord.kernel.errors import ErrorCode, OnRecordError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the folder's lock, or raise DATA_FOLDER_IN_USE. The kernel drops it if we are killed."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OnRecordError(
                ErrorCode.DATA_FOLDER_IN_USE,
                f"another process is using the data folder {path.parent}",
            ) from error
        yield
