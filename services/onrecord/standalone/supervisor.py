"""Keeps the processes of one installation on one machine: all of them, or none.

Each is started in a session of its own, so that a ^C reaches the supervisor alone, which stops
them in order; each ends when the supervisor's end of its pipe closes, so that none outlives it.
"""

import http.client
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onrecord.chassis.lifecycle import StopSignals
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.standalone.plan import ProcessPlan

START_SECONDS = 120.0
_STOP_SECONDS = 40.0
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.2
_TAIL_BYTES = 3000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started, and what is written to it while it is wanted."""

    plan: ProcessPlan
    process: "subprocess.Popen[bytes]"

    def ended(self) -> bool:
        return self.process.poll() is not None


class Supervisor:
    """Starts, watches and stops. `close` is repeatable.

    `start_seconds`: how long all of them together may take until they are ready.
    """

    def __init__(self, plans: Sequence[ProcessPlan], start_seconds: float = START_SECONDS) -> None:
        self._plans = tuple(plans)
        self._start_seconds = start_seconds
        self._running: list[Running] = []

    @property
    def running(self) -> tuple[Running, ...]:
        return tuple(self._running)

    def start(self, signals: StopSignals, told: Callable[[str], None]) -> bool:
        """Start all of them and wait until each is ready; False where it was asked to stop first.

        Raises INTERNAL where one ends or takes too long, with the end of what it said.
        """
        self._running = [Running(one, _spawned(one)) for one in self._plans]
        return _wait_until_ready(list(self._running), signals, told, self._start_seconds)

    def start_again(self, name: str, signals: StopSignals) -> bool:
        """Start one that has ended, and wait until it is ready; as `start`."""
        place, old = next(
            (place, one) for place, one in enumerate(self._running) if one.plan.name == name
        )
        if old.process.stdin is not None:
            old.process.stdin.close()
        self._running[place] = again = Running(old.plan, _spawned(old.plan))
        return _wait_until_ready([again], signals, lambda _: None, self._start_seconds)

    def watch(self, signals: StopSignals) -> ProcessPlan | None:
        """Wait until asked to stop, or until a process ends: then which."""
        while not signals.wait(_WATCH_SECONDS):
            for one in self._running:
                if one.ended():
                    _log.error("%s", _failed(one, f"ended with {one.process.returncode}").message)
                    return one.plan
        return None

    def close(self, told: Callable[[str], None] = lambda _: None) -> bool:
        """Stop them in the order in which nobody misses anybody; whether all ended cleanly.

        Those that call before those that are called: what was accepted is finished.
        """
        clean = True
        for one in reversed(self._running):
            if not one.ended():
                one.process.terminate()
            try:
                status = one.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _log.error("%s did not end in time and is killed", one.plan.name)
                one.process.kill()
                status = one.process.wait()
            if one.process.stdin is not None:
                one.process.stdin.close()
            clean = clean and status == 0
            told(f"{one.plan.name} has ended" + (f" with {status}" if status else ""))
        self._running = []
        return clean


def _wait_until_ready(
    waiting: list[Running], signals: StopSignals, told: Callable[[str], None], seconds: float
) -> bool:
    began = time.monotonic()
    while waiting:
        for one in tuple(waiting):
            if one.ended():
                raise _failed(one, f"ended with {one.process.returncode}")
            if _ready(one.plan.health):
                waiting.remove(one)
                told(f"{one.plan.name} is ready after {time.monotonic() - began:.1f} s")
        if time.monotonic() - began > seconds:
            raise _failed(waiting[0], f"was not ready after {seconds:.0f} s")
        if waiting and signals.wait(_POLL_SECONDS):
            return False
    return True


def _spawned(one: ProcessPlan) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "onrecord", "serve", one.service.value]
    command += ["--config", str(one.config), "--with-parent"]
    # What the shell happens to set for a service must not change one of several planes alone.
    clean = {name: text for name, text in os.environ.items() if not name.startswith("ONRECORD_")}
    with one.log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=clean,
        )


def _ready(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _failed(one: Running, how: str) -> OnRecordError:
    with one.plan.log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        said = file.read().decode("utf-8", "replace").strip()
    return OnRecordError(
        ErrorCode.INTERNAL, f"{one.plan.name} {how}; the end of {one.plan.log}:\n{said}"
    )
