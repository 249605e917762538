"""Whoever calls, in a process of its own: `load_tests.vectors` starts it and reads what it says.

    python -m load_tests.vectors_caller plane ASKED CALLERS PORT AUTHORITY
    python -m load_tests.vectors_caller pymilvus ASKED CALLERS URI COLLECTION

ASKED is a pickled list, of `PlaneSearch` or of vectors. Says `ready`, waits for a line, and then
says how many seconds it took, by the clock and of its own processor time, as JSON.
"""

import json
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_LIST = 20


def main(way: str, asked: str, callers: str, place: str, which: str) -> None:
    given = pickle.loads(Path(asked).read_bytes())  # noqa: S301 - its own parent wrote it
    search = _through_plane(int(place), which) if way == "plane" else _bare(place, which)
    _all(search, given[: int(callers)], int(callers))  # connections and threads are there
    rest = given[int(callers) :]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began, cpu = time.monotonic(), time.process_time()
    _all(search, rest, int(callers))
    took = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps(took) + "\n")


def _through_plane(port: int, authority: str) -> Callable[[Any], object]:
    from onrecord.chassis.certificates import LocalAuthority
    from onrecord.chassis.grpc import open_channel
    from onrecord.clients.vector_search import PlaneClient
    from onrecord.contracts.vector_search import GalleryResult
    from onrecord.kernel.deadlines import Deadline
    from onrecord.kernel.vocabulary import Service

    identity = LocalAuthority.open(Path(authority)).issue(Service.GATEWAY)
    client = PlaneClient(open_channel(f"127.0.0.1:{port}", identity, Service.VECTOR_SEARCH))

    def search(asked: Any) -> None:
        for answer in client.search_galleries(asked, Deadline.after(60)):
            if not isinstance(answer, GalleryResult):
                raise answer.error

    return search


def _bare(uri: str, name: str) -> Callable[[Any], object]:
    from pymilvus import MilvusClient

    client = MilvusClient(uri=uri)
    return lambda vector: client.search(name, data=[vector], anns_field="vector", limit=_LIST)


def _all(search: Callable[[Any], object], given: Sequence[Any], callers: int) -> None:
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(search, given))


if __name__ == "__main__":
    main(*sys.argv[1:])
