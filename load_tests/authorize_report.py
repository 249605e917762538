"""The figures of `load_tests.authorize`: a table, and a picture of it."""

from pathlib import Path
from typing import Any

import matplotlib

_AUDIT, _ASKING, _BARE, _TARGET = "#c8623c", "#e0a58d", "#7a8ba3", "#444444"


def tell(told: dict[str, Any]) -> None:
    medians = told["medians"]
    print(
        f"medians of {len(told['rounds'])} rounds, {told['cores']} cores, "
        f"load {medians['load']:.1f}"
    )
    print(f"bare SQLite commits      {medians['bare_commits']:8.0f} /s")
    print(f"authorised, in process   {medians['inside']:8.0f} /s")
    print(
        f"authorised, over gRPC    {medians['over_grpc']:8.0f} /s"
        f"   cores: audit {medians['cores_audit']:.2f}, asking {medians['cores_generator']:.2f}"
    )
    print(
        f"at half, {medians['asked']:4.0f} /s: p50 {medians['p50_ms']:6.1f} ms, "
        f"p99 {medians['p99_ms']:6.1f} ms   cores: audit {medians['half_cores_audit']:.2f}, "
        f"asking {medians['half_cores_generator']:.2f}"
    )
    print(
        f"at {told['targets']['over_grpc'] / 2:.0f} /s, half of the goal: "
        f"p50 {medians['goal_p50_ms']:6.1f} ms, p99 {medians['goal_p99_ms']:6.1f} ms; "
        f"whoever asked was late by {medians['goal_late_p99_ms']:.1f} ms itself (p99)"
    )


def plot(told: dict[str, Any], path: Path) -> None:
    """Rates by round on the left, waits at half of it on the right."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rounds = told["rounds"]
    turns = range(1, len(rounds) + 1)
    figure, (rates, waits) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, label, colour in (
        ("bare_commits", "bare SQLite commits", _BARE),
        ("inside", "authorised, in process", _ASKING),
        ("over_grpc", "authorised, over gRPC", _AUDIT),
    ):
        rates.plot(turns, [one[name] for one in rounds], "o-", color=colour, label=label)
    rates.axhline(told["targets"]["over_grpc"], color=_TARGET, linestyle=":", label="target")
    rates.set_ylim(bottom=0)
    rates.set_ylabel("a second")
    for name, label, colour in (
        ("p50_ms", "median at half the rate", _ASKING),
        ("p99_ms", "p99 at half the rate", _AUDIT),
        ("goal_p99_ms", "p99 at half of the goal", _BARE),
    ):
        waits.plot(turns, [one[name] for one in rounds], "o-", color=colour, label=label)
    waits.axhline(told["targets"]["p99_ms"], color=_TARGET, linestyle=":", label="target")
    waits.set_ylim(bottom=0)
    waits.set_ylabel("ms, open loop")
    for axes in (rates, waits):
        axes.set_xlabel("round")
        axes.set_xticks(list(turns))
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"Durable authorisations, {told['galleries']} gallery, {told['cores']} cores; "
        f"asking took {told['medians']['cores_generator']:.2f} cores"
    )
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
