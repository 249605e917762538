"""What the plane needs from outside: an index of vectors and a keeper of private keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onrecord.contracts.images import Vector
from onrecord.kernel.deadlines import Deadline
from onrecord.vector_search.core.values import IndexHit, IndexSpace


class VectorIndex(Protocol):
    """Vectors by key, in spaces that no search crosses. The roster, not the index, is truth.

    An index MAY return a key twice, MAY still return what was deleted, MAY lag behind an insert
    by seconds, MAY lose with power what it took; among what it holds it MUST find exactly (FLAT).
    May be called from many threads. Every method raises PLANE_UNAVAILABLE when it cannot answer,
    and DEADLINE_EXCEEDED when it was not asked in time.
    """

    def create(self, space: IndexSpace, deadline: Deadline) -> None:
        """Make the space; nothing happens where it exists."""
        ...

    def insert(
        self, space: IndexSpace, rows: Sequence[tuple[str, Vector]], deadline: Deadline
    ) -> None:
        """Put vectors (float32, `dimension`) under their keys, replacing what stands there."""
        ...

    def foresee(self, space: IndexSpace, deadline: Deadline) -> None:
        """The space will be searched soon: begin to take it into memory, and do not wait for it."""
        ...

    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        """At most `limit` hits (up to 16,384), best first; fewer only when there are no more."""
        ...

    def delete(self, space: IndexSpace, keys: Sequence[str], deadline: Deadline) -> None: ...

    def count(self, space: IndexSpace, deadline: Deadline) -> int:
        """How many keys stand in the space, as far as the index knows."""
        ...

    def keys(self, space: IndexSpace, after: str, limit: int, deadline: Deadline) -> list[str]:
        """At most `limit` keys (up to 16,384) above `after`, in order; fewer only at the end."""
        ...

    def compact(self, space: IndexSpace, deadline: Deadline) -> None:
        """When it returns, the index has dropped the bytes of all that was deleted before the call.

        On Milvus Lite the files have been read again to see it. A Milvus server has merged its
        segments by then, and its object store lets go of the old ones after the server's
        `dataCoord.gc.dropTolerance`. Raises PLANE_UNAVAILABLE where the bytes are still there.
        """
        ...

    def release_idle(self, deadline: Deadline) -> None:
        """Let go of the memory of spaces that were not read for long; the next read takes it again.

        To be called from time to time. Where a space is being taken into memory for longer than a
        call waits, reading raises PLANE_UNAVAILABLE with a time to ask again.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EngineCount:
    """How many vectors an engine has searched for since it started (`started` says which start)."""

    started: str
    vectors: int


class SearchCount(Protocol):
    """The engine's own count of searches, kept by the engine and not by whoever calls it."""

    def read(self, deadline: Deadline) -> EngineCount:
        """Raises PLANE_UNAVAILABLE where the engine does not tell."""
        ...


class KeyStore(Protocol):
    """Keeps the galleries' private keys (X25519) and transport keys, for this plane alone."""

    def mint(self, gallery: str) -> bytes:
        """The gallery's public key (32 bytes), minted now if there is none. Durable."""
        ...

    def private_key(self, gallery: str) -> bytes:
        """32 bytes. Raises PLANE_UNAVAILABLE when there is no such key."""
        ...

    def mint_transport(self, gallery: str, key_id: str) -> bytes:
        """32 bytes under this name (letters and digits), minted now if there are none. Durable."""
        ...

    def transport_key(self, gallery: str, key_id: str) -> bytes:
        """Raises SEAL_KEY_DESTROYED where there is none."""
        ...

    def transport_keys(self, gallery: str) -> frozenset[str]:
        """The names of those that there are."""
        ...

    def destroy_transport(self, gallery: str, key_id: str) -> None:
        """Gone for good when it returns. Repeatable."""
        ...
