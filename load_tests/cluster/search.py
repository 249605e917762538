"""A search end to end on the cluster beside the same work in one script, in one run.

Every search over HTTP is followed at once by the same photograph through the same Triton and the
same collections of the same Milvus (`bare.py`), of one gallery and of three.
"""

import os
import statistics
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from load_tests.cluster import told as told_by
from load_tests.cluster.bare import STAGES, BareOnCluster
from load_tests.cluster.drawing import RED, plot
from load_tests.cluster.filled import embedder, fill
from load_tests.cluster.standing import Standing
from load_tests.galleries import LIST_SIZE, STATES
from load_tests.goals import Kept
from load_tests.lfw import Photograph, data_folder, photographs
from load_tests.people import INVESTIGATOR, request
from onrecord.client import OnRecordClient
from onrecord.kernel.cards import Metric
from onrecord.kernel.vocabulary import GalleryStatus
from onrecord.vector_search.adapters.milvus import collection_name
from onrecord.vector_search.core.values import IndexSpace

_WARM = 5
_DIMENSION = 256


@dataclass(slots=True)
class _Run:
    """Seconds of each search, and of its stages bare."""

    system: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    """As `bare`, with the detector's two passes side by side, as the services make them."""
    stages: dict[str, list[float]] = field(default_factory=lambda: {one: [] for one in STAGES})

    def figures(self) -> dict[str, Any]:
        here, there = statistics.median(self.system), statistics.median(self.bare)
        return {
            "searches": len(self.system),
            "system_p50_ms": here * 1000,
            "bare_p50_ms": there * 1000,
            "ratio": here / there,
            "bare_beside_p50_ms": statistics.median(self.beside) * 1000,
            "ratio_beside": here / statistics.median(self.beside),
            "overhead_ms": (here - there) * 1000,
            "bare_stages_ms": {k: statistics.median(v) * 1000 for k, v in self.stages.items()},
            "load_average": os.getloadavg()[0],
        }


def measure(
    kept: Kept, standing: Standing, models: Path, *, records: int, runs: int, searches: int
) -> None:
    """`searches` in each of so many runs; results, plot and verdict."""
    fill(standing, models, records)
    idle = standing.idle_cpu(4.0)
    print(f"  idle, all of it uses {idle:.2f} cores", flush=True)
    told: dict[str, Any] = {"records": records, "idle_cores": idle, "galleries": {}}
    for states in (STATES[:1], STATES):
        found = _of(standing, models, states, runs, searches)
        told["galleries"][str(len(states))] = found
    one = told["galleries"]["1"]["median"]
    kept.keep(
        "search",
        told,
        {"search_ratio": one["ratio"], "search_overhead_ms": one["overhead_ms"]},
    )
    _draw(told, kept.image("search"))


def _of(
    standing: Standing, models: Path, states: tuple[str, ...], runs: int, searches: int
) -> dict[str, Any]:
    model_id = embedder(models)
    names = [collection_name(IndexSpace(one, model_id, _DIMENSION, Metric("IP"))) for one in states]
    bare = BareOnCluster(standing.parts["triton"], standing.parts["milvus"], names, LIST_SIZE)
    probes = photographs(data_folder(), "probe_mated")
    found = []
    before = told_by.read(standing)
    try:
        with standing.installation.client(INVESTIGATOR) as client:
            for number in range(runs):
                begin = number * searches
                some = probes[begin : begin + searches + _WARM]
                run = _run(client, bare, some, states)
                found.append(run.figures())
                print(
                    f"  {len(states)} galleries, run {number + 1}: {_line(found[-1])}", flush=True
                )
    finally:
        bare.close()
    medians = {
        name: statistics.median(one[name] for one in found)
        for name in ("system_p50_ms", "bare_p50_ms", "ratio", "overhead_ms", "ratio_beside")
    }
    stages = {
        stage: statistics.median(one["bare_stages_ms"][stage] for one in found) for stage in STAGES
    }
    told = told_by.between(before, told_by.read(standing))
    for name, one in sorted(told.items()):
        print(f"    {name}: {one['mean_ms']:.1f} ms, {one['times']:.0f} times", flush=True)
    return {"median": {**medians, "bare_stages_ms": stages}, "told": told, "runs": found}


def _run(
    client: OnRecordClient, bare: BareOnCluster, probes: list[Photograph], states: tuple[str, ...]
) -> _Run:
    run = _Run()
    for number, probe in enumerate(probes):
        image = probe.path.read_bytes()
        declared = request(LIST_SIZE, states)
        began = perf_counter()
        made = client.search(declared, image, idempotency_key=uuid.uuid4().hex)
        took = perf_counter() - began
        if not all(made.gallery(state).status is GalleryStatus.SEARCHED for state in states):
            print(f"  left out, not searched: {probe.name} ({made.status})", flush=True)
            continue
        stages, beside = bare.run(image), bare.run(image, beside=True)
        if number < _WARM:
            continue
        run.system.append(took)
        run.bare.append(sum(stages.values()))
        run.beside.append(sum(beside.values()))
        for stage, seconds in stages.items():
            run.stages[stage].append(seconds)
    return run


def _line(one: dict[str, Any]) -> str:
    return (
        f"p50 {one['system_p50_ms']:.1f} ms, bare {one['bare_p50_ms']:.1f}, "
        f"ratio {one['ratio']:.2f} ({one['ratio_beside']:.2f} with its passes side by side), "
        f"load {one['load_average']:.1f}"
    )


def _draw(told: dict[str, Any], path: Path) -> None:
    colours = ("#b9c4d4", "#94a3bd", "#6b7d99", "#4e6080", "#2f4163")
    every = list(told["galleries"].items())
    title = "One search on the cluster, and the same work in one script"
    with plot(path, title, (8.2, 2.6)) as axes:
        for at, (_, found) in enumerate(every):
            one, left = found["median"], 0.0
            for stage, colour in zip(STAGES, colours, strict=True):
                width = one["bare_stages_ms"][stage]
                label = f"{stage}, bare" if at == 0 else None
                axes.barh(at, width, 0.5, left=left, color=colour, label=label)
                left += width
            ours = max(0.0, one["system_p50_ms"] - left)
            axes.barh(at, ours, 0.5, left=left, color=RED, label="ours" if at == 0 else None)
            said = f" {one['system_p50_ms']:.0f} ms, ratio {one['ratio']:.2f}"
            axes.text(left + ours, at, said, va="center", fontsize=8)
        axes.set_yticks(range(len(every)), [f"galleries: {name}" for name, _ in every])
        axes.invert_yaxis()
        axes.set_xlim(right=1.6 * axes.get_xlim()[1])
        axes.set_xlabel("milliseconds, p50", fontsize=8.5)
