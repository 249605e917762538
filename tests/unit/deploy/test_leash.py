"""Nothing that a part starts outlives whoever started it, however that one ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

LEASH = Path(__file__).resolve().parents[3] / "deploy" / "local" / "leash.py"

# Starts one child in its group and one in a session of its own, as PostgreSQL's processes are,
# writes everybody's id, and hears SIGTERM only where it is told to.
PROGRAM = """
import os, signal, subprocess, sys, time
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
near = subprocess.Popen(sleeper)
far = subprocess.Popen(sleeper, start_new_session=True)
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {near.pid} {far.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
if sys.argv[2] == "ends":
    sys.exit(7)
time.sleep(600)
"""

_PAUSE = threading.Event()  # never set: between two looks at what another process has done


def leashed(ids: Path, how: str, *options: str) -> "subprocess.Popen[bytes]":
    program = [sys.executable, "-c", PROGRAM, str(ids), how]
    return subprocess.Popen(
        [sys.executable, str(LEASH), *options, "--", *program], stdin=subprocess.PIPE
    )


def started(ids: Path) -> list[int]:
    until = time.monotonic() + 20
    while not ids.exists():
        assert time.monotonic() < until
        _PAUSE.wait(0.01)
    return [int(one) for one in ids.read_text().split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        _PAUSE.wait(0.01)
    return True


def test_all_ends_when_the_starter_s_pipe_closes(tmp_path: Path) -> None:
    leash = leashed(tmp_path / "ids", "hears")
    pids = started(tmp_path / "ids")
    assert all(alive(pid) for pid in pids)
    assert leash.stdin is not None
    leash.stdin.close()
    assert leash.wait(20) == 128 + signal.SIGTERM
    assert gone(pids)


def test_all_ends_when_it_is_asked(tmp_path: Path) -> None:
    leash = leashed(tmp_path / "ids", "hears", "--stop", "SIGINT")
    pids = started(tmp_path / "ids")
    leash.terminate()
    assert leash.wait(20) != 0
    assert gone(pids)


def test_what_does_not_hear_is_killed(tmp_path: Path) -> None:
    leash = leashed(tmp_path / "ids", "deaf", "--patience", "0.2")
    pids = started(tmp_path / "ids")
    leash.terminate()
    assert leash.wait(20) == 128 + signal.SIGKILL
    assert gone(pids)


def test_a_paused_program_is_ended_too(tmp_path: Path) -> None:
    leash = leashed(tmp_path / "ids", "hears")
    pids = started(tmp_path / "ids")
    os.killpg(pids[0], signal.SIGSTOP)
    leash.terminate()
    assert leash.wait(20) == 128 + signal.SIGTERM
    assert gone(pids)


def test_its_status_is_the_program_s_and_nothing_is_left(tmp_path: Path) -> None:
    leash = leashed(tmp_path / "ids", "ends")
    pids = started(tmp_path / "ids")
    assert leash.wait(20) == 7
    assert gone(pids)


def test_the_program_dies_with_a_killed_leash(tmp_path: Path) -> None:
    leash = leashed(tmp_path / "ids", "hears")
    program, *others = started(tmp_path / "ids")
    leash.kill()
    leash.wait(20)
    try:
        assert gone([program])
    finally:
        for pid in others:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a program as somebody else")
def test_it_runs_as_the_account_it_is_told() -> None:
    with subprocess.Popen(
        [sys.executable, str(LEASH), "--user", "nobody", "--", "/usr/bin/id", "-un"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as leash:
        assert leash.stdout is not None
        assert leash.stdout.read() == b"nobody\n"
