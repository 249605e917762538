"""Vector-search QPS over gRPC ÷ raw pymilvus QPS, same collection and concurrency (at least .90).

`python -m load_tests.vectors`: a real plane over mutual TLS, with its roster, grants that verify
and receipts that are stored, on a Milvus server of its own; beside it pymilvus alone on the very
collection that the plane searches. Medians of five runs, both sides in turn. Grants and templates
are signed beforehand: that is audit's and the embedding's work.
"""

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from deploy.local.parts.milvus import Milvus
from deploy.local.running import Running, place_for
from load_tests.goals import goal
from load_tests.served import ROOT, TOOLS, side_by_side
from onrecord.clients.vector_search import PlaneClient
from onrecord.contracts.vector_search import GallerySearch
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
    parser.add_argument("--records", type=int, default=1000, help="enrolled for real, one by one")
    parser.add_argument("--ghosts", type=int, default=0, help="vectors more, of no record")
    parser.add_argument("--searches", type=int, default=100, help="of each side, in a run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--result", type=Path, default=_RESULT)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="onrecord-vectors-") as name:
        folder = Path(name)
        part = Milvus()
        part.install(TOOLS, print)
        running = Running(part, place_for(part, TOOLS, folder / "milvus"))
        try:
            running.start()
            with servers(folder / "authority") as net:
                found = _measured(asked, folder, f"http://{running.place.at('proxy')}", net)
        finally:
            running.close()
    one = found["median"]
    ratio = one["plane"] / one["pymilvus"]
    print(f"{asked.records} records, {asked.callers} callers, load average before {load:.1f}")
    print(
        f"pymilvus {one['pymilvus']:.0f}/s, the plane over gRPC {one['plane']:.0f}/s: {ratio:.2f}"
    )
    print(goal("vectors_ratio").verdict(ratio))
    told = {**vars(asked), "result": None, "load_average_before": load, "ratio": ratio, **found}
    asked.result.parent.mkdir(parents=True, exist_ok=True)
    asked.result.write_text(json.dumps(told, indent=1) + "\n")


def _measured(asked: argparse.Namespace, folder: Path, uri: str, net: Servers) -> dict[str, Any]:
    index = MilvusIndex.on_server(uri)
    world = build_world(folder / "plane", index=index)
    world.open_gallery()
    for number in range(asked.records):
        world.enrol(number)
    space = world.plane._galleries.known(UTAH).space
    ghosts = [(f"f{number:063x}", -face(1)) for number in range(asked.ghosts)]
    index.insert(space, ghosts, Deadline.after(600))
    until = Deadline.after(120)
    while index.count(space, until) < asked.records + asked.ghosts:
        until.check()
        time.sleep(0.2)
    port = net.serve(Service.VECTOR_SEARCH, register(world.plane), threads=asked.callers)
    client = PlaneClient(net.channel(port, Service.VECTOR_SEARCH))
    numbers = count()
    ways = {
        "pymilvus": lambda _: _bare(asked, index, collection_name(space)),
        "plane": lambda _: _rate(
            asked,
            partial(client.search, deadline=Deadline.after(600)),
            _asked(world, asked, numbers),
        ),
    }
    [found] = side_by_side(ways, [1], asked.runs)
    index.close()
    return found


def _asked(world: World, asked: argparse.Namespace, numbers: "count[int]") -> list[GallerySearch]:
    """As many searches, each with a grant and a template of its own."""
    made = []
    for _ in range(asked.searches):
        number = next(numbers)
        grant = world.grant(search_id=f"load-{number}", list_size=LIST)
        template = world.template(grant, sha256(_PROBE), near(face(number % asked.records), 1))
        made.append(GallerySearch(UTAH, grant, template))
    return made


def _bare(asked: argparse.Namespace, index: MilvusIndex, name: str) -> float:
    """The collection, the vectors and the list of the plane; nothing of the plane."""
    vectors = [near(face(number % asked.records), 1).tolist() for number in range(asked.searches)]

    def search(vector: list[float]) -> object:
        return index._client.search(name, data=[vector], anns_field="vector", limit=LIST)

    return _rate(asked, search, vectors)


def _rate(asked: argparse.Namespace, search: Any, given: list[Any]) -> float:
    with ThreadPoolExecutor(asked.callers) as pool:
        began = time.monotonic()
        done = sum(1 for _ in pool.map(search, given))
        return done / (time.monotonic() - began)


if __name__ == "__main__":
    main()
