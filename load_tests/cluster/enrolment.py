"""Images enrolled a second through the bus beside a bare loop on the same cores, in one run; and
what enrolling at half of that does to searches, throttle on.
"""

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from load_tests.bare_reference import bare_reid, served_reid
from load_tests.cluster.drawing import pairs
from load_tests.cluster.filled import fill, under_new_ids
from load_tests.cluster.processor import Idle, used
from load_tests.cluster.standing import Standing
from load_tests.enrolment import WARM, bare_rate
from load_tests.galleries import live_records
from load_tests.goals import Kept
from load_tests.lfw import data_folder, photographs
from load_tests.manifest_upload import Enrolling, enrol_manifest
from load_tests.people import STATE
from load_tests.scenarios.driving import waiting

_CALLERS = 4
_WARM = 40
_IDLE_SECONDS = 10.0
_SHOWN = 8


def measure_rate(
    kept: Kept, standing: Standing, models: Path, *, records: int, runs: int, portraits: int
) -> None:
    """A manifest of so many portraits, to its closed chunk, and the same bare, run after run; and
    the processor time of each process for an image of it.
    """
    signer = fill(standing, models, records, (STATE,))[STATE]
    published = data_folder() / "models"
    pictures = photographs(data_folder(), "gallery", "probe_unmated")[:portraits]
    images = [one.path.read_bytes() for one in pictures]
    enrol_manifest(standing.installation, STATE, signer, under_new_ids(pictures, _WARM))
    found: list[dict[str, Any]] = []
    processes = {**standing.processes, "whoever asks": os.getpid()}
    idle = _idle(processes)
    print(f"  idle, all of it uses {idle.cores:.2f} cores", flush=True)
    for number in range(runs):
        load = os.getloadavg()[0]
        before = standing.cpu_seconds()
        bare_before = time.process_time()
        bare = bare_rate(published, images, bare_reid(published))
        bare_cpu = time.process_time() - bare_before
        beside = standing.cpu_seconds() - before
        as_served = bare_rate(published, images, served_reid(models))
        before = standing.cpu_seconds()
        at_start, began = used(processes), time.perf_counter()
        seconds, counts = enrol_manifest(
            standing.installation, STATE, signer, under_new_ids(pictures, len(images))
        )
        took = time.perf_counter() - began
        each = used(processes).since(at_start).each(len(images), took, idle)
        found.append(
            {
                "enrolled_per_second": len(images) / seconds,
                "bare_per_second": bare,
                "ratio": len(images) / seconds / bare,
                "bare_as_served_per_second": as_served,
                "ratio_as_served": len(images) / seconds / as_served,
                "cluster_cpu_ms_each": (standing.cpu_seconds() - before) / len(images) * 1000,
                "cluster_cpu_while_bare": beside,
                "bare_cpu_ms_each": bare_cpu / (len(images) + WARM) * 1000,
                "processor_ms_each": sum(each.values()),
                "processor_ms_each_by_process": each,
                "counts": counts,
                "load_average_before": load,
            }
        )
        print(f"  run {number + 1}: {_rates(found[-1])}", flush=True)
        print(f"    {_shares(each)}", flush=True)
    median = {
        name: statistics.median(one[name] for one in found)
        for name in (
            "enrolled_per_second",
            "bare_per_second",
            "ratio",
            "ratio_as_served",
            "cluster_cpu_ms_each",
            "bare_cpu_ms_each",
            "processor_ms_each",
        )
    }
    told: dict[str, Any] = {
        "portraits": portraits,
        "idle_cores": idle.cores,
        "median": median,
        "processor_ms_each_by_process": {
            name: statistics.median(one["processor_ms_each_by_process"][name] for one in found)
            for name in processes
        },
        "runs": found,
    }
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
    what enrolment alone reaches; and how many of them were really enrolled meanwhile.
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
            live, began = live_records(standing.installation)[STATE], time.perf_counter()
            busy = waiting(standing, _CALLERS, seconds)
            going_on, took = enrolling.going_on, time.perf_counter() - began
            live = live_records(standing.installation)[STATE] - live
        rates.append({"idle": idle.per_second, "enrolling": busy.per_second})
        found.append(
            {
                "idle": idle.figures(),
                "enrolling": busy.figures(),
                "ratio": busy.per_second / idle.per_second,
                "enrolling_to_the_end": going_on,
                "enrolled_per_second": live / took,
            }
        )
        print(
            f"  run {number + 1}: {idle.per_second:.1f}/s idle, {busy.per_second:.1f} enrolling: "
            f"{found[-1]['ratio']:.2f}; p99 {idle.percentile(0.99):.0f} and "
            f"{busy.percentile(0.99):.0f} ms, failed {idle.failed + busy.failed}; enrolled "
            f"meanwhile {live / took:.1f} of {half:.1f} images/s",
            flush=True,
        )
    ratio = statistics.median(one["ratio"] for one in found)
    told = {
        "callers": _CALLERS,
        "images_per_second": half,
        "enrolled_per_second": statistics.median(one["enrolled_per_second"] for one in found),
        "ratio": ratio,
        "runs": found,
    }
    kept.keep("busy", told, {"busy_qps_ratio": ratio})
    pairs(
        kept.image("busy"),
        "Searches a second while nothing, or half of what can be, is enrolled",
        ("idle", "enrolling"),
        [(one["idle"], one["enrolling"]) for one in rates],
    )


def _idle(processes: Mapping[str, int]) -> Idle:
    before, began = used(processes), time.perf_counter()
    time.sleep(_IDLE_SECONDS)
    return Idle(used(processes).since(before), time.perf_counter() - began)


def _shares(each: Mapping[str, float]) -> str:
    shown = list(each.items())[:_SHOWN]
    return ", ".join(f"{name} {taken:.1f}" for name, taken in shown) + " ms of processor an image"


def _rates(one: dict[str, Any]) -> str:
    return (
        f"{one['enrolled_per_second']:.1f} enrolled/s, {one['bare_per_second']:.1f} bare: "
        f"{one['ratio']:.2f} ({one['ratio_as_served']:.2f} of the embedder as it is served); "
        f"processor {one['processor_ms_each']:.0f} ms an image, bare "
        f"{one['bare_cpu_ms_each']:.0f}; load {one['load_average_before']:.1f}"
    )
