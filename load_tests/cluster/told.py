"""What the processes themselves tell of where time goes: sums and counts of their histograms."""

from collections import defaultdict

import httpx
from prometheus_client.parser import text_string_to_metric_families

from load_tests.cluster.standing import Standing

Sums = dict[str, tuple[float, float]]
"""By name and what distinguishes it: seconds in all, and how many times."""
_OF_INTEREST = {
    "onrecord_search_stage_seconds": ("stage",),
    "onrecord_request_seconds": ("service", "method"),
    "onrecord_inference_seconds": ("model",),
    "onrecord_index_search_seconds": (),
    "onrecord_ledger_append_seconds": (),
}


def read(standing: Standing) -> Sums:
    """Over all processes, until now."""
    found: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for address in standing.health:
        text = httpx.get(f"http://{address}/metrics", timeout=10).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removesuffix("_sum").removesuffix("_count")
                if name not in _OF_INTEREST or name == sample.name:
                    continue
                which = "/".join(sample.labels.get(label, "") for label in _OF_INTEREST[name])
                key = f"{name.removeprefix('onrecord_').removesuffix('_seconds')} {which}".strip()
                seconds, times = found[key]
                if sample.name.endswith("_sum"):
                    found[key] = (seconds + sample.value, times)
                else:
                    found[key] = (seconds, times + sample.value)
    return dict(found)


def between(before: Sums, after: Sums) -> dict[str, dict[str, float]]:
    """What was added meanwhile: mean milliseconds, and how many times."""
    told = {}
    for key, (seconds, times) in after.items():
        was = before.get(key, (0.0, 0.0))
        if times > was[1]:
            mean = 1000 * (seconds - was[0]) / (times - was[1])
            told[key] = {"mean_ms": mean, "times": times - was[1]}
    return told
