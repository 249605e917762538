"""Entries a second into our ledger and into Tessera's POSIX log, on one disk, each one waited for.

    python -m load_tests.append [--rounds 3] [--seconds 5] [--callers 4 16 64]

So many callers at once, each with one entry under way. Ours is audit's ledger on SQLite without
policy in front of it (that is `load_tests.authorize`): a caller waits until nonce, body, leaf and
hashes are committed, synced, and under a signed checkpoint. Beside it the publisher writes tiles
and checkpoints as it always does. Tessera's (v1.0.4, a small program of ours in
`load_tests/tessera_posix`): a caller waits for its index, by when the driver has written and
synced entry and tree; and, measured apart, until a published checkpoint covers it, which Tessera
makes at most ten times a second. Its batches hold as many entries as there are callers, at most
256, and wait 5 ms to be full. Rounds take turns, so that both meet the same load.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onrecord.audit.adapters.ledger import StoredLedger
from onrecord.audit.core.draft import Draft
from onrecord.audit.core.witnessing import Witnessing
from onrecord.chassis.database import open_database, write_ahead
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.throttle import Unthrottled
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import EntryKind
from onrecord.kernel.writepoints import unobserved
from onrecord.proof.notes import NoteSigner

RESULTS = Path(__file__).resolve().parent / "results" / "append.json"
_PROGRAM = Path(__file__).resolve().parent / "tessera_posix"
_BUILT = Path(__file__).resolve().parents[1] / ".cache" / "tools" / "tessera-posix-v1.0.4"
_LARGEST_BATCH = 256
_BODY = {"by": {"service": "gateway"}, "count": 1, "held": "x" * 500}


def tessera_program() -> Path:
    """Our program on Tessera, built if it is not there or is older than its source."""
    program = _BUILT / "tessera_posix"
    newest = max(one.stat().st_mtime for one in _PROGRAM.iterdir())
    if not program.exists() or program.stat().st_mtime < newest:
        go = shutil.which("go")
        if go is None:
            raise SystemExit("this needs Go to build a program on Tessera")
        _BUILT.mkdir(parents=True, exist_ok=True)
        subprocess.run([go, "build", "-o", str(program), "."], cwd=_PROGRAM, check=True)
    return program


def ours(folder: Path, callers: int, seconds: float) -> float:
    """Entries a second into a new ledger."""
    engine = open_database(f"sqlite:///{folder / 'ledger.db'}")
    write_ahead.leave_to_the_background(engine)
    ledger = StoredLedger(
        engine,
        LocalObjects(folder / "published"),
        NoteSigner.generate("bench.example/onrecord"),
        SystemClock(),
        os.urandom,
        unobserved,
        Witnessing(),
        Unthrottled(),
    )
    ledger.open()
    counts = [0] * callers
    until = time.perf_counter() + seconds

    def call(number: int) -> None:
        draft = Draft(EntryKind.LOGON_FAILED, {**_BODY, "caller": number})
        while time.perf_counter() < until:
            ledger.append(lambda _: draft, Deadline.after(60))
            counts[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(counts) / (time.perf_counter() - began)
    ledger.close()
    engine.dispose()
    return rate


def theirs(folder: Path, callers: int, seconds: float, *, published: bool) -> float:
    """Entries a second into a new log of Tessera's."""
    command = [str(tessera_program()), "-dir", str(folder / "tessera"), "-seconds", str(seconds)]
    command += ["-callers", str(callers), "-batch", str(min(callers, _LARGEST_BATCH))]
    command += ["-published"] if published else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["rate"])


def _round(callers: int, seconds: float) -> dict[str, float]:
    told: dict[str, float] = {}
    for name in ("ours", "tessera", "tessera_published"):
        with tempfile.TemporaryDirectory(dir=_BUILT) as folder:
            if name == "ours":
                # A process of its own, so that nothing of the last round is left in it.
                command = [sys.executable, "-m", "load_tests.append", "--ours", folder]
                command += ["--callers", str(callers), "--seconds", str(seconds)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                told[name] = float(done.stdout)
            else:
                published = name == "tessera_published"
                told[name] = theirs(Path(folder), callers, seconds, published=published)
    told["load"] = os.getloadavg()[0]
    return told


def _measure(callers: int, rounds: int, seconds: float) -> dict[str, Any]:
    runs = [_round(callers, seconds) for _ in range(rounds)]
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    ratio = medians["ours"] / medians["tessera"]
    print(
        f"{callers:>4} callers: ours {medians['ours']:7.0f} /s, Tessera's POSIX log "
        f"{medians['tessera']:7.0f} /s (until published {medians['tessera_published']:6.0f} /s), "
        f"ratio {ratio:.2f}   "
        f"load {medians['load']:.1f}",
        flush=True,
    )
    return {"callers": callers, "medians": medians, "ours_to_tessera": ratio, "runs": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description="Append entries, beside Tessera's POSIX log.")
    parser.add_argument("--callers", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours is not None:
        print(ours(given.ours, given.callers[0], given.seconds))
        return
    tessera_program()
    told = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "seconds": given.seconds,
        "by_callers": [_measure(one, given.rounds, given.seconds) for one in given.callers],
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
