"""`onrecord ledger verify` beside Tessera's `fsck`, on the same files: time and memory.

    python -m load_tests.verify [--sizes 10000 100000 1000000] [--rounds 5] [--fsck PROGRAM]

Ledgers are made once and kept in the cache. In each round, one after the other: fsck (which reads
entries and tiles, and knows nothing of bodies), our verifier without bodies (the same work, and
that every leaf is a commitment), by one process and by as many as there are cores. Then, in fewer
rounds, our verifier with bodies: each held against its leaf, and every law between entries. Wall
time is what somebody waits; processor time is what a busy machine does not change. Memory is the
sum over all processes of what each has for itself and its share of what it shares (Pss), sampled
every 20 ms.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from load_tests.ledger_files import write_ledger

_ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results" / "verify.json"
_CACHE = _ROOT / ".cache" / "load_tests" / "ledgers"
_FSCK = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"
_TOOLS = _ROOT / ".cache" / "tools" / "tessera-fsck-v1.0.4"
_TARGET = 0.5
_SAMPLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds by the clock and of processor, and the most memory at one time, in MiB."""

    wall: float
    cpu: float
    memory_mib: float


def fsck_program() -> Path:
    """Tessera's fsck, built once."""
    program = _TOOLS / "fsck"
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            raise SystemExit("this needs Go to build Tessera's fsck, or --fsck PROGRAM")
        print("building fsck", flush=True)
        environment = os.environ | {"GOBIN": str(_TOOLS)}
        subprocess.run([go, "install", _FSCK], env=environment, check=True)
    return program


def ledger_of(entries: int) -> Path:
    """The ledger of so many entries, made if it is not there."""
    folder = _CACHE / str(entries)
    if not folder.exists():
        print(f"making a ledger of {entries} entries", flush=True)
        _CACHE.mkdir(parents=True, exist_ok=True)
        made = write_ledger(Path(tempfile.mkdtemp(dir=_CACHE)) / "ledger", entries)
        made.rename(folder)
    return folder


def measure(command: Sequence[str], says: str) -> Run:
    """Run a command that must succeed and say `says`."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output)
        most = _Most(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        memory = most.stop()
        output.seek(0)
        told = output.read().decode()
    if process.returncode or says not in told:
        raise SystemExit(f"{' '.join(command)} failed:\n{told}")
    return Run(wall, used.ru_utime + used.ru_stime, memory)


class _Most:
    """The most memory that a process and its descendants had at one time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._kib = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._kib / 1024

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._kib = max(self._kib, sum(map(_pss, _tree(self._pid))))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            told = Path(f"/proc/{one}/task/{one}/children").read_text()
        except OSError:  # it has ended meanwhile
            continue
        found += [int(child) for child in told.split()]
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ours(folder: Path, processes: int, *, bodies: bool) -> list[str]:
    command = [sys.executable, "-m", "onrecord", "ledger", "verify", str(folder)]
    command += ["--key", str(folder / "key"), "--processes", str(processes)]
    if bodies:
        return [*command, "--services", str(folder / "services.pem")]
    return command


def _sides(folder: Path, bare: Path, fsck: Path, cores: int) -> dict[str, tuple[list[str], str]]:
    """Who is measured, by name: the command, and what it says when all is well."""
    theirs = [str(fsck), "-storage_url", f"file://{bare}/", "-public_key", str(folder / "key")]
    holds = "All of it holds."
    return {
        "fsck": ([*theirs, "-ui=false", "-N", str(cores)], "Successfully fsck'd"),
        "one_process": (_ours(bare, 1, bodies=False), holds),
        "all_cores": (_ours(bare, cores, bodies=False), holds),
        "bodies_one_process": (_ours(folder, 1, bodies=True), holds),
        "bodies_all_cores": (_ours(folder, cores, bodies=True), holds),
    }


def _without_bodies(folder: Path) -> Path:
    """The same files but for the bodies, which our verifier would find."""
    bare = folder.with_name(f"{folder.name}-bare")
    bare.mkdir(exist_ok=True)
    for name in ("tile", "checkpoint", "key"):
        link = bare / name
        if not link.exists():
            link.symlink_to(folder / name)
    return bare


def _measure_size(entries: int, fsck: Path, rounds: int, bodies_rounds: int) -> dict[str, Any]:
    folder = ledger_of(entries)
    cores = os.cpu_count() or 1
    sides = _sides(folder, _without_bodies(folder), fsck, cores)
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for number in range(max(rounds, bodies_rounds)):
        for name, (command, says) in sides.items():
            if number < (bodies_rounds if name.startswith("bodies") else rounds):
                runs[name].append(measure(command, says))
                load = os.getloadavg()[0]
                one = runs[name][-1]
                print(
                    f"{entries:>8}  {name:<20} {one.wall:7.2f} s, {one.cpu:7.2f} s of processor, "
                    f"{one.memory_mib:6.1f} MiB   load {load:.1f}",
                    flush=True,
                )
    medians = {name: _median(some) for name, some in runs.items() if some}
    return {
        "entries": entries,
        "medians": {name: asdict(one) for name, one in medians.items()},
        # Above 1: we are faster than fsck.
        "speed_against_fsck": {
            name: {
                "wall": medians["fsck"].wall / medians[name].wall,
                "cpu": medians["fsck"].cpu / medians[name].cpu,
            }
            for name in ("one_process", "all_cores")
        },
        "runs": {name: [asdict(one) for one in some] for name, some in runs.items()},
    }


def _median(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(one.wall for one in runs),
        statistics.median(one.cpu for one in runs),
        max(one.memory_mib for one in runs),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Verify ledgers, beside Tessera's fsck.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bodies-rounds", type=int, default=1)
    parser.add_argument("--fsck", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    fsck = given.fsck or fsck_program()
    load = os.getloadavg()[0]
    sizes = [_measure_size(size, fsck, given.rounds, given.bodies_rounds) for size in given.sizes]
    told = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_at_start": load,
        "fsck": _FSCK,
        "target": _TARGET,
        "sizes": sizes,
    }
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    for one in sizes:
        for name, speed in one["speed_against_fsck"].items():
            print(
                f"{one['entries']:>8}  {name:<12} at {speed['wall']:.2f} of fsck's speed by the "
                f"clock, {speed['cpu']:.2f} by processor time (target {_TARGET})"
            )


if __name__ == "__main__":
    main()
