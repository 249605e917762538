"""The figures of `load_tests.stages`: a table, and a picture of it."""

import statistics
from pathlib import Path
from typing import Any

import matplotlib

from load_tests.watch import Spent

Runs = list[dict[str, Spent]]  # by stage, of each search

STAGES = {
    "authorise": "authorise: policy, quotas, entry on disk, proof",
    "decode": "decode the photograph",
    "find": "find the face (two passes)",
    "detection rest": "align; grant, quality, signature",
    "embed": "embed",
    "embedding rest": "grant, crop's attestation, signature",
    "galleries": "three galleries at once: vectors; plane, receipts",
    "gateway": "gateway: HTTP, casework, sealing, drawing",
}
_BUSY = "#c8623c"
_BARE, _SYSTEM = "#7a8ba3", "#e0a58d"


def tell(system: Runs, bare: Runs) -> dict[str, Any]:
    """Print the table; the same as JSON, in milliseconds."""
    print(f"\nmedians of {len(system)} searches, in ms: by the clock (quartiles), processor")
    print(f"{'':<50}{'system':>30}{'bare':>30}")
    told: dict[str, Any] = {}
    for stage, name in {**STAGES, "total": "total"}.items():
        here, there = _figures(system, stage), _figures(bare, stage)
        told[stage] = {"name": name, "system": here, "bare": there}
        print(f"{name:<50}{_cell(here):>30}{_cell(there):>30}")
    pairs = [(one["total"], other["total"]) for one, other in zip(system, bare, strict=True)]
    told["overhead_ms"] = {
        "wall": statistics.median(one.wall - other.wall for one, other in pairs) * 1000,
        "cpu": statistics.median(one.cpu - other.cpu for one, other in pairs) * 1000,
    }
    told["ratio"] = {
        "wall": statistics.median(one.wall / other.wall for one, other in pairs),
        "cpu": statistics.median(one.cpu / other.cpu for one, other in pairs),
    }
    for kind, name in (("wall", "by the clock"), ("cpu", "processor")):
        overhead, ratio = told["overhead_ms"][kind], told["ratio"][kind]
        print(f"{name}: overhead {overhead:.1f} ms, ratio {ratio:.2f} (medians of pairs)")
    return told


def _figures(runs: Runs, stage: str) -> dict[str, Any] | None:
    """`wall`: first quartile, median, third quartile; `cpu`: median. None where it is not there."""
    if stage not in runs[0]:
        return None
    wall = statistics.quantiles([run[stage].wall for run in runs], n=4)
    cpu = statistics.median(run[stage].cpu for run in runs)
    return {"wall": [1000 * seconds for seconds in wall], "cpu": 1000 * cpu}


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    low, middle, high = found["wall"]
    return f"{middle:.1f} ({low:.1f} to {high:.1f}), {found['cpu']:.1f}"


def draw(told: dict[str, Any], path: Path) -> None:
    """Two bars a stage: what it takes in the system, and what the same work costs bare."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    stages = [told[stage] for stage in STAGES]
    system = [one["system"]["wall"][1] for one in stages]
    bare = [one["bare"]["wall"][1] if one["bare"] else 0.0 for one in stages]
    places = range(len(stages))
    figure, axes = pyplot.subplots(figsize=(8.2, 3.9), dpi=110)
    axes.barh([at - 0.2 for at in places], system, 0.38, color=_SYSTEM, label="in the system")
    # The processor's part of the system's bars is drawn over them.
    busy = [one["system"]["cpu"] for one in stages]
    axes.barh([at - 0.2 for at in places], busy, 0.38, color=_BUSY, label="of which processor")
    axes.barh([at + 0.2 for at in places], bare, 0.38, color=_BARE, label="bare")
    for at, here in enumerate(system):
        axes.text(max(here, busy[at]), at - 0.2, f" {here:.1f}", va="center", fontsize=7.5)
    axes.set_yticks(list(places), [one["name"] for one in stages], fontsize=8.5)
    axes.invert_yaxis()
    axes.set_xlim(right=1.3 * max(system + busy + bare))
    axes.set_xlabel("milliseconds, median", fontsize=8.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5, loc="upper right")
    here, there = (told["total"][way]["wall"][1] for way in ("system", "bare"))
    axes.set_title(
        f"One search of {told['galleries']} galleries with {told['records']:,} records each: "
        f"{here:.0f} ms over HTTP, {there:.0f} ms bare",
        fontsize=9.5,
        loc="left",
    )
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
