"""`python -m tests.kills --kills N --seed S [--every] [--jobs J]`: kill, look, and say where.

Ends with 1 where an installation did not stand it.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from onrecord.audit.core import write_points as audit
from onrecord.gateway.core import write_points as gateway
from onrecord.vector_search.core import write_points as plane
from tests.kills.campaign import Case, Stage, Tally

KNOWN = (*plane.WRITE_POINTS, *gateway.WRITE_POINTS, *audit.WRITE_POINTS)
_MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh folder with a random name is made in it


def main(argv: list[str]) -> int:
    asked = _arguments(argv)
    # A killed process loses no more in memory than on a disk, and syncing costs nothing there.
    within = asked.folder or (_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    folder = Path(tempfile.mkdtemp(prefix="kills-", dir=within))
    stage = Stage(folder)
    began = time.monotonic()
    stage.set_up()
    cases = list(stage.cases_of_every_point()) if asked.every else []
    chance = random.Random(asked.seed)  # noqa: S311 - a seed must give the same kills again
    cases += itertools.islice(stage.cases_by_chance(chance), asked.kills)
    tally = _shared_out(stage, cases, folder, asked.jobs)
    _tell(stage, tally, asked.seed, time.monotonic() - began)
    if tally.failures:
        return 1
    shutil.rmtree(folder)
    return 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="kills by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", action="store_true", help="first each write point once")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=None, help="where; by default in memory")
    return parser.parse_args(argv)


def _shared_out(stage: Stage, cases: list[Case], folder: Path, jobs: int) -> Tally:
    """Each job is a zygote of its own, forked before anything is opened."""
    places = [folder / f"job-{number}" for number in range(jobs)]
    children = []
    for number, place in enumerate(places):
        place.mkdir()
        child = os.fork()
        if child == 0:
            mine = cases[number::jobs]
            tally = stage.run(mine, place, _Progress(number, len(mine)))
            held = {"killed": tally.killed, "escaped": tally.escaped, "failures": tally.failures}
            (place / "tally.json").write_text(json.dumps(held))
            os._exit(0)
        children.append(child)
    whole = Tally()
    for child, place in zip(children, places, strict=True):
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            whole.failures.append(f"the job in {place} ended with {status}")
            continue
        held = json.loads((place / "tally.json").read_text())
        whole.add(Tally(Counter(held["killed"]), Counter(held["escaped"]), held["failures"]))
    return whole


class _Progress:
    """A line now and then, on standard error: a campaign of thousands takes an hour."""

    def __init__(self, job: int, cases: int) -> None:
        self._job = job
        self._cases = cases
        self._every = max(1, cases // 20)
        self._began = time.monotonic()

    def __call__(self, done: int, failed: int) -> None:
        if done == 0 or done % self._every:
            return
        left = (time.monotonic() - self._began) / done * (self._cases - done)
        sys.stderr.write(
            f"  job {self._job + 1}: {done} of {self._cases} kills, {failed} failed, "
            f"about {left / 60:.0f} min left\n"
        )
        sys.stderr.flush()


def _tell(stage: Stage, tally: Tally, seed: int, seconds: float) -> None:
    passed = {point for passes in stage.passes.values() for point in passes}
    say = sys.stdout.write
    for failure in tally.failures:
        say(f"\n--- {failure}\n")
    for point in sorted(passed):
        say(f"{tally.killed[point]:6d}  {point}\n")
    say(f"never passed: {', '.join(sorted(set(KNOWN) - passed)) or 'none'}\n")
    say(
        f"{tally.killed.total()} killed at {len(tally.killed)} of {len(passed)} write points, "
        f"{tally.escaped.total()} escaped, {len(tally.failures)} did not stand it; "
        f"seed {seed}, {seconds:.0f} s\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
