"""The gateways that are asked: what a Kubernetes Service does for those that are not."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import overload


class Rotation(Sequence[str]):
    """Addresses, of which some are out. One is always in."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._all = tuple(addresses)
        self._in = self._all
        self._lock = threading.Lock()

    @contextmanager
    def without(self, address: str) -> Iterator[None]:
        """New calls go to the others while this lasts."""
        with self._lock:
            self._in = tuple(one for one in self._in if one != address)
            assert self._in, "nobody would be left"
        try:
            yield
        finally:
            with self._lock:
                self._in = tuple(one for one in self._all if one in self._in or one == address)

    def __len__(self) -> int:
        return len(self._in)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        now = self._in
        # Whoever has just counted them may ask for one that has left.
        return now[index] if isinstance(index, slice) else now[index % len(now)]
