"""Images enrolled a second through the bus beside a bare loop on the same cores, in one run; and
what enrolling at half of that does to searches, throttle on.
"""

import os
import statistics
from pathlib import Path
from typing import Any

from load_tests.cluster.drawing import pairs
from load_tests.cluster.filled import fill, under_new_ids
from load_tests.cluster.standing import Standing
from load_tests.enrolment import bare_rate
from load_tests.goals import Kept
from load_tests.lfw import data_folder, photographs
from load_tests.manifest_upload import Enrolling, enrol_manifest
from load_tests.people import STATE
from load_tests.scenarios.driving import waiting

_CALLERS = 4
_WARM = 40


def measure_rate(
    kept: Kept, standing: Standing, models: Path, *, records: int, runs: int, portraits: int
) -> None:
    """A manifest of so many portraits, to its closed chunk, and the same bare, run after run."""
    signer = fill(standing, models, records, (STATE,))[STATE]
    pictures = photographs(data_folder(), "gallery", "probe_unmated")[:portraits]
    images = [one.path.read_bytes() for one in pictures]
    enrol_manifest(standing.installation, STATE, signer, under_new_ids(pictures, _WARM))
    found: list[dict[str, Any]] = []
    for number in range(runs):
        load = os.getloadavg()[0]
        before = standing.cpu_seconds()
        bare = bare_rate(data_folder() / "models", images)
        beside = standing.cpu_seconds() - before
        before = standing.cpu_seconds()
        seconds, counts = enrol_manifest(
            standing.installation, STATE, signer, under_new_ids(pictures, len(images))
        )
        found.append(
            {
                "enrolled_per_second": len(images) / seconds,
                "bare_per_second": bare,
                "ratio": len(images) / seconds / bare,
                "cluster_cpu_ms_each": (standing.cpu_seconds() - before) / len(images) * 1000,
                "cluster_cpu_while_bare": beside,
                "counts": counts,
                "load_average_before": load,
            }
        )
        print(f"  run {number + 1}: {_rates(found[-1])}", flush=True)
    median = {
        name: statistics.median(one[name] for one in found)
        for name in ("enrolled_per_second", "bare_per_second", "ratio", "cluster_cpu_ms_each")
    }
    told: dict[str, Any] = {"portraits": portraits, "median": median, "runs": found}
    kept.keep("enrolment", told, {"enrolment_ratio": told["median"]["ratio"]})
    pairs(
        kept.image("enrolment"),
        "Images a second: a bare loop, and enrolled through Kafka",
        ("bare loop", "enrolled"),
        [(one["bare_per_second"], one["enrolled_per_second"]) for one in found],
    )


def measure_busy(
    kept: Kept, standing: Standing, models: Path, *, records: int, runs: int, seconds: float
) -> None:
    """Searches a second of callers in a closed loop, idle and while portraits come at half of
    what enrolment alone reaches.
    """
    signer = fill(standing, models, records, (STATE,))[STATE]
    pictures = photographs(data_folder(), "gallery", "probe_unmated")
    some = under_new_ids(pictures, 3 * _WARM)
    took, _ = enrol_manifest(standing.installation, STATE, signer, some)
    half = len(some) / took / 2
    print(f"  enrolment alone {2 * half:.1f} images/s", flush=True)
    found: list[dict[str, Any]] = []
    rates: list[dict[str, float]] = []
    for number in range(runs):
        idle = waiting(standing, _CALLERS, seconds)
        backlog = under_new_ids(pictures, round(half * (seconds + 4)))
        with Enrolling(
            lambda begun, brought=backlog: enrol_manifest(  # type: ignore[misc]
                standing.installation, STATE, signer, brought, begun, per_second=half
            )
        ) as enrolling:
            busy = waiting(standing, _CALLERS, seconds)
            going_on = enrolling.going_on
        rates.append({"idle": idle.per_second, "enrolling": busy.per_second})
        found.append(
            {
                "idle": idle.figures(),
                "enrolling": busy.figures(),
                "ratio": busy.per_second / idle.per_second,
                "enrolling_to_the_end": going_on,
            }
        )
        print(
            f"  run {number + 1}: {idle.per_second:.1f}/s idle, {busy.per_second:.1f} enrolling: "
            f"{found[-1]['ratio']:.2f}; p99 {idle.percentile(0.99):.0f} and "
            f"{busy.percentile(0.99):.0f} ms, failed {idle.failed + busy.failed}",
            flush=True,
        )
    ratio = statistics.median(one["ratio"] for one in found)
    told = {"callers": _CALLERS, "images_per_second": half, "ratio": ratio, "runs": found}
    kept.keep("busy", told, {"busy_qps_ratio": ratio})
    pairs(
        kept.image("busy"),
        "Searches a second while nothing, or half of what can be, is enrolled",
        ("idle", "enrolling"),
        [(one["idle"], one["enrolling"]) for one in rates],
    )


def _rates(one: dict[str, Any]) -> str:
    return (
        f"{one['enrolled_per_second']:.1f} enrolled/s, {one['bare_per_second']:.1f} bare: "
        f"{one['ratio']:.2f}; load {one['load_average_before']:.1f}"
    )
