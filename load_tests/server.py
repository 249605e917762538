"""An installation to be measured, as processes of their own: one for everything, or five."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from load_tests.installation import Installation
from onrecord.chassis.development_issuer import DevelopmentIssuer
from onrecord.standalone.folder import DataFolder

ONE_PROCESS = ("up",)
FIVE_PROCESSES = ("up-processes", "--planes", "1")
"""Serves the same data folder, each service apart."""
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """`start_seconds`: from the start of the process until it said that it was ready.

    `start_cpu_seconds`: the processor time it had used by then, over all its threads.
    """

    installation: Installation
    process_id: int
    start_seconds: float
    start_cpu_seconds: float

    def cpu_seconds(self) -> float:
        """Processor time used until now by the threads that run, of the process and its children.

        To the nanosecond; differences over a few milliseconds mean something.
        """
        return cpu_of_family(self.process_id)


@contextmanager
def running(data: Path, models: Path, how: Sequence[str] = ONE_PROCESS) -> Iterator[Server]:
    """Started on a free port, stopped by SIGTERM. Its log is `<data>.log`."""
    log = data.with_suffix(".log")
    command = [sys.executable, "-m", "onrecord", *how, "--port", "0"]
    command += ["--data", str(data), "--models", str(models)]
    with log.open("ab") as out:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            address = _address(process, DataFolder(data), log)
            took = time.monotonic() - began
            issuer = DevelopmentIssuer.open(DataFolder(data).identity)
            yield Server(Installation(address, issuer), process.pid, took, _cpu(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS)


def _address(process: "subprocess.Popen[bytes]", folder: DataFolder, log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if folder.address.exists():
            address = folder.address.read_text("utf-8").strip()
            if address and _ready(address):
                return address
        time.sleep(0.02)
    raise RuntimeError(f"`onrecord up` is not there:\n{log.read_text('utf-8')}")


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def family(process_id: int) -> list[int]:
    """A process and its children, and theirs."""
    # A child may be the child of any thread.
    children: list[str] = []
    for task in Path(f"/proc/{process_id}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            children += task.read_text().split()
    return [process_id, *(one for child in children for one in family(int(child)))]


def cpu_of_family(process_id: int) -> float:
    """Processor time used until now by the threads that run, of a process and its children."""
    return sum(_on_processor(one) for one in family(process_id))


def _on_processor(process_id: int) -> float:
    used = 0
    for task in Path(f"/proc/{process_id}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            used += int(task.read_text().split()[0])
    return used / 1e9


def _cpu(process_id: int) -> float:
    """User and system time of a process, from /proc."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
