"""What was asked for before it was due (ADR 53)."""

import threading
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class AtHand(Generic[_K, _V]):
    """So many values, the newest ones; each is taken once. May be used from many threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[_K, _V] = {}
        self._lock = threading.Lock()

    def has(self, key: _K) -> bool:
        with self._lock:
            return key in self._values

    def put(self, key: _K, value: _V) -> None:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                del self._values[next(iter(self._values))]

    def take(self, key: _K) -> _V | None:
        with self._lock:
            return self._values.pop(key, None)
