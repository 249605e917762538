"""All that a quiet machine should measure of the cluster, one part after the other.

    OPENBLAS_NUM_THREADS=1 python -m load_tests.cluster_all [--only search,busy] [--tiny]
        [--replicas 2] [--places N] [--data .cache/load_tests]

Each part writes `results/cluster_<part>.json` and a plot in docs/images as soon as it is done, so a
stop loses only the part at work. What is measured must reach what `goals.toml` says. The folders
are filled once for a model (500 records in a gallery) and kept: what was enrolled with another
model is not searched. `--tiny` is to try the scripts.
"""

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from load_tests.cluster import curve, enrolment, memory, overload, search
from load_tests.cluster.filled import embedder
from load_tests.cluster.standing import Standing, cluster, five
from load_tests.goals import Kept
from load_tests.installation import reference_models
from load_tests.lfw import ROOT, data_folder

On = Callable[[Standing], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each is done."""

    records: int = 500
    runs: int = 5
    searches: int = 30
    portraits: int = 150
    seconds: float = 10.0
    curve: tuple[int, ...] = (1000, 100_000, 1_000_000)


TINY = Size(records=20, runs=1, searches=3, portraits=20, seconds=3.0, curve=(1000, 3000))


def on_cluster(size: Size, models: Path, kept: Kept) -> dict[str, On]:
    """By name, in the order of measuring."""

    def part(measure: Callable[..., None], **more: object) -> On:
        return lambda standing: measure(kept, standing, models, records=size.records, **more)

    return {
        "memory": part(memory.measure, seconds=size.seconds, portraits=size.portraits),
        "search": part(search.measure, runs=size.runs, searches=size.searches),
        "enrolment": part(enrolment.measure_rate, runs=size.runs, portraits=size.portraits),
        "busy": part(enrolment.measure_busy, runs=size.runs, seconds=size.seconds),
        "overload": part(overload.measure, runs=size.runs, seconds=size.seconds),
    }


def on_five(size: Size, models: Path, kept: Kept) -> dict[str, On]:
    """As `on_cluster`, by names of their own."""
    return {"overload-five": on_cluster(size, models, kept)["overload"]}


def alone(size: Size, data: Path, kept: Kept) -> dict[str, Callable[[], None]]:
    """What starts by itself the one part that it needs."""
    runs, tiny = str(size.runs), size is TINY

    def filled() -> None:
        curve.measure(kept, data / "curve", sizes=size.curve, runs=size.runs, searches=10)

    def script(name: str, *options: str, result: str = "") -> Callable[[], None]:
        where = ["--result", str(kept.results / result)] if result else []
        command = [sys.executable, "-m", f"load_tests.{name}", *options, *where]
        return lambda: _run(command)

    folders = ("--results", str(kept.results), "--images", str(kept.images))
    seconds = ("--seconds", "1") if tiny else ("--seconds", "2.5")
    records = ("--records", "50") if tiny else ()
    return {
        "curve": filled,
        "triton": script("triton", "--runs", runs, *seconds, result="triton.json"),
        "vectors": script("vectors", "--runs", runs, *records, result="vectors.json"),
        "authorize": script("authorize", "--postgres", "--rounds", runs, *seconds, *folders),
    }


_TRIED = Kept(Path(os.devnull), Path(os.devnull))
NAMES = (
    *on_cluster(TINY, Path(), _TRIED),
    *on_five(TINY, Path(), _TRIED),
    *alone(TINY, Path(), _TRIED),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", default=",".join(NAMES), help="parts, by commas")
    parser.add_argument("--tiny", action="store_true", help="hardly anything, to try the scripts")
    parser.add_argument("--records", type=int, help="in a gallery, at least")
    parser.add_argument("--runs", type=int, help="of each")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--places", type=int, default=0, help="for searches; 0: as it comes")
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "load_tests")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := set(wanted) - set(NAMES):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1, which the services set for themselves")
    size, kept, data = Size(), Kept(), given.data.resolve()
    size = replace(size, records=given.records or size.records, runs=given.runs or size.runs)
    if given.tiny:
        size, data = TINY, data / "tiny"
        kept = Kept(data / "results", data / "images")
        for folder in (kept.results, kept.images):
            folder.mkdir(parents=True, exist_ok=True)
    models = reference_models(data_folder())
    made_of = embedder(models).rpartition("+")[2]
    steps = _Steps()
    forms: tuple[tuple[str, dict[str, On], Callable[[], AbstractContextManager[Standing]]], ...] = (
        (
            "the cluster",
            on_cluster(size, models, kept),
            lambda: cluster(
                data / f"cluster-{made_of}", models, replicas=given.replicas, places=given.places
            ),
        ),
        (
            "five processes",
            on_five(size, models, kept),
            lambda: five(data / f"five-{made_of}", models, places=given.places),
        ),
    )
    for form, parts, stands in forms:
        chosen = {name: measure for name, measure in parts.items() if name in wanted}
        if chosen:
            with steps.step(form), stands() as standing:
                for name, measure in chosen.items():
                    with steps.step(name):
                        measure(standing)
    for name, act in alone(size, data, kept).items():
        if name in wanted:
            with steps.step(name):
                act()
    print(f"failed: {', '.join(steps.failed) or 'nothing'}")
    return 1 if steps.failed else 0


class _Steps:
    """Says what is at work and how long it took; what fails does not stop the others."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        after, load = began - self._began, os.getloadavg()[0]
        print(f"[{after:.0f} s, load {load:.1f}] {name}", flush=True)
        try:
            yield
        except Exception:  # noqa: BLE001 - told, and counted
            traceback.print_exc()
            self.failed.append(name)
        print(f"  {name}: {time.monotonic() - began:.0f} s", flush=True)


def _run(command: list[str]) -> None:
    """A measurement that tells its verdict itself, and by an exit status of 1."""
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
