"""An exact vector index without Milvus.

It gives duplicates and keeps ghosts when a test asks it to, as Milvus may by itself.
"""

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onrecord.contracts.images import Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core.values import IndexHit, IndexSpace


class ExactIndex:
    """Every vector compared with every search; durable where `log` is given, for crash tests."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._spaces: dict[tuple[str, str], dict[str, Vector]] = {}
        self.asked: list[int] = []
        self.foreseen: list[str] = []
        self.keeps_deleted = False
        self.repeats_hits = False
        self.down = False
        if log is not None and log.exists():
            for line in log.read_text().splitlines():
                gallery, model_id, key, values = json.loads(line)
                self._apply((gallery, model_id), key, values)

    def create(self, space: IndexSpace, deadline: Deadline) -> None:
        self._answer(deadline)
        with self._lock:
            self._spaces.setdefault((space.gallery, space.model_id), {})

    def insert(
        self, space: IndexSpace, rows: Sequence[tuple[str, Vector]], deadline: Deadline
    ) -> None:
        self._answer(deadline)
        for key, vector in rows:
            assert vector.shape == (space.dimension,)
            self._write(space, key, [float(value) for value in vector])

    def search(
        self, space: IndexSpace, vector: Vector, limit: int, deadline: Deadline
    ) -> list[IndexHit]:
        self._answer(deadline)
        with self._lock:
            self.asked.append(limit)
            held = dict(self._spaces[space.gallery, space.model_id])
        hits = [IndexHit(key, _similarity(space, one, vector)) for key, one in held.items()]
        hits.sort(key=lambda hit: -hit.similarity)
        if self.repeats_hits:
            hits = [again for hit in hits for again in (hit, hit, hit)]
        return hits[:limit]

    def delete(self, space: IndexSpace, keys: Sequence[str], deadline: Deadline) -> None:
        self._answer(deadline)
        if not self.keeps_deleted:
            for key in keys:
                self._write(space, key, None)

    def count(self, space: IndexSpace, deadline: Deadline) -> int:
        self._answer(deadline)
        with self._lock:
            return len(self._spaces.get((space.gallery, space.model_id), {}))

    def keys(self, space: IndexSpace, after: str, limit: int, deadline: Deadline) -> list[str]:
        self._answer(deadline)
        with self._lock:
            held = self._spaces.get((space.gallery, space.model_id), {})
            return sorted(key for key in held if key > after)[:limit]

    def compact(self, space: IndexSpace, deadline: Deadline) -> None:
        """Write the log anew: until then it holds every vector that was ever deleted."""
        self._answer(deadline)
        if self._log is None:
            return
        with self._lock:
            lines = [
                json.dumps([gallery, model_id, key, [float(value) for value in vector]]) + "\n"
                for (gallery, model_id), held in self._spaces.items()
                for key, vector in held.items()
            ]
            fresh = self._log.with_suffix(".new")
            with fresh.open("w") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._log)

    def drop(self, gallery: str) -> None:
        """Everything of a gallery is lost behind the plane's back."""
        with self._lock:
            for at in [at for at in self._spaces if at[0] == gallery]:
                del self._spaces[at]

    def foresee(self, space: IndexSpace, deadline: Deadline) -> None:
        """It is all in memory."""
        self.foreseen.append(space.gallery)

    def release_idle(self, deadline: Deadline) -> None:
        """Nothing is anywhere but in memory."""

    def close(self) -> None:
        """Nothing is held open."""

    def plant(self, gallery: str, model_id: str, key: str, vector: Vector) -> None:
        """A vector nobody enrolled: a ghost."""
        self._apply((gallery, model_id), key, [float(value) for value in vector])

    def held(self, gallery: str) -> set[str]:
        """Every key that stands under a gallery, whatever its model."""
        return {key for (name, _), held in self._spaces.items() if name == gallery for key in held}

    def _write(self, space: IndexSpace, key: str, values: list[float] | None) -> None:
        with self._lock:
            if self._log is not None:
                with self._log.open("a") as file:
                    file.write(json.dumps([space.gallery, space.model_id, key, values]) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            self._apply((space.gallery, space.model_id), key, values)

    def _apply(self, at: tuple[str, str], key: str, values: list[float] | None) -> None:
        held = self._spaces.setdefault(at, {})
        if values is None:
            held.pop(key, None)
        else:
            held[key] = np.array(values, np.float32)

    def _answer(self, deadline: Deadline) -> None:
        deadline.check()
        if self.down:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the index is down")


def _similarity(space: IndexSpace, one: Vector, other: Vector) -> float:
    first, second = one.astype(np.float64), other.astype(np.float64)
    measured = first @ second if space.metric is Metric.IP else ((first - second) ** 2).sum()
    return space.metric.similarity(float(measured))
