"""The figures of `load_tests.search`: a table, and a picture of it."""

from pathlib import Path
from typing import Any

import matplotlib

WAYS = {"one": "one process", "five": "five processes"}
RATIO, OVERHEAD_MS = 1.25, 25.0
"""What the issue demands."""
_STAGES = {
    "decode": ("decode", "#b9c4d4"),
    "find": ("find the face", "#94a3bd"),
    "align": ("align", "#6b7d99"),
    "embed": ("embed", "#4e6080"),
    "index": ("pymilvus, three galleries", "#2f4163"),
}
_OURS = "#c8623c"


def tell(told: dict[str, Any]) -> None:
    """Print medians of the runs, and whether they reach what is demanded."""
    print(f"\nmedians of runs, ms; {told['galleries']} galleries of {told['records']:,} records")
    names = "".join(f"{name:>8}" for name in ("p50", "p90", "bare", "ratio", "ours"))
    print(f"{'':<18}{names}{'processor, bare':>18}")
    for way, found in told["ways"].items():
        one = found["median"]
        print(
            f"{WAYS[way]:<18}{one['system_p50']:>8.1f}{one['system_p90']:>8.1f}"
            f"{one['bare_p50']:>8.1f}{one['ratio']:>8.2f}{one['overhead_p50']:>8.1f}"
            f"{one['server_cpu']:>10.1f}{one['bare_cpu']:>8.1f}"
        )
        if "ratio_as_served" in one:
            print(
                f"{'':<18}with models and threads as the services have them: bare "
                f"{one['bare_as_served_p50']:.1f}, ratio {one['ratio_as_served']:.2f}"
            )
        reached = one["ratio"] <= RATIO and one["overhead_p50"] <= OVERHEAD_MS
        print(
            f"{'':<18}{'reached' if reached else 'NOT reached'}: at most {RATIO} and "
            f"{OVERHEAD_MS:.0f} ms; bare with its galleries in turn "
            f"{one['bare_in_turn_p50']:.1f}; idle processor "
            f"{found['idle_cpu_per_second'] * 100:.0f} %"
        )


def draw(told: dict[str, Any], path: Path) -> None:
    """A bar for each way: the bare work by stage, and what is ours on top of it."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    ways = list(told["ways"])
    figure, axes = pyplot.subplots(figsize=(8.2, 1.6 + 0.7 * len(ways)), dpi=110)
    for at, way in enumerate(ways):
        one, left = told["ways"][way]["median"], 0.0
        for stage, (name, colour) in _STAGES.items():
            width = one["bare_stages"][stage]
            label = name if at == 0 else None
            axes.barh(at, width, 0.5, left=left, color=colour, label=label)
            left += width
        ours = one["system_p50"] - left
        axes.barh(at, ours, 0.5, left=left, color=_OURS, label="ours" if at == 0 else None)
        runs = [run["system_p50"] for run in told["ways"][way]["runs"]]
        axes.plot(runs, [at] * len(runs), "k|", markersize=9)
        axes.text(
            max(*runs, left + ours) + 1,
            at,
            f"{one['system_p50']:.0f} ms, ratio {one['ratio']:.2f}",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(ways)), [WAYS[way] for way in ways], fontsize=8.5)
    axes.invert_yaxis()
    axes.set_xlim(right=1.3 * axes.get_xlim()[1])
    axes.set_xlabel("milliseconds, p50; a stroke is one run", fontsize=8.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, ncols=6, loc="lower center")
    axes.set_title(
        f"One search of {told['galleries']} galleries with {told['records']:,} records each",
        fontsize=9.5,
        loc="left",
    )
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
