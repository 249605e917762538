"""Forks victims: everything is imported once, and each kill costs a fork.

A victim is forked before any thread, any gRPC and any open file of the installation, builds all of
it itself, and ends by `os._exit` in whichever thread passes the write point it was sentenced at:
nothing is flushed, rolled back or closed on the way out, as with SIGKILL.
"""

import json
import os
import select
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onrecord.kernel.writepoints import WritePoint

KILLED = 77
_FAILED = 1
_LIMIT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Kill:
    """End the process when `point` is passed for the `pass_`-th time, counted from 1."""

    point: str
    pass_: int = 1


@dataclass(frozen=True, slots=True)
class Fate:
    """How a child ended. `passes`: how often each point was passed, where it lived to say so."""

    status: int
    said: str
    passes: Mapping[str, int] = field(default_factory=dict)

    @property
    def killed(self) -> bool:
        return self.status == KILLED

    @property
    def lived(self) -> bool:
        return self.status == 0


def forked(act: Callable[[WritePoint], None], notes: Path, kill: Kill | None = None) -> Fate:
    """Do it in a child, which writes beside `notes`; wait for its end, or end it after a while."""
    passes, said = Path(f"{notes}.passes"), Path(f"{notes}.log")
    child = os.fork()
    if child == 0:
        os._exit(_lived(act, passes, said, kill))
    status = _ended(child)
    counted = json.loads(passes.read_text()) if status == 0 else {}
    return Fate(status, said.read_text() if said.exists() else "", counted)


def _lived(act: Callable[[WritePoint], None], passes: Path, said: Path, kill: Kill | None) -> int:
    counted: Counter[str] = Counter()
    counting = threading.Lock()

    def reached(point: str) -> None:
        with counting:
            counted[point] += 1
            if kill is not None and (point, counted[point]) == (kill.point, kill.pass_):
                os._exit(KILLED)

    with said.open("w") as out:
        os.dup2(out.fileno(), sys.stdout.fileno())
        os.dup2(out.fileno(), sys.stderr.fileno())
        try:
            act(reached)
        except BaseException:  # noqa: BLE001 - the parent must see how it went wrong
            traceback.print_exc(file=out)
            out.flush()
            return _FAILED
        passes.write_text(json.dumps(counted))
    return 0


def _ended(child: int) -> int:
    """Its exit status; -9 where it took too long."""
    handle = os.pidfd_open(child)
    try:
        if not select.select([handle], [], [], _LIMIT_SECONDS)[0]:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
