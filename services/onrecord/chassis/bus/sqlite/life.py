"""Whether whoever opened a bus still runs: they hold a lock that their death lets go of."""

import fcntl
import os
import uuid
from pathlib import Path


class Life:
    """Of one open bus. `id` is told to others, who ask `ended`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid.uuid4().hex
        self._folder = folder
        self._path = folder / self.id
        self._lock: int | None = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def ended(self, other: str) -> bool:
        """Whether the process of `other` is gone, or has closed its bus."""
        try:
            descriptor = os.open(self._folder / other, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            (self._folder / other).unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)

    def end(self) -> None:
        """Repeatable."""
        if self._lock is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
