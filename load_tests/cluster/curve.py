"""The curve: a gallery of 1,000, of 100,000 and of a million templates in a Milvus server.

Milvus is started on each gallery's own data: how long it takes to load it, what memory that takes,
and how long one search takes, by pymilvus alone and through a plane over gRPC (mutual TLS, a grant
that is verified, the roster asked, a receipt stored), in turns. FLAT, as the plane builds it.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from load_tests.cluster import synthetic
from load_tests.cluster.drawing import BLUE, GREY, plot
from load_tests.goals import Kept
from load_tests.memory import megabytes
from onrecord.clients.vector_search import PlaneClient
from onrecord.contracts.images import Vector
from onrecord.contracts.vector_search import GallerySearch
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.adapters.milvus import MilvusIndex, collection_name
from onrecord.vector_search.rpc import register
from tests.builders.plane import UTAH, World, near, sha256
from tests.builders.servers import servers

LIST = 20
_PROBE = b"the probe"
_WARM = 3


def measure(kept: Kept, data: Path, *, sizes: tuple[int, ...], runs: int, searches: int) -> None:
    """Every size that is not there yet is filled first (a million takes some minutes)."""
    told: dict[str, Any] = {}
    for size in sizes:
        synthetic.fill(data / str(size), size)
        told[str(size)] = found = _of(data / str(size), size, runs, searches)
        print(f"  {size} templates: {_line(found)}", flush=True)
        kept.keep("curve", {"dimension": synthetic.DIMENSION, "index": "FLAT", "sizes": told}, {})
    _draw(told, kept.image("curve"))


def _of(folder: Path, size: int, runs: int, searches: int) -> dict[str, Any]:
    with synthetic.milvus_on(folder) as running:
        index = MilvusIndex.on_server(f"http://{running.place.at('proxy')}")
        world = synthetic.world_on(folder, index)
        name = collection_name(world.plane._galleries.known(UTAH).space)
        before = megabytes(running.pid())
        began = time.monotonic()
        index._client.load_collection(name, timeout=600)
        loaded = time.monotonic() - began
        after = megabytes(running.pid())
        with servers(folder / "authority") as net:
            port = net.serve(Service.VECTOR_SEARCH, register(world.plane), threads=2)
            plane = PlaneClient(net.channel(port, Service.VECTOR_SEARCH))
            found = [
                _run(world, plane, index, name, size, searches, number) for number in range(runs)
            ]
        searched = megabytes(running.pid())
        index.close()
    return {
        "load_seconds": loaded,
        "milvus_mib_unloaded": before["rss"],
        "milvus_mib_loaded": after["rss"],
        "milvus_mib_searched": searched["rss"],
        "folder_mib": synthetic.folder_mib(folder / "milvus"),
        "roster_mib": synthetic.folder_mib(folder / "plane"),
        "median": {
            way: statistics.median(one[way] for one in found)
            for way in ("pymilvus_p50_ms", "plane_p50_ms")
        },
        "runs": found,
    }


def _run(
    world: World,
    plane: PlaneClient,
    index: MilvusIndex,
    name: str,
    size: int,
    searches: int,
    turn: int,
) -> dict[str, float]:
    """Both in turns, with a vector near one that is there."""
    raw, through = [], []
    some = synthetic.vectors(0, min(size, 10_000))
    for number in range(searches + _WARM):
        vector = near(some[(turn * searches + number) % len(some)], number)
        asked = _asked(world, vector, f"curve-{time.time_ns()}")
        raw.append(_timed(lambda one=vector: _bare(index, name, one)))  # type: ignore[misc]
        through.append(
            _timed(lambda one=asked: plane.search(one, Deadline.after(60)))  # type: ignore[misc]
        )
    return {
        "pymilvus_p50_ms": 1000 * statistics.median(raw[_WARM:]),
        "plane_p50_ms": 1000 * statistics.median(through[_WARM:]),
        "load_average": os.getloadavg()[0],
    }


def _asked(world: World, vector: Vector, search_id: str) -> GallerySearch:
    grant = world.grant(search_id=search_id, list_size=LIST)
    return GallerySearch(UTAH, grant, world.template(grant, sha256(_PROBE), vector))


def _bare(index: MilvusIndex, name: str, vector: Vector) -> object:
    data = [vector.tolist()]
    return index._client.search(name, data=data, anns_field="vector", limit=LIST)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _line(one: dict[str, Any]) -> str:
    return (
        f"pymilvus {one['median']['pymilvus_p50_ms']:.1f} ms, the plane "
        f"{one['median']['plane_p50_ms']:.1f}; loaded in {one['load_seconds']:.1f} s, Milvus "
        f"{one['milvus_mib_unloaded']:.0f} MiB before and {one['milvus_mib_loaded']:.0f} after; "
        f"roster {one['roster_mib']:.0f} MiB on disk"
    )


def _draw(told: dict[str, Any], path: Path) -> None:
    sizes = [int(size) for size in told]
    with plot(path, "One search of one gallery, p50", (5.6, 3.2)) as axes:
        for way, colour, label in (
            ("pymilvus_p50_ms", GREY, "pymilvus alone"),
            ("plane_p50_ms", BLUE, "through the plane"),
        ):
            heights = [one["median"][way] for one in told.values()]
            axes.plot(sizes, heights, "o-", color=colour, label=label)
            for size, height in zip(sizes, heights, strict=True):
                axes.annotate(f"{height:.0f}", (size, height), fontsize=8)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("templates in the gallery (FLAT, 256 values)", fontsize=8.5)
        axes.set_ylabel("milliseconds", fontsize=8.5)
