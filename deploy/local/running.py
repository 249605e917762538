"""A part at work: started under a leash, watched, and stopped; killed and paused for tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.local.part import Launch, Part, Place
from onrecord.standalone.addresses import FreePorts

START_SECONDS = 180.0
_STOP_SECONDS = 40.0
POLL_SECONDS = 0.05
_TAIL_BYTES = 3000
_ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME")


class PartError(Exception):
    """A part ended or did not become ready; the text has the end of its log."""


class Running:
    """One instance of a part. `place.ports` stay the same when it is started again."""

    def __init__(self, part: Part, place: Place) -> None:
        self.part = part
        self.place = place
        self.log = place.data.parent / f"{place.data.name}.log"
        self._leash: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = START_SECONDS) -> None:
        """Start it, wait until it is ready, and settle it.

        Raises PartError where it ends or takes longer than `seconds`.
        """
        self.begin()
        self.wait(seconds)

    def begin(self) -> None:
        """Start it; it is not ready yet."""
        self.place.data.mkdir(parents=True, exist_ok=True)
        launch = self.part.launch(self.place)
        with self.log.open("ab") as out:
            self._leash = subprocess.Popen(
                _leashed(launch),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=launch.cwd,
                env={**_bare(), **launch.env, "PYTHONSAFEPATH": "1"},
            )

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until it is ready, and settle it; as `start`."""
        until = time.monotonic() + seconds
        while not self.came():
            if time.monotonic() > until:
                raise self.late(seconds)
            time.sleep(POLL_SECONDS)

    def came(self) -> bool:
        """Whether it is ready now, and then settled too. Raises PartError where it has ended."""
        if not self.part.ready(self.place):
            if self.ended():
                raise PartError(f"{self.part.name} ended; {self.tail()}")
            return False
        self.part.settle(self.place)
        return True

    def late(self, seconds: float) -> PartError:
        """What is to be said of one that takes longer than `seconds`."""
        return PartError(f"{self.part.name} was not ready in {seconds:.0f} s; {self.tail()}")

    def ended(self) -> bool:
        """Whether it does not run (any more)."""
        return self._leash is None or self._leash.poll() is not None

    def pid(self) -> int:
        """The program's own process id (the leash's child). Raises PartError where it has none."""
        if self._leash is None or self._leash.poll() is not None:
            raise PartError(f"{self.part.name} does not run")
        leash = self._leash.pid
        children = Path(f"/proc/{leash}/task/{leash}/children").read_text().split()
        if not children:
            raise PartError(f"{self.part.name} does not run")
        return int(children[0])

    def kill(self) -> None:
        """SIGKILL to the program, and wait until all of it is gone."""
        os.kill(self.pid(), signal.SIGKILL)
        if self._leash is not None:
            self._leash.wait(_STOP_SECONDS)

    def pause(self) -> None:
        """SIGSTOP to the whole group of the program."""
        os.killpg(self.pid(), signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT to the whole group of the program."""
        os.killpg(self.pid(), signal.SIGCONT)

    def close(self) -> None:
        """Ask it to end, and wait until all of it is gone. Repeatable."""
        if self._leash is None:
            return
        if self._leash.stdin is not None:
            self._leash.stdin.close()
        try:
            self._leash.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._leash.kill()
            self._leash.wait()
        self._leash = None

    def tail(self) -> str:
        """The end of what it said."""
        with self.log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            said = file.read().decode("utf-8", "replace").strip()
        return f"the end of {self.log}:\n{said}"


def place_for(part: Part, tools: Path, data: Path) -> Place:
    """A place with ports that are free now."""
    return Place(tools, data, free_ports(part.port_names))


def free_ports(names: tuple[str, ...], taken: Iterable[int] = ()) -> Mapping[str, int]:
    """A free port for each name, all different and none of those that are `taken`."""
    ports = FreePorts(taken=taken)
    return {name: ports.port() for name in names}


def _leashed(launch: Launch) -> list[str]:
    leash = str(_ROOT / "deploy" / "local" / "leash.py")
    options = ["--stop", launch.stop.name] + (["--user", launch.user] if launch.user else [])
    return [sys.executable, leash, *options, "--", *launch.argv]


def _bare() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ}
