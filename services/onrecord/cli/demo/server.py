"""OnRecord beside us, in one process or in five, for the length of the demo."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx

from onrecord.standalone.folder import DataFolder

_START_SECONDS = 90.0
_STOP_SECONDS = 90.0  # six processes, one after the other


@contextmanager
def running_server(data: Path, models: Path, log: Path, *, apart: bool) -> Iterator[str]:
    """Start it on a free port and give its address; stop it by SIGTERM, as Kubernetes would.

    `apart`: each service as a process of its own.
    """
    how = ["up-processes", "--planes", "1"] if apart else ["up"]
    command = [sys.executable, "-m", "onrecord", *how, "--data", str(data)]
    command += ["--models", str(models), "--port", "0"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield _address(process, DataFolder(data), log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], folder: DataFolder, log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise click.ClickException(
                f"OnRecord ended with {process.returncode}:\n{log.read_text('utf-8')}"
            )
        if folder.address.exists():
            address = folder.address.read_text("utf-8").strip()
            if address and _ready(address):
                return address
        time.sleep(0.05)
    raise click.ClickException(f"OnRecord was not ready in time; its log is {log}")


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
