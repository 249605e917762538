"""Memory of each process of an installation, idle and after searches and enrolments at once."""

import time
from pathlib import Path

from load_tests.cluster.drawing import BLUE, GREY, plot
from load_tests.cluster.filled import fill, under_new_ids
from load_tests.cluster.standing import Standing
from load_tests.goals import Kept
from load_tests.lfw import data_folder, photographs
from load_tests.manifest_upload import Enrolling, enrol_manifest
from load_tests.people import STATE
from load_tests.scenarios.driving import waiting

_PAUSE_SECONDS = 5.0
_CALLERS = 8

Table = dict[str, dict[str, float]]


def measure(
    kept: Kept, standing: Standing, models: Path, *, records: int, seconds: float, portraits: int
) -> None:
    """Idle, then beside searches by some callers and a manifest; the highest since it started."""
    signer = fill(standing, models, records, (STATE,))[STATE]
    time.sleep(_PAUSE_SECONDS)
    idle = standing.memory()
    pictures = photographs(data_folder(), "gallery")
    with Enrolling(
        lambda begun: enrol_manifest(
            standing.installation, STATE, signer, under_new_ids(pictures, portraits), begun
        )
    ):
        answers = waiting(standing, _CALLERS, seconds)
        loaded = standing.memory()
    told = {
        "form": standing.name,
        "records": records,
        "idle_mib": idle,
        "under_load_mib": loaded,
        "searches_per_second": answers.per_second,
    }
    _tell(idle, loaded)
    kept.keep(f"memory_{standing.name}", told, {})
    _draw(idle, loaded, kept.image(f"memory_{standing.name}"))


def _tell(idle: Table, loaded: Table) -> None:
    print(f"  {'MiB':<24}{'idle rss':>10}{'pss':>8}{'load rss':>10}{'pss':>8}{'peak':>8}")
    for name, before in idle.items():
        after = loaded[name]
        print(
            f"  {name:<24}{before['rss']:>10.0f}{before['pss']:>8.0f}"
            f"{after['rss']:>10.0f}{after['pss']:>8.0f}{after['peak']:>8.0f}"
        )
    whole = [sum(one["pss"] for one in table.values()) for table in (idle, loaded)]
    print(f"  {'all of it, pss':<24}{'':>10}{whole[0]:>8.0f}{'':>10}{whole[1]:>8.0f}", flush=True)


def _draw(idle: Table, loaded: Table, path: Path) -> None:
    names = list(idle)
    with plot(
        path, "Memory with shared pages by part (PSS), MiB", (7.2, 1.0 + 0.3 * len(names))
    ) as axes:
        for shift, table, colour, label in (
            (-0.2, idle, GREY, "idle"),
            (0.2, loaded, BLUE, "under load"),
        ):
            places = [number + shift for number in range(len(names))]
            bars = axes.barh(
                places, [table[name]["pss"] for name in names], 0.38, color=colour, label=label
            )
            axes.bar_label(bars, fmt="%.0f", fontsize=7)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.margins(x=0.12)
