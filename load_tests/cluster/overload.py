"""Capacity of the gateway, and what people see at 70 % and at 150 % of it.

Capacity is the most that a closed loop gets answered, over several numbers of callers. Then an
open loop in turns: 70 %, 150 %. What is shed must be told when to come again.
"""

import statistics
from pathlib import Path
from typing import Any

from load_tests.cluster.drawing import BLUE, GREY, RED, plot
from load_tests.cluster.filled import fill
from load_tests.cluster.standing import Standing
from load_tests.goals import Kept
from load_tests.people import STATE
from load_tests.scenarios.driving import Answers, arriving, together, waiting

_SHARES = {"70": 0.7, "150": 1.5}
_WARM_SECONDS = 5.0
_WARM_TURNS = 12


def measure(
    kept: Kept,
    standing: Standing,
    models: Path,
    *,
    records: int,
    runs: int,
    seconds: float,
    callers: tuple[int, ...] = (2, 4, 8, 16),
) -> None:
    """`seconds` each run; results, plot and verdict."""
    fill(standing, models, records, (STATE,))
    _warm(standing, callers[0])
    closed = {}
    for count in callers:
        closed[count] = waiting(standing, count, seconds)
        _say(f"{count} callers", closed[count])
    capacity = max(one.per_second for one in closed.values())
    print(f"  capacity {capacity:.1f} searches/s", flush=True)
    found: dict[str, list[Answers]] = {share: [] for share in _SHARES}
    for number in range(runs):
        for share, times in _SHARES.items():
            found[share].append(arriving(standing, times * capacity, seconds, number))
            _say(f"{share} %, run {number + 1}", found[share][-1])
    told: dict[str, Any] = {
        "form": standing.name,
        "records": records,
        "capacity": capacity,
        "closed": {str(count): one.figures() for count, one in closed.items()},
        "open": {share: [one.figures() for one in some] for share, some in found.items()},
        "median": {share: _medians(some) for share, some in found.items()},
    }
    steady, beyond = told["median"]["70"], told["median"]["150"]
    kept.keep(
        f"overload_{standing.name}",
        told,
        {
            "steady_p99_to_p50": steady["p99_ms"] / steady["p50_ms"],
            "overload_p99_ratio": beyond["p99_ms"] / steady["p99_ms"],
        },
    )
    _draw(found, standing.name, kept.image(f"overload_{standing.name}"))


def _warm(standing: Standing, callers: int) -> None:
    """Search until nothing fails: the first searches of a gallery wait for its collections."""
    for _ in range(_WARM_TURNS):
        heard = waiting(standing, callers, _WARM_SECONDS)
        if heard.taken and not heard.failed:
            return
        _say("not warm yet", heard)
    raise RuntimeError("searches fail although nobody else asks")


def _medians(some: list[Answers]) -> dict[str, Any]:
    return {
        "p50_ms": statistics.median(one.percentile(0.5) for one in some),
        "p99_ms": statistics.median(one.percentile(0.99) for one in some),
        "p99_ms_of_all_runs_together": together(some).percentile(0.99),
        "accepted_per_second": statistics.median(one.per_second for one in some),
        "shed": sum(one.shed for one in some),
        "failed": sum(one.failed for one in some),
        "accepted": sum(len(one.taken) for one in some),
    }


def _say(what: str, one: Answers) -> None:
    times = "none accepted"
    if one.taken:
        times = f"p50 {one.percentile(0.5):.0f} ms, p99 {one.percentile(0.99):.0f}"
    print(
        f"  {what}: {one.per_second:.1f}/s, {times}, shed {one.shed}, failed {one.failed}, "
        f"load {one.load:.1f}",
        flush=True,
    )


def _draw(found: dict[str, list[Answers]], form: str, path: Path) -> None:
    title = f"Searches beside capacity, {form}; a line is one run"
    with plot(path, title) as axes:
        for (share, some), colour in zip(found.items(), (BLUE, RED), strict=True):
            for number, one in enumerate(some):
                every = sorted(1000 * took for took in one.taken)
                shares = [(place + 1) / len(every) for place in range(len(every))]
                label = f"{share} % of capacity" if number == 0 else None
                axes.plot(every, shares, color=colour, linewidth=1, label=label)
        axes.axhline(0.99, color=GREY, linewidth=0.7, linestyle=":")
        axes.set_xscale("log")
        axes.set_xlabel("milliseconds from when a search was due", fontsize=8.5)
        axes.set_ylabel("share of the accepted", fontsize=8.5)
