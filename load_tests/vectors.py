"""Vector-search QPS over gRPC ÷ raw pymilvus QPS, same collection and concurrency (at least .90).

`python -m load_tests.vectors`: a real plane over mutual TLS, with its roster, grants that verify
and receipts that are stored, on a Milvus server of its own; beside it pymilvus alone on the very
collection that the plane searches. Medians of five runs, both sides in turn; whoever calls is a
process of its own on both sides (`vectors_caller`), the plane is this one. Grants and templates
are signed beforehand: that is audit's and the embedding's work. Processor time is told of each:
on a machine that others use, only that says what a search costs.

`--roster URL`: where the roster is to stand. `--filled FOLDER`: a gallery of the curve
(`load_tests.cluster.curve`), with as many records as it has; where there is none, or it was left
half filled, it is filled with `--records` first (a million takes some ten minutes and 10 GiB) and
stays for the next time: `--filled FOLDER --records 1000000` is all it takes.
"""

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

from deploy.local.parts.milvus import Milvus
from deploy.local.running import Running, place_for
from load_tests.cluster import synthetic
from load_tests.goals import goal
from load_tests.served import ROOT, TOOLS
from load_tests.server import cpu_of_family
from onrecord.contracts.images import Vector
from onrecord.contracts.vector_search import GallerySearch, PlaneSearch
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.adapters.milvus import MilvusIndex, collection_name
from onrecord.vector_search.rpc import register
from tests.builders.plane import UTAH, World, build_world, face, near, sha256
from tests.builders.servers import Servers, servers

LIST = 20
_RESULT = ROOT / "load_tests" / "results" / "vectors.json"
_PROBE = b"the probe"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--records", type=int, default=1000, help="enrolled for real, one by one; or filled in"
    )
    parser.add_argument("--searches", type=int, default=100, help="of each side, in a run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--roster", default="", help="SQLAlchemy URL; a file of its own without")
    parser.add_argument("--filled", type=Path, help="a folder of the curve's")
    parser.add_argument("--result", type=Path, default=_RESULT)
    asked = parser.parse_args()
    if asked.filled:
        synthetic.fill(asked.filled, asked.records)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="onrecord-vectors-") as name:
        folder = Path(name)
        part = Milvus()
        part.install(TOOLS, print)
        running = Running(part, place_for(part, TOOLS, (asked.filled or folder) / "milvus"))
        try:
            running.start()
            with servers(folder / "authority") as net:
                found = _measured(asked, folder, running, net)
        finally:
            running.close()
    one = found["median"]
    ratio = one["plane"]["rate"] / one["pymilvus"]["rate"]
    print(f"{found['records']} records, {asked.callers} callers, load average before {load:.1f}")
    for way, said in one.items():
        print(
            f"{way}: {said['rate']:.0f}/s; processor a search {said['caller_ms']:.2f} ms of the "
            f"caller, {said['plane_ms']:.2f} of the plane, {said['milvus_ms']:.2f} of Milvus"
        )
    print(f"ratio {ratio:.2f}")
    print(goal("vectors_ratio").verdict(ratio))
    told = {**vars(asked), "load_average_before": load, "ratio": ratio, **found}
    asked.result.parent.mkdir(parents=True, exist_ok=True)
    asked.result.write_text(json.dumps(told, indent=1, default=str) + "\n")


def _measured(
    asked: argparse.Namespace, folder: Path, running: Running, net: Servers
) -> dict[str, Any]:
    uri = f"http://{running.place.at('proxy')}"
    index = MilvusIndex.on_server(uri)
    world, records = _world(asked, folder, index)
    space = world.plane._galleries.known(UTAH).space
    index._client.load_collection(collection_name(space), timeout=600)
    probes = _probes(asked, records, space.dimension)
    world.plane.start()  # what is published is taken from the outbox, as in any plane
    port = net.serve(Service.VECTOR_SEARCH, register(world.plane), threads=asked.callers)
    numbers = count()
    given = folder / "asked"

    def plane() -> dict[str, float]:
        given.write_bytes(pickle.dumps([_asked(world, probe, next(numbers)) for probe in probes]))
        return _called(asked, running, "plane", given, str(port), str(folder / "authority"))

    def bare() -> dict[str, float]:
        given.write_bytes(pickle.dumps([probe.tolist() for probe in probes]))
        return _called(asked, running, "pymilvus", given, uri, collection_name(space))

    ways = {"pymilvus": bare, "plane": plane}
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(asked.runs):
        for way, run in ways.items():
            runs[way].append(run())
    world.relay.close()
    index.close()
    median = {
        way: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for way, found in runs.items()
    }
    return {"records": records, "median": median, "runs": runs}


def _world(asked: argparse.Namespace, folder: Path, index: MilvusIndex) -> tuple[World, int]:
    """A plane with its gallery, and how many records there are."""
    if asked.filled:
        world = synthetic.world_on(asked.filled, index)
        return world, world.plane.galleries(Deadline.after(60))[0].live_records
    world = build_world(
        folder / "plane", index=index, roster_url=asked.roster, max_records=asked.records
    )
    world.open_gallery()
    for number in range(asked.records):
        world.enrol(number)
    space, until = world.plane._galleries.known(UTAH).space, Deadline.after(120)
    while index.count(space, until) < asked.records:
        until.check()
        time.sleep(0.2)
    return world, asked.records


def _probes(asked: argparse.Namespace, records: int, dimension: int) -> list[Vector]:
    """One more for each caller, to begin with: connections and threads are made by these."""
    numbers = range(asked.searches + asked.callers)
    if asked.filled:
        there = synthetic.vectors(0, min(records, 10_000))
        return [near(there[number % len(there)], number) for number in numbers]
    return [near(face(number % records, dimension), 1) for number in numbers]


def _asked(world: World, probe: Vector, number: int) -> PlaneSearch:
    """With a grant and a template of its own."""
    grant = world.grant(search_id=f"load-{time.time_ns()}-{number}", list_size=LIST)
    template = world.template(grant, sha256(_PROBE), probe)
    return PlaneSearch.of_one(GallerySearch(UTAH, grant, template))


def _called(
    asked: argparse.Namespace, running: Running, way: str, given: Path, *where: str
) -> dict[str, float]:
    """Searches a second, and milliseconds of processor a search: caller's, plane's, Milvus's."""
    command = [sys.executable, "-m", "load_tests.vectors_caller", way, str(given)]
    command += [str(asked.callers), *where]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as caller:
        if caller.stdin is None or caller.stdout is None:
            raise AssertionError("both are pipes")
        if caller.stdout.readline() != "ready\n":
            raise SystemExit(f"{way}: the caller did not come to call")
        milvus, plane = cpu_of_family(running.pid()), time.process_time()
        caller.stdin.write("go\n")
        caller.stdin.flush()
        took = json.loads(caller.stdout.readline())
        milvus, plane = cpu_of_family(running.pid()) - milvus, time.process_time() - plane
    return {
        "rate": asked.searches / took["seconds"],
        "caller_ms": 1000 * took["cpu"] / asked.searches,
        "plane_ms": 1000 * plane / asked.searches,
        "milvus_ms": 1000 * milvus / asked.searches,
    }


if __name__ == "__main__":
    main()
