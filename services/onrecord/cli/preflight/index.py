"""Milvus: vectors are put into a throw-away collection, found, and deleted."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import numpy as np

from onrecord.chassis.settings import examine_files
from onrecord.cli.preflight.results import Result, missing, ok
from onrecord.cli.preflight.targets import Installation, Target
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.core.values import IndexSpace

if TYPE_CHECKING:
    from onrecord.vector_search.adapters.milvus import MilvusIndex

_DIMENSION: Final = 16
_ROWS: Final = 8
_SECONDS: Final = 90.0
"""In all. A server shows what was put in after some seconds, and has to load the collection."""
_LOOK_AGAIN: Final = 0.5
_DROP_SECONDS: Final = 15.0
PREFIX: Final = "preflight"


def examine(target: Target, _: Installation) -> Iterator[Result]:
    if target.service is not Service.VECTOR_SEARCH:
        return
    settings = target.settings
    for one in examine_files(settings):
        if one.name == "milvus":
            yield missing(one.says, f"mkdir -p {Path(settings.milvus).absolute().parent}")
            return
    from onrecord.vector_search.adapters.milvus import MilvusIndex

    try:
        if "://" in settings.milvus:
            index = MilvusIndex.on_server(settings.milvus, settings.milvus_token.get_secret_value())
            yield _tried(index, settings.milvus)
            return
        # The plane's own file is its own: one process opens it at a time. What Milvus Lite does
        # here, it does there.
        with tempfile.TemporaryDirectory(prefix="onrecord-preflight-") as folder:
            index = MilvusIndex.on_file(Path(folder) / "preflight.db")
            yield _tried(index, f"Milvus Lite (in place of {settings.milvus})")
    except OnRecordError as error:
        yield missing(
            f"{settings.milvus}: {error.message}",
            f"curl --fail {settings.milvus}/v2/vectordb/collections/list -X POST -d '{{}}'"
            if "://" in settings.milvus
            else "python -c 'import milvus_lite'",
        )


def _tried(index: "MilvusIndex", told: str) -> Result:
    deadline = Deadline.after(_SECONDS)
    space = IndexSpace(f"{PREFIX}-{token_hex(8)}", PREFIX, _DIMENSION, Metric.IP)
    vectors = np.eye(_ROWS, _DIMENSION, dtype=np.float32)
    keys = [f"{number:064x}" for number in range(_ROWS)]
    try:
        try:
            index.create(space, deadline)
            index.insert(space, list(zip(keys, vectors, strict=True)), deadline)

            def found() -> list[str]:
                hits = index.search(space, vectors[2], _ROWS, deadline)
                return [hit.key for hit in hits]

            _until(lambda: len(set(found())) == _ROWS, "what was inserted is not found", deadline)
            if found()[0] != keys[2]:
                return missing(f"{told}: the nearest vector is not found first")
            index.delete(space, [keys[2]], deadline)
            _until(lambda: keys[2] not in found(), "what was deleted is still found", deadline)
        finally:
            index.drop(space, Deadline.after(_DROP_SECONDS))
    finally:
        index.close()
    return ok(f"{told}: {_ROWS} vectors inserted, found, one deleted, all dropped")


def _until(holds: Callable[[], bool], says: str, deadline: Deadline) -> None:
    while not holds():
        if deadline.remaining() <= _LOOK_AGAIN:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, f"{says} within {_SECONDS:.0f} s")
        time.sleep(_LOOK_AGAIN)
