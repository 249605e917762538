"""Memory of `onrecord up` with 3,000 records, and how soon it is ready on that folder.

    python -m load_tests.memory [--records 3000] [--searches 50] [--starts 5]

LFW's photographs are enrolled over HTTP, each under as many record ids as it takes. Then the
server is started again on the folder, several times; the last is measured when it is ready, after
a pause, and after searches. RSS is the sum over the process and its children, from /proc; PSS
counts shared pages by part.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from load_tests.installation import (
    Installation,
    enrol,
    open_gallery,
    reference_models,
    under_many_ids,
)
from load_tests.lfw import ROOT, data_folder, photographs
from load_tests.people import INVESTIGATOR, STATE, request
from load_tests.server import Server, family, running
from onrecord.kernel.vocabulary import GalleryStatus

_LIST_SIZE = 20
_PAUSE_SECONDS = 5.0
_MIB = 1024.0


def megabytes(process_id: int) -> dict[str, float]:
    """RSS, PSS and the highest RSS so far of a process and its children, in MiB."""
    total = {"rss": 0.0, "pss": 0.0, "peak": 0.0}
    for one in family(process_id):
        rollup = _fields(Path(f"/proc/{one}/smaps_rollup"))
        total["rss"] += rollup["Rss"] / _MIB
        total["pss"] += rollup["Pss"] / _MIB
        total["peak"] += _fields(Path(f"/proc/{one}/status"))["VmHWM"] / _MIB
    return total


def _fields(path: Path) -> dict[str, int]:
    """The lines of a /proc file that give kibibytes."""
    found = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            found[words[0].rstrip(":")] = int(words[1])
    return found


def _search(installation: Installation, searches: int) -> list[float]:
    """Seconds of each search that looked."""
    seconds = []
    with installation.client(INVESTIGATOR) as client:
        for probe in photographs(data_folder(), "probe_mated"):
            began = time.perf_counter()
            made = client.search(
                request(_LIST_SIZE), probe.path.read_bytes(), idempotency_key=probe.name
            )
            if made.gallery(STATE).status is GalleryStatus.SEARCHED:
                seconds.append(time.perf_counter() - began)
            if len(seconds) == searches:
                break
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--searches", type=int, default=50)
    parser.add_argument("--starts", type=int, default=5)
    given = parser.parse_args()
    data = data_folder()
    models = reference_models(data)
    told: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        with running(folder, models) as first:
            told["first_start_seconds"] = first.start_seconds
            told["empty"] = megabytes(first.process_id)
            open_gallery(first.installation, models)
            began = time.perf_counter()
            portraits = under_many_ids(photographs(data))
            live = len(enrol(first.installation, portraits, given.records).live)
            told["records"] = live
            told["enrolment_seconds_each"] = (time.perf_counter() - began) / live
            told["after_enrolment"] = megabytes(first.process_id)
        starts: list[Server] = []
        for _ in range(given.starts - 1):
            with running(folder, models) as again:
                starts.append(again)
        with running(folder, models) as last:
            starts.append(last)
            time.sleep(_PAUSE_SECONDS)
            told["idle"] = megabytes(last.process_id)
            took = _search(last.installation, given.searches)
            told["after_searches"] = megabytes(last.process_id)
            told["searches"] = len(took)
            told["search_ms"] = statistics.median(took) * 1000
        told["start_seconds"] = _spread([one.start_seconds for one in starts])
        told["start_cpu_seconds"] = _spread([one.start_cpu_seconds for one in starts])
        told["folder_mib"] = sum(f.stat().st_size for f in folder.rglob("*")) / _MIB**2
    told["load_average"] = os.getloadavg()[0]
    for what, value in told.items():
        print(f"{what:<24} {_plain(value)}")
    results = ROOT / "load_tests" / "results"
    results.mkdir(exist_ok=True)
    (results / "memory.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 0


def _spread(seconds: list[float]) -> dict[str, object]:
    return {"median": statistics.median(seconds), "each": seconds}


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return " ".join(_plain(one) for one in value)
    return f"{value:.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
