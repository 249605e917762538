"""Runs one program and lets nothing of it outlive whoever started it.

`python -m deploy.local.leash [OPTIONS] -- PROGRAM ARGUMENTS...`

The program ends when standard input does (the starter's end of the pipe closes however the starter
dies), or when this process is asked to end: first it is asked, after `--patience` seconds it is
killed, then whatever it left behind, in whichever session that has put itself. If this process
itself is killed, the kernel kills the program. The exit status is the program's, 128 and the
signal's number where a signal ended it.
"""

import argparse
import ctypes
import os
import pwd
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: Sequence[str]) -> int:
    """Run it to its end; the status to exit with."""
    asked = _parser().parse_args(arguments)
    libc = ctypes.CDLL(None, use_errno=True)
    # Orphans come to us, so that they can be found and ended.
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(one, lambda *_: None)
    mine = os.getpid()

    def before_it_begins() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != mine:
            os._exit(1)

    account = pwd.getpwnam(asked.user) if asked.user and os.geteuid() == 0 else None
    program = subprocess.Popen(
        asked.program,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=before_it_begins,
        user=None if account is None else account.pw_uid,
        group=None if account is None else account.pw_gid,
        extra_groups=None if account is None else (),
    )
    _until_its_end_or_ours(program, woken)
    if program.poll() is None:
        program.send_signal(signal.Signals[asked.stop])
        # A stopped program cannot hear; it is woken to be ended.
        program.send_signal(signal.SIGCONT)
        try:
            program.wait(asked.patience)
        except subprocess.TimeoutExpired:
            program.kill()
    status = program.wait()
    _end_what_is_left()
    return status if status >= 0 else 128 - status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="leash")
    parser.add_argument("--user", default="", help="the account to run it as, where we are root")
    parser.add_argument("--stop", default="SIGTERM", help="the signal that asks it to end")
    parser.add_argument("--patience", type=float, default=20.0, help="seconds until it is killed")
    parser.add_argument("program", nargs="+")
    return parser


def _until_its_end_or_ours(program: "subprocess.Popen[bytes]", woken: int) -> None:
    while program.poll() is None:
        readable, _, _ = select.select([woken, sys.stdin], [], [])
        if woken in readable:
            heard = os.read(woken, 64)
            if signal.SIGTERM in heard or signal.SIGINT in heard:
                return
        if sys.stdin in readable and not os.read(sys.stdin.fileno(), 4096):
            return


def _end_what_is_left() -> None:
    """Kill every descendant; what dies hands its children to us."""
    while left := _children():
        for child in left:
            os.kill(child, signal.SIGKILL)
        for child in left:
            os.waitpid(child, 0)


def _children() -> list[int]:
    mine = os.getpid()
    return [int(name) for name in Path(f"/proc/{mine}/task/{mine}/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
