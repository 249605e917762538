"""Vectors in Milvus: one collection for each gallery and model, searched exactly (FLAT).

The same calls serve a Milvus server and Milvus Lite, which pymilvus starts in this process when
the address is a file.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pymilvus import DataType, MilvusClient

from onrecord.contracts.images import Vector
from onrecord.kernel.deadlines import Deadline
from onrecord.vector_search.adapters.milvus_asking import (
    NOT_FOUND,
    NOT_LOADED,
    MilvusUnavailableError,
    asked,
)
from onrecord.vector_search.adapters.milvus_lite import LiteFiles
from onrecord.vector_search.adapters.milvus_memory import Memory
from onrecord.vector_search.core.values import IndexHit, IndexSpace

_KEY, _VECTOR = "key", "vector"
_KEY_LENGTH = 64
_ROWS_AT_ONCE = 1000
_LITE_FLUSH_AFTER = 100
_OPENING_SECONDS = 30.0
_CLOSING_SECONDS = 30.0
_COMPACTION_POLL_SECONDS = 0.5
LOAD_WAIT_SECONDS = 10.0

_Answer = TypeVar("_Answer")


def collection_name(space: IndexSpace) -> str:
    """Letters, digits and underscores, as Milvus asks; the model by sixteen digits of its hash."""
    model = hashlib.sha256(space.model_id.encode()).hexdigest()[:16]
    return f"gallery_{space.gallery.replace('-', '_')}_{model}"


class MilvusIndex:
    """A `VectorIndex` on pymilvus; made by `on_server` or `on_file`.

    `one_at_a_time` keeps the calls to one collection apart. `flush_after` rows are sealed by this
    program; None leaves that to the server. `memory`: what of it is loaded. `lite`: the files,
    where they are this program's to compact. `release` is called last.
    """

    def __init__(
        self,
        client: Any,
        *,
        one_at_a_time: bool,
        flush_after: int | None,
        memory: Memory,
        release: Callable[[], None],
        lite: LiteFiles | None = None,
    ) -> None:
        self._client = client
        self._one_at_a_time = one_at_a_time
        self._flush_after = flush_after
        self._memory = memory
        self._release = release
        self._lite = lite
        self._guard = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._made: set[str] = set()
        self._unflushed: dict[str, int] = {}

    @classmethod
    def on_server(
        cls,
        uri: str,
        token: str = "",
        *,
        idle_seconds: float | None = None,
        load_wait_seconds: float = LOAD_WAIT_SECONDS,
    ) -> "MilvusIndex":
        """Milvus at `http://host:19530`. It seals its rows by itself, and limits who asks it to.

        What is asked of it is what versions 2.3 to 2.6 have in common. A row is found some seconds
        after it was put in (five where the server keeps its `common.gracefulTime`).
        """
        client = asked(partial(MilvusClient, uri=uri, token=token), _opening())
        memory = Memory(client, idle_seconds=idle_seconds, wait_seconds=load_wait_seconds)
        return cls(
            client, one_at_a_time=False, flush_after=None, memory=memory, release=lambda: None
        )

    @classmethod
    def on_file(cls, path: Path) -> "MilvusIndex":
        """Milvus Lite in `path` (its name ends in `.db`), which one process may open at a time.

        At a flush it puts its row buffer aside before the rows can be read elsewhere, so a search
        beside it would miss them: calls take turns. A row that is not flushed costs every search
        40 µs.
        """
        from milvus_lite.server_manager import server_manager_instance

        path.parent.mkdir(parents=True, exist_ok=True)
        client = asked(partial(MilvusClient, uri=str(path)), _opening())
        return cls(
            client,
            one_at_a_time=True,
            flush_after=_LITE_FLUSH_AFTER,
            memory=Memory(client, idle_seconds=None, wait_seconds=LOAD_WAIT_SECONDS),
            release=partial(server_manager_instance.release_server, str(path)),
            lite=LiteFiles(path),
        )

    def create(self, space: IndexSpace, deadline: Deadline) -> None:
        with self._turn(space, deadline):
            # Somebody may have dropped it since: what we remember of it is not asked.
            self._forget(collection_name(space))
            self._make(space, deadline)

    def insert(
        self, space: IndexSpace, rows: Sequence[tuple[str, Vector]], deadline: Deadline
    ) -> None:
        name = collection_name(space)
        with self._turn(space, deadline):
            self._make(space, deadline)
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                part = rows[start : start + _ROWS_AT_ONCE]
                data = [{_KEY: key, _VECTOR: vector.tolist()} for key, vector in part]
                self._asked(space, partial(self._client.upsert, name, data), deadline)
                self._flush_when_due(name, len(part), deadline)

    def foresee(self, space: IndexSpace, deadline: Deadline) -> None:
        self._memory.foresee(collection_name(space), deadline)

    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        ask = partial(
            self._client.search,
            collection_name(space),
            data=[vector],
            anns_field=_VECTOR,
            limit=limit,
            search_params={"metric_type": space.metric.value},
        )
        with self._turn(space, deadline):
            (found,) = self._read(space, ask, deadline)
        # The key is the collection's primary key, so no field is asked for: that is dear.
        # For L2 Milvus reports the squared distance, which is what `similarity` takes.
        return [
            IndexHit(key, space.metric.similarity(distance))
            for key, distance in zip(found.ids, found.distances, strict=True)
        ]

    def delete(self, space: IndexSpace, keys: Sequence[str], deadline: Deadline) -> None:
        if not keys:
            return
        with self._turn(space, deadline):
            ask = partial(self._client.delete, collection_name(space), ids=list(keys))
            self._asked(space, ask, deadline)

    def count(self, space: IndexSpace, deadline: Deadline) -> int:
        name = collection_name(space)
        with self._turn(space, deadline):
            ask = partial(self._client.query, name, filter="", output_fields=["count(*)"])
            return int(self._read(space, ask, deadline)[0]["count(*)"])

    def keys(self, space: IndexSpace, after: str, limit: int, deadline: Deadline) -> list[str]:
        with self._turn(space, deadline):
            # As an iterator asks: in the order of keys, which a query's answer need not be.
            ask = partial(
                self._client.query,
                collection_name(space),
                filter=f'{_KEY} > "{after}"',
                output_fields=[_KEY],
                limit=limit,
                iterator="True",
            )
            return [str(row[_KEY]) for row in self._read(space, ask, deadline)]

    def compact(self, space: IndexSpace, deadline: Deadline) -> None:
        name = collection_name(space)
        with self._turn(space, deadline):
            self._asked(space, partial(self._client.flush, name), deadline)
            self._unflushed[name] = 0
            if self._lite is not None:
                self._lite.compact(name)
                return
            job = asked(partial(self._client.compact, name), deadline)
            while asked(partial(self._client.get_compaction_state, job), deadline) != "Completed":
                deadline.check()
                time.sleep(_COMPACTION_POLL_SECONDS)

    def drop(self, space: IndexSpace, deadline: Deadline) -> None:
        """Remove the space with all that is in it; no plane ever does. Nothing happens without."""
        name = collection_name(space)
        with self._turn(space, deadline):
            self._forget(name)
            self._unflushed.pop(name, None)
            asked(partial(self._client.drop_collection, name), deadline)

    def release_idle(self, deadline: Deadline) -> None:
        self._memory.release_idle(deadline)

    def close(self) -> None:
        """Seal what is not sealed, and let go."""
        deadline = Deadline.after(_CLOSING_SECONDS)
        if self._flush_after is not None:
            for name, rows in self._unflushed.items():
                if rows:
                    asked(partial(self._client.flush, name), deadline)
        self._client.close()
        self._release()

    def _make(self, space: IndexSpace, deadline: Deadline) -> None:
        """Make collection and index where there are none, asked once in this process."""
        name = collection_name(space)
        if name in self._made:
            return
        if not asked(partial(self._client.has_collection, name), deadline):
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field(_KEY, DataType.VARCHAR, is_primary=True, max_length=_KEY_LENGTH)
            schema.add_field(_VECTOR, DataType.FLOAT_VECTOR, dim=space.dimension)
            # Bounded, with the roster as truth: Strong waits for the next time tick (200 ms).
            make = partial(self._client.create_collection, name, consistency_level="Bounded")
            asked(partial(make, schema=schema), deadline)
        if not asked(partial(self._client.list_indexes, name), deadline):
            index = self._client.prepare_index_params()
            index.add_index(_VECTOR, index_type="FLAT", metric_type=space.metric.value)
            # FLAT needs no building, so there is nothing to wait for.
            asked(partial(self._client.create_index, name, index, sync=False), deadline)
        self._made.add(name)

    def _read(self, space: IndexSpace, ask: "partial[_Answer]", deadline: Deadline) -> _Answer:
        """The answer of a loaded collection; of one that another released meanwhile, as well.

        What is not there is not made: nothing is answered from nothing.
        """
        name = collection_name(space)
        self._memory.hold(name, deadline)
        try:
            return self._asked(space, ask, deadline)
        except MilvusUnavailableError as error:
            if error.milvus != NOT_LOADED:
                raise
        self._memory.hold(name, deadline)
        return self._asked(space, ask, deadline)

    def _asked(self, space: IndexSpace, ask: "partial[_Answer]", deadline: Deadline) -> _Answer:
        try:
            return asked(ask, deadline)
        except MilvusUnavailableError as error:
            name = collection_name(space)
            if error.milvus == NOT_FOUND:
                self._forget(name)
            elif error.milvus == NOT_LOADED:
                self._memory.forget(name)
            raise

    def _forget(self, name: str) -> None:
        self._made.discard(name)
        self._memory.forget(name)

    def _flush_when_due(self, name: str, rows: int, deadline: Deadline) -> None:
        waiting = self._unflushed.get(name, 0) + rows
        if self._flush_after is not None and waiting >= self._flush_after:
            asked(partial(self._client.flush, name), deadline)
            waiting = 0
        self._unflushed[name] = waiting

    @contextmanager
    def _turn(self, space: IndexSpace, deadline: Deadline) -> Iterator[None]:
        """This caller's turn at the collection; no waiting beyond the deadline."""
        if not self._one_at_a_time:
            yield
            return
        with self._guard:
            turn = self._turns.setdefault(collection_name(space), threading.Lock())
        while not turn.acquire(timeout=deadline.remaining()):
            deadline.check()
        try:
            yield
        finally:
            turn.release()


def _opening() -> Deadline:
    return Deadline.after(_OPENING_SECONDS)
