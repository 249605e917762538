"""What a search of three galleries takes over HTTP, beside the same work in one script.

    OPENBLAS_NUM_THREADS=1 python -m load_tests.search [--runs 5] [--searches 30] [--records 1000]
        [--only one|five] [--data FOLDER] [--image docs/images/search.png]

The installation runs as processes of its own: first everything in one (`onrecord up`), then the
same data folder as five (`onrecord up-processes`). Each search over HTTP is followed at once by
the same photograph through bare models and raw pymilvus searches of three galleries of the same
size, here, with the same threads: one for a model, one for each gallery. The bare models are the
publishers' files, the detector's passes made in turn; beside them stands what the same takes with
the embedder's file as the services run it (ADR 51) and the two passes side by side, as theirs are.
Every run gives a p50 of both and their ratio; what is told is the median of the runs. The folder
is filled once and can be given again. Per stage: `load_tests.stages`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from load_tests import bare_search
from load_tests.bare_search import BareSearch
from load_tests.galleries import DATA, LIST_SIZE, STATES, prepare, searched_everywhere
from load_tests.installation import reference_models
from load_tests.lfw import ROOT, Photograph, data_folder, photographs
from load_tests.people import INVESTIGATOR, request
from load_tests.search_report import draw, tell
from load_tests.server import FIVE_PROCESSES, ONE_PROCESS, Server, running
from load_tests.watch import Spent
from onrecord.client import OnRecordClient

WAYS = {"one": ONE_PROCESS, "five": FIVE_PROCESSES}
_WARM = 5
_IDLE_SECONDS = 5.0


@dataclass(slots=True)
class Run:
    """Seconds of each search, of the bare work in one thread a gallery, and in one in all."""

    system: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    in_turn: list[float] = field(default_factory=list)
    as_served: list[float] = field(default_factory=list)
    """As `bare`, with the embedder's file and the two passes as the services have them."""
    stages: dict[str, list[float]] = field(default_factory=dict)
    server_cpu: list[float] = field(default_factory=list)
    """Processor seconds of the installation until its answer, over all processes and threads."""
    bare_cpu: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """In milliseconds."""
        here, there = statistics.median(self.system), statistics.median(self.bare)
        return {
            "searches": len(self.system),
            "system_p50": here * 1000,
            "system_p90": statistics.quantiles(self.system, n=10)[-1] * 1000,
            "bare_p50": there * 1000,
            "bare_in_turn_p50": statistics.median(self.in_turn) * 1000,
            "bare_as_served_p50": statistics.median(self.as_served) * 1000,
            "bare_stages": {k: statistics.median(v) * 1000 for k, v in self.stages.items()},
            "overhead_p50": (here - there) * 1000,
            "ratio": here / there,
            "ratio_as_served": here / statistics.median(self.as_served),
            "server_cpu": statistics.median(self.server_cpu) * 1000,
            "bare_cpu": statistics.median(self.bare_cpu) * 1000,
        }


def measure(
    server: Server, client: OnRecordClient, bare: BareSearch, probes: list[Photograph], name: str
) -> Run:
    """One run: every probe through the system, then bare."""
    run = Run()
    for number, probe in enumerate(probes):
        image = probe.path.read_bytes()
        declared = request(LIST_SIZE, STATES)
        cpu = server.cpu_seconds()
        began = time.perf_counter()
        made = client.search(declared, image, idempotency_key=f"{name}-{number}-{probe.name}")
        took = time.perf_counter() - began
        cpu = server.cpu_seconds() - cpu
        if not searched_everywhere(made):
            print(f"  left out, not searched: {probe.name} ({made.status})")
            continue
        at_once, in_turn = bare.run(image, at_once=True), bare.run(image, at_once=False)
        as_served = bare.run(image, at_once=True, as_served=True)
        if number < _WARM:
            continue
        run.system.append(took)
        run.bare.append(_wall(at_once))
        run.in_turn.append(_wall(in_turn))
        run.as_served.append(_wall(as_served))
        run.server_cpu.append(cpu)
        run.bare_cpu.append(sum(spent.cpu for spent in in_turn.values()))
        for stage, spent in at_once.items():
            run.stages.setdefault(stage, []).append(spent.wall)
    return run


def _wall(stages: dict[str, Spent]) -> float:
    return sum(spent.wall for spent in stages.values())


def _idle_cpu(server: Server) -> float:
    """Processor seconds a second while nobody asks for anything."""
    before = server.cpu_seconds()
    time.sleep(_IDLE_SECONDS)
    return (server.cpu_seconds() - before) / _IDLE_SECONDS


def _way(way: str, given: argparse.Namespace, models: Path, bare: BareSearch) -> dict[str, Any]:
    probes = photographs(data_folder(), "probe_mated")[: given.searches + _WARM]
    with running(given.data, models, WAYS[way]) as server:
        prepare(server.installation, models, given.records)
        token = INVESTIGATOR.tokens(server.installation.issuer)
        idle = _idle_cpu(server)
        runs = []
        with OnRecordClient(server.installation.address, token, httpx.Client(timeout=60)) as client:
            for number in range(given.runs):
                load = os.getloadavg()[0]
                run = measure(server, client, bare, probes, f"{way}-{time.time_ns()}-{number}")
                runs.append({**run.figures(), "load_average": load})
                print(f"  {way}, run {number + 1}: {_line(runs[-1])}", flush=True)
    medians = {
        name: statistics.median(run[name] for run in runs)
        for name in runs[0]
        if name != "bare_stages"
    }
    medians["bare_stages"] = {
        stage: statistics.median(run["bare_stages"][stage] for run in runs)
        for stage in bare_search.STAGES
    }
    return {"runs": runs, "median": medians, "idle_cpu_per_second": idle}


def _line(run: dict[str, Any]) -> str:
    return (
        f"p50 {run['system_p50']:.1f} ms, bare {run['bare_p50']:.1f}, ratio {run['ratio']:.2f}, "
        f"processor {run['server_cpu']:.1f} and {run['bare_cpu']:.1f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--searches", type=int, default=30, help="a run")
    parser.add_argument("--records", type=int, default=1000, help="in each gallery")
    parser.add_argument("--only", choices=WAYS, help="leave the other way out")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--image", type=Path, help="draw the figures here (PNG)")
    given = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1, which the installation sets for itself")
    given.data.parent.mkdir(parents=True, exist_ok=True)
    data = data_folder()
    models = reference_models(data)
    results = ROOT / "load_tests" / "results" / "search.json"
    told: dict[str, Any] = {"galleries": len(STATES), "records": given.records, "ways": {}}
    if results.exists() and given.only:
        told["ways"] = json.loads(results.read_text("utf-8"))["ways"]
    with (
        tempfile.TemporaryDirectory() as folder,
        BareSearch(
            data / "models",
            models,
            Path(folder),
            galleries=len(STATES),
            records=given.records,
            list_size=LIST_SIZE,
        ) as bare,
    ):
        for way in [given.only] if given.only else WAYS:
            told["ways"][way] = _way(way, given, models, bare)
    tell(told)
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    if given.image:
        draw(told, given.image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
