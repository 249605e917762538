"""Notices searches that did not come through this plane, where the engine counts for itself."""

import logging
import threading
from collections.abc import Sequence

from onrecord.contracts.images import Vector
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.vector_search.core.search_count import Comparison, OwnCount
from onrecord.vector_search.core.values import IndexHit, IndexSpace
from onrecord.vector_search.measured import INDEX_SECONDS
from onrecord.vector_search.ports import SearchCount, VectorIndex

_log = logging.getLogger("onrecord.vector-search")


class CountedIndex:
    """A `VectorIndex` that counts the searches of the one it stands before."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._begun = 0
        self._ended = 0

    @property
    def searches(self) -> OwnCount:
        with self._lock:
            return OwnCount(self._begun, self._ended)

    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        with self._lock:
            self._begun += 1
        try:
            with INDEX_SECONDS.timed(gallery=space.gallery):
                return self._index.search(space, vector, limit, deadline)
        finally:
            with self._lock:
                self._ended += 1

    def foresee(self, space: IndexSpace, deadline: Deadline) -> None:
        self._index.foresee(space, deadline)

    def create(self, space: IndexSpace, deadline: Deadline) -> None:
        self._index.create(space, deadline)

    def insert(
        self, space: IndexSpace, rows: Sequence[tuple[str, Vector]], deadline: Deadline
    ) -> None:
        self._index.insert(space, rows, deadline)

    def delete(self, space: IndexSpace, keys: Sequence[str], deadline: Deadline) -> None:
        self._index.delete(space, keys, deadline)

    def count(self, space: IndexSpace, deadline: Deadline) -> int:
        return self._index.count(space, deadline)

    def keys(self, space: IndexSpace, after: str, limit: int, deadline: Deadline) -> list[str]:
        return self._index.keys(space, after, limit, deadline)

    def compact(self, space: IndexSpace, deadline: Deadline) -> None:
        self._index.compact(space, deadline)

    def release_idle(self, deadline: Deadline) -> None:
        self._index.release_idle(deadline)

    def close(self) -> None:
        self._index.close()


class SearchWatch:
    """Compares the engine's count with ours each time it is asked to; logs what is not ours."""

    def __init__(self, index: CountedIndex, engine: SearchCount) -> None:
        self._index = index
        self._engine = engine
        self._comparison = Comparison()

    def check(self, deadline: Deadline) -> int:
        """How many searches of others were seen now. An engine that does not tell is logged."""
        before = self._index.searches
        try:
            read = self._engine.read(deadline)
        except OnRecordError as error:
            _log.error("the engine's own count of searches cannot be read: %s", error.message)
            return 0
        after = self._index.searches
        if self._comparison.begins_anew(read.started, read.vectors):
            _log.error(
                "the vector engine has begun to count anew; what was searched behind the plane "
                "since the last reading cannot be told"
            )
        strangers = self._comparison.strangers(before, read.started, read.vectors, after)
        if strangers:
            _log.error(
                "ALARM search_count: the vector engine counts %d searches that this plane did not "
                "make (R-23)",
                strangers,
            )
        return strangers
