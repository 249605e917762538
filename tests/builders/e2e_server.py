"""`onrecord up` or `up-processes` as a process of its own, for tests that know it by what it shows
the world.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from onrecord.chassis.development_issuer import DevelopmentIssuer

START_SECONDS = 120.0
STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_LEDGER_KEY = "keys/ledger.vkey"
_SERVICES = "certificates/root.pem"
_IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Installation:
    """All that a test of one process or of a cluster may know.

    `address`: base URL. `issuer`: whoever gives people their tokens. `ledger_key` and `services`:
    files with the ledger's verifier key and the services' root certificates, both public.
    """

    address: str
    issuer: DevelopmentIssuer
    ledger_key: Path
    services: Path


def installation_of(data: Path, address: str) -> Installation:
    """What a data folder shows the world."""
    return Installation(
        address=address,
        issuer=DevelopmentIssuer.open(data / _IDENTITY),
        ledger_key=data / _LEDGER_KEY,
        services=data / _SERVICES,
    )


class Serving(Protocol):
    """An installation at work, and what tests of privacy see besides: its folder and its logs."""

    @property
    def data(self) -> Path: ...

    @property
    def installation(self) -> Installation: ...

    @property
    def metrics(self) -> Sequence[str]:
        """Where each process of it tells its metrics."""
        ...

    @property
    def logs(self) -> Sequence[Path]:
        """The files that every process of it writes what it says to."""
        ...


def said(server: Serving) -> str:
    """What every process of it has said."""
    return "\n".join(log.read_text("utf-8") for log in server.logs)


@dataclass(frozen=True, slots=True)
class Server:
    """One command on one data folder, whatever processes it starts. What it says, every time it
    is started, goes to `log`.
    """

    process: "subprocess.Popen[bytes]"
    data: Path
    log: Path
    address: str

    @property
    def installation(self) -> Installation:
        return installation_of(self.data, self.address)

    @property
    def metrics(self) -> Sequence[str]:
        """Where it tells its metrics, if it was told to."""
        return re.findall(r"metrics at (http\S+)", self.log.read_text("utf-8"))[-1:]

    @property
    def logs(self) -> Sequence[Path]:
        return self.log, *sorted((self.data / "processes").glob("*.log"))

    def processes(self) -> list[int]:
        """The ids of all its processes."""
        return [*_children(self.process.pid), self.process.pid]

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM, as Kubernetes would; the exit status."""
        self.ask_to_stop()
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit status. A server that will not end is killed, and fails."""
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL to every process of it at once: no chance to do anything more."""
        processes = self.processes()
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        deadline, pause = time.monotonic() + STOP_SECONDS, threading.Event()
        while any(lives(pid) for pid in processes):
            assert time.monotonic() < deadline, "a process outlives SIGKILL"
            pause.wait(_POLL_SECONDS)


def start_server(data: Path, models: Path, log: Path, how: Sequence[str] = ("up",)) -> Server:
    """Start on a free port and wait until it is ready."""
    address_file = data / "address"
    address_file.unlink(missing_ok=True)  # one that was killed leaves its own behind
    process = spawn(data, models, log, how)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            status = process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            address = address_file.read_text("utf-8").strip() if address_file.exists() else ""
            if address and _ready(address):
                return Server(process, data, log, address)
        else:
            raise AssertionError(f"it ended with {status}:\n{log.read_text('utf-8')}")
    process.kill()
    process.wait()
    raise AssertionError(f"it was not ready in time:\n{log.read_text('utf-8')}")


def spawn(
    data: Path, models: Path, log: Path, how: Sequence[str] = ("up",)
) -> "subprocess.Popen[bytes]":
    """The bare command, whose output is appended to `log`."""
    command = [sys.executable, "-m", "onrecord", *how, "--data", str(data)]
    command += ["--models", str(models), "--port", "0"]
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    """Whether a process of that id is at work."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # dead, though whoever adopted it has not asked how it ended


class LogMark:
    """What a server has said since this was made."""

    def __init__(self, server: Serving) -> None:
        self._server = server
        self._from = {log: log.stat().st_size for log in server.logs}

    def text(self) -> str:
        return "\n".join(self._since(log) for log in self._server.logs)

    def _since(self, log: Path) -> str:
        with log.open("rb") as file:
            file.seek(self._from.get(log, 0))
            return file.read().decode("utf-8", "replace")
