"""What an object store is to those who use one."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from onrecord.kernel.errors import ErrorCode, OnRecordError

_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")


class ObjectStore(Protocol):
    """Keys are parts of letters, digits, `.`, `_` and `-`, joined by `/`.

    `put` is atomic and durable when it returns; a reader sees the old bytes or the new ones. Every
    method raises OBJECTS_UNAVAILABLE where the store does not answer, or not us.
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

    def delete_all(self, keys: Iterable[str]) -> None:
        """As `delete` for each of them; where it raises, some may be gone and others not."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys under `prefix` (a folder, or '' for all), each once, in an order of its own."""
        ...


def parts_of(key: str) -> tuple[str, ...]:
    """The parts of a key. Raises NOT_FOUND for what is no key: no part leads out of the store."""
    parts = tuple(key.split("/"))
    if not all(_PART.fullmatch(part) for part in parts):
        raise OnRecordError(ErrorCode.NOT_FOUND, "that is not the key of an object")
    return parts
