"""Which collections a Milvus server holds in memory: loaded when they are searched, let go after.

A gallery that nobody searches costs a server its memory all the same; loading one takes it three
seconds where it is small and minutes where it is large.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from onrecord.chassis.problems import RETRY_AFTER_MS
from onrecord.kernel.deadlines import Deadline
from onrecord.vector_search.adapters.milvus_asking import MilvusUnavailableError, asked

_POLL_SECONDS: Final = 0.1
_MARGIN_SECONDS: Final = 0.5  # of the deadline, in which the caller is told
_RETRY_MS: Final = 5000
_LOADED: Final = "Loaded"
_ABSENT: Final = "NotExist"


class Memory:
    """The collections that this process has had loaded, and when each was last used.

    `idle_seconds`: after which one that was not used is released; None keeps all. `wait_seconds`:
    how long one call waits for a collection to be loaded. May be used from many threads.
    """

    def __init__(
        self,
        client: Any,
        *,
        idle_seconds: float | None,
        wait_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._idle_seconds = idle_seconds
        self._wait_seconds = wait_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}
        self._foreseen: dict[str, float] = {}  # that no search has come for yet

    def hold(self, name: str, deadline: Deadline) -> None:
        """When it returns, the collection is loaded, as far as we know.

        Raises PLANE_UNAVAILABLE: there is none; or loading takes longer than this call waits, with
        a time after which to ask again. It goes on meanwhile.
        """
        with self._lock:
            known = name in self._used
            self._used[name] = self._monotonic()
            self._foreseen.pop(name, None)
        if known:
            return
        try:
            self._load(name, deadline)
        except BaseException:
            self.forget(name)
            raise

    def foresee(self, name: str, deadline: Deadline) -> None:
        """Have it loaded, and do not wait: who searches it soon waits for the rest alone.

        It is not in use before it is searched, and released like any other if it never is.
        """
        with self._lock:
            known = name in self._used
        if known or self._state(name, deadline) == _LOADED:
            return
        asked(partial(self._client.load_collection, name, _async=True), deadline)
        with self._lock:
            if name not in self._used:
                self._foreseen[name] = self._monotonic()

    def forget(self, name: str) -> None:
        """It may no longer be what we took it for."""
        with self._lock:
            self._used.pop(name, None)
            self._foreseen.pop(name, None)

    def release_idle(self, deadline: Deadline) -> None:
        """Let the server drop what was not used for `idle_seconds`.

        A search that is about to begin meets an error and loads it again.
        """
        if self._idle_seconds is None:
            return
        since = self._monotonic() - self._idle_seconds
        with self._lock:
            idle = []
            for held in (self._used, self._foreseen):
                late = [name for name, at in held.items() if at <= since]
                for name in late:
                    del held[name]
                idle += late
        for name in idle:
            asked(partial(self._client.release_collection, name), deadline)

    def _load(self, name: str, deadline: Deadline) -> None:
        if self._state(name, deadline) == _LOADED:
            return
        asked(partial(self._client.load_collection, name, _async=True), deadline)
        until = Deadline.after(
            min(self._wait_seconds, max(0.0, deadline.remaining() - _MARGIN_SECONDS))
        )
        while (state := self._state(name, deadline)) != _LOADED:
            if until.remaining() <= 0.0:
                told = MilvusUnavailableError(
                    f"the gallery is being loaded into the vector index ({state})"
                )
                told.details[RETRY_AFTER_MS] = _RETRY_MS
                raise told
            time.sleep(_POLL_SECONDS)

    def _state(self, name: str, deadline: Deadline) -> str:
        state = str(asked(partial(self._client.get_load_state, name), deadline)["state"].name)
        if state == _ABSENT:
            raise MilvusUnavailableError("the vector index has no such collection")
        return state
