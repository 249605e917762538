"""Runs the scenarios: locust as a process of its own, and what it heard."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from load_tests.cluster.standing import Standing
from load_tests.lfw import ROOT

_SCENARIOS = ROOT / "load_tests" / "scenarios" / "searches.py"
_STOP_SECONDS = 70


@dataclass(frozen=True, slots=True)
class Answers:
    """`taken`: seconds of each accepted search. `lasted`: from the first due to the last answer.

    `generator_cpu`: processor seconds of whoever asked. `loads`: load average before.
    """

    taken: tuple[float, ...]
    shed: int
    failed: int
    codes: dict[str, int]
    lasted: float
    generator_cpu: float
    load: float

    @property
    def per_second(self) -> float:
        """Accepted searches."""
        return len(self.taken) / self.lasted

    def percentile(self, share: float) -> float:
        """Of the accepted, in milliseconds."""
        if not self.taken:
            raise RuntimeError(f"no search was accepted: {self.codes}")
        if len(self.taken) == 1:
            return 1000 * self.taken[0]
        every = statistics.quantiles(self.taken, n=1000, method="inclusive")
        return 1000 * every[round(share * 1000) - 1]

    def figures(self) -> dict[str, object]:
        return {
            "accepted": len(self.taken),
            "shed": self.shed,
            "failed": self.failed,
            "codes": self.codes,
            "accepted_per_second": self.per_second,
            "p50_ms": self.percentile(0.5),
            "p90_ms": self.percentile(0.9),
            "p99_ms": self.percentile(0.99),
            "generator_cores": self.generator_cpu / self.lasted,
            "load_average_before": self.load,
        }


def together(runs: Sequence[Answers]) -> Answers:
    """All runs as one."""
    codes: Counter[str] = Counter()
    for one in runs:
        codes.update(one.codes)
    return Answers(
        taken=tuple(took for one in runs for took in one.taken),
        shed=sum(one.shed for one in runs),
        failed=sum(one.failed for one in runs),
        codes=dict(codes),
        lasted=sum(one.lasted for one in runs),
        generator_cpu=sum(one.generator_cpu for one in runs),
        load=max(one.load for one in runs),
    )


def waiting(standing: Standing, callers: int, seconds: float) -> Answers:
    """A closed loop."""
    return _heard(standing, ["Waiting", "-u", str(callers), "-r", str(callers)], seconds)


def arriving(standing: Standing, rate: float, seconds: float, seed: int) -> Answers:
    """An open loop."""
    told = ["Arriving", "-u", "1", "-r", "1", "--rate", f"{rate:.4f}", "--seed", str(seed)]
    return _heard(standing, told, seconds)


def _heard(standing: Standing, scenario: list[str], seconds: float) -> Answers:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        heard = Path(folder) / "heard.json"
        command = [sys.executable, "-m", "locust", "-f", str(_SCENARIOS), *scenario]
        command += ["--headless", "--only-summary", "--host", standing.gateways[0]]
        command += ["-t", f"{seconds:.0f}s", "--stop-timeout", str(_STOP_SECONDS)]
        command += ["--gateways", ",".join(standing.gateways), "--heard", str(heard)]
        command += ["--identity", str(standing.identity), "--loglevel", "ERROR"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        if not heard.exists():
            raise RuntimeError(f"locust failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        told = json.loads(heard.read_text("utf-8"))
    answers = told["answers"]
    kinds = Counter(kind for _, _, kind in answers)
    if not answers:
        raise RuntimeError(f"nothing was asked:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return Answers(
        taken=tuple(took for _, took, kind in answers if kind == "accepted"),
        shed=kinds["shed"],
        failed=kinds["failed"],
        codes=told["codes"],
        lasted=max(due + took for due, took, _ in answers),
        generator_cpu=told["cpu_seconds"],
        load=load,
    )
