"""What people were told, as it was told: it must hold for ever after."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kills.acknowledged import Acknowledged


class Told:
    """`Acknowledged`, for many threads."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._kept = Acknowledged(folder)

    def note(self, what: str, **said: Any) -> None:
        with self._lock:
            self._kept.note(what, **said)

    def of(self, what: str) -> list[Mapping[str, Any]]:
        with self._lock:
            return list(self._kept.of(what))
