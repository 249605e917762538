"""A gallery of random unit vectors on a Milvus server, its roster true, filled once and kept.

Index keys and tickets are made, and rows added, made live and counted, by the plane's own
functions, ten thousand at a time; the vectors go in through its own index. What a bus, a vault and
a ledger would hold of them is not there: no portrait, no entry.
"""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete

from deploy.local.parts.milvus import Milvus
from deploy.local.running import Running, place_for
from load_tests.served import TOOLS
from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.authority import key_name
from onrecord.vector_search.adapters.milvus import MilvusIndex, collection_name
from onrecord.vector_search.core.naming import record_macs
from onrecord.vector_search.core.values import Gallery, IndexSpace, RecordRow
from onrecord.vector_search.roster import galleries, records
from onrecord.vector_search.roster.schema import seen_checkpoints
from onrecord.vector_search.service.tickets import Tickets
from tests.builders.plane import UTAH, World, build_world, signer

DIMENSION = 256
_AT_ONCE = 10_000
_SEALED_SECONDS = 600.0
_POLL_SECONDS = 0.5
_NO_LIMIT = 10**9


def vectors(turn: int, count: int) -> NDArray[np.float32]:
    """So many unit vectors, shape (count, 256), the same each time for the same turn."""
    found = np.random.default_rng([20261123, turn]).standard_normal((count, DIMENSION), np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@contextmanager
def milvus_on(folder: Path) -> Iterator[Running]:
    """A Milvus server on data that stay."""
    part = Milvus()
    part.install(TOOLS, print)
    running = Running(part, place_for(part, TOOLS, folder / "milvus"))
    try:
        running.start()
        yield running
    finally:
        running.close()


def world_on(folder: Path, index: MilvusIndex) -> World:
    """The plane of the folder with its one gallery, before a ledger that begins anew."""
    world = build_world(folder / "plane", index=index, max_records=_NO_LIMIT)
    with write_transaction(world.roster) as tx:
        tx.execute(delete(seen_checkpoints))
        there = galleries.find(tx, UTAH) is not None
    if there:
        world.policies[UTAH] = world.publish(UTAH, signer(key_name(UTAH)))
    else:
        world.open_gallery(dimension=DIMENSION)
    return world


def fill(folder: Path, size: int) -> None:
    """Until the gallery has `size` live records; taken up again where it was left."""
    done = folder / "filled"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with milvus_on(folder) as running:
        uri = f"http://{running.place.at('proxy')}"
        index = MilvusIndex.on_server(uri)
        world = world_on(folder, index)
        _fill(world, uri, size)
        _seal(world, index, size)
        index.close()
    done.touch()


def _fill(world: World, uri: str, size: int) -> None:
    """A process of its own puts vectors in while rows are made for the next of them."""
    began, gallery = time.monotonic(), _gallery(world)
    waiting: list[tuple[list[RecordRow], Future[list[str]]]] = []

    def finish() -> None:
        rows, inserted = waiting.pop()
        _make_live(world, rows, inserted.result())

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for start in range(gallery.live_records, size, _AT_ONCE):
            rows = _rows(world, gallery, start, min(_AT_ONCE, size - start))
            keys = [row.index_key for row in rows]
            if waiting:
                finish()
            waiting.append((rows, pool.submit(_insert, uri, gallery.space, keys, start)))
            print(f"  {start + len(rows)} of {size}, {time.monotonic() - began:.0f} s", flush=True)
        if waiting:
            finish()


def _insert(uri: str, space: IndexSpace, keys: list[str], turn: int) -> list[str]:
    """In the other process; the SHA-256 of each vector."""
    made = vectors(turn, len(keys))
    index = MilvusIndex.on_server(uri)
    index.insert(space, list(zip(keys, made, strict=True)), Deadline.after(600))
    index.close()
    return [hashlib.sha256(one.tobytes()).hexdigest() for one in made]


def _rows(world: World, gallery: Gallery, start: int, count: int) -> list[RecordRow]:
    parts, now = world.plane._parts, world.clock.now()
    tickets = Tickets(parts)
    names = [f"r-{number:08d}" for number in range(start, start + count)]
    macs = record_macs(parts.keys.private_key(UTAH), names)
    return [
        tickets.pending(
            gallery,
            record_mac=mac,
            record_id=name,
            generation=1,
            image_sha256=hashlib.sha256(name.encode()).hexdigest(),
            authorised_by="a measurement",
            now=now,
        )
        for name, mac in zip(names, macs, strict=True)
    ]


def _make_live(world: World, rows: list[RecordRow], templates: list[str]) -> None:
    digests = {row.enrolment_id: one for row, one in zip(rows, templates, strict=True)}
    with write_transaction(world.roster) as tx:
        records.add_pending(tx, rows)
        records.make_live(tx, digests, world.clock.now())
        galleries.count_live(tx, UTAH, len(rows))


def _seal(world: World, index: MilvusIndex, size: int) -> None:
    """Everything on disk, and all of it there."""
    space = _gallery(world).space
    name, client = collection_name(space), index._client
    client.flush(name)
    client.load_collection(name)
    until = time.monotonic() + _SEALED_SECONDS
    while index.count(space, Deadline.after(60)) < size:
        if time.monotonic() > until:
            raise RuntimeError("Milvus lacks rows that were put in")
        time.sleep(_POLL_SECONDS)
    client.release_collection(name)


def _gallery(world: World) -> Gallery:
    with read_transaction(world.roster) as tx:
        found = galleries.find(tx, UTAH)
    if found is None:
        raise RuntimeError("the gallery is not there")
    return found


def folder_mib(folder: Path) -> float:
    """What stands in it on the disk."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / 1024**2
