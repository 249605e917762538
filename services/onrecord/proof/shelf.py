"""What a law must remember for as long as a ledger lasts, kept wherever there is room.

Some laws can never forget: a search that was granted once may not be granted again, however much
later. A shelf holds such memories by key, so that whoever verifies decides where they lie: in
memory here, or on disk, where a ledger is longer than memory.
"""

from collections.abc import Callable
from typing import Any, Protocol


class Shelf(Protocol):
    """Values of JSON by text. A value that was changed after `get` must be `put` again."""

    def get(self, key: str) -> Any:
        """What was put there last; None where nothing is."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Keep a value of strings, whole numbers, truths, lists and dicts with string keys."""
        ...

    def drop(self, key: str) -> None:
        """Forget it; nothing happens where nothing is."""
        ...


Shelves = Callable[[], Shelf]
"""Gives an empty shelf, a new one each time."""


class MemoryShelf:
    """A shelf that is as large as what is put there."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self._held.get(key)

    def put(self, key: str, value: Any) -> None:
        self._held[key] = value

    def drop(self, key: str) -> None:
        self._held.pop(key, None)
