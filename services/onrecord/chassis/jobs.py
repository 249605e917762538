"""Work that comes round: a thread of its own, asked to stop like everything else."""

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Periodic:
    """Calls `work` at once and then `seconds` after it last ended, until asked to stop.

    What `work` raises is logged and tried again next time: one failed round of upkeep is no
    reason to stop serving, and its own alarm says when it matters.
    """

    def __init__(self, name: str, work: Callable[[], object], seconds: float) -> None:
        self.name = name
        self._work = work
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def failed(self) -> bool:
        return not self._stop.is_set() and not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
            except Exception:  # noqa: BLE001 - told in full, and tried again
                _log.exception("%s failed; it is tried again in %.0f s", self.name, self._seconds)
            self._stop.wait(self._seconds)
