"""Triton-served templates/s ÷ in-process ONNX Runtime on the same cores (issue 6: at least 0.85
from batches of 8 on).

`python -m load_tests.triton`: one line a batch size, medians of five runs, both sides in turn. On
either side as many callers as there are cores, each waiting for its answer; the model takes one
thread a call, and Triton has as many instances as there are callers.
"""

import argparse
import json
import os
import tempfile
from functools import partial
from pathlib import Path

from load_tests.goals import goal
from load_tests.served import ROOT, rate, served, side_by_side
from onrecord.chassis.inference import ModelRepository

FROM_BATCH = 8
_RESULT = ROOT / "load_tests" / "results" / "triton.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository")
    parser.add_argument("--model", default="reid-retail-0095")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--callers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--result", type=Path, default=_RESULT)
    asked = parser.parse_args()
    wanted = goal("triton_ratio")
    batches = [int(one) for one in asked.batches.split(",")]
    near = ModelRepository(asked.repository).session(asked.model)
    with (
        tempfile.TemporaryDirectory(prefix="onrecord-triton-") as folder,
        served(asked.repository, asked.model, Path(folder), instances=asked.callers) as far,
    ):
        took = partial(rate, callers=asked.callers, seconds=asked.seconds)
        load = os.getloadavg()[0]
        ways = {"in process": partial(took, near), "Triton": partial(took, far)}
        found = side_by_side(ways, batches, asked.runs)
    told = {
        "model": near.card.model_id,
        "callers": asked.callers,
        "cores": len(os.sched_getaffinity(0)),
        "load_average_before": load,
        "goal": wanted.at_least,
        "batches": found,
    }
    print(f"{near.card.name}, {asked.callers} callers, load average before {load:.1f}")
    print(f"{'batch':>6}{'in process':>12}{'Triton':>10}{'ratio':>8}")
    for one in found:
        inside, outside = one["median"]["in process"], one["median"]["Triton"]
        one["ratio"] = outside / inside
        verdict = ""
        if one["batch"] >= FROM_BATCH:
            verdict = wanted.verdict(one["ratio"])
        print(f"{one['batch']:>6}{inside:>12.1f}{outside:>10.1f}{one['ratio']:>8.2f}  {verdict}")
    if load > 0.5 * told["cores"]:
        print("the machine was not idle: these figures say little")
    asked.result.parent.mkdir(parents=True, exist_ok=True)
    asked.result.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
