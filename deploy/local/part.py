"""What a part of the cluster has to be able to do."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

HOST = "127.0.0.1"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one instance of a part lives: installed programs, its own data, its own ports.

    `tools` is `$ONRECORD_CACHE/tools` and belongs to all parts; `data` is this part's alone and
    stays from one start to the next; `ports` by the part's own names of them.
    """

    tools: Path
    data: Path
    ports: Mapping[str, int]

    def at(self, port: str) -> str:
        """`host:port` of a port by name."""
        return f"{HOST}:{self.ports[port]}"


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be run. `env` is added to a bare environment (PATH, HOME, LANG, TMPDIR).

    `user` is the account to run as, where that is not ours (used where we are root, for programs
    that refuse root). `stop` is the signal that asks it to end in order.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str = ""
    stop: signal.Signals = signal.SIGTERM


class Part(Protocol):
    """A program by others that a cluster is made of. Values only: what runs is `running.Running`.

    Everything listens on `HOST`, at the ports that it is given.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def port_names(self) -> tuple[str, ...]:
        """What it needs ports for; a free one is found for each."""
        ...

    def install(self, tools: Path, say: Say) -> None:
        """Install what lacks, with `tools.once`; at once where it is there.

        Raises InstallError.
        """
        ...

    def launch(self, place: Place) -> Launch:
        """Write its configuration, prepare `place.data` where it is new, and say what to run."""
        ...

    def ready(self, place: Place) -> bool:
        """Whether it answers now. Asked again and again; raises nothing."""
        ...

    def settle(self, place: Place) -> None:
        """What has to be made in it once it answers (databases, buckets); repeatable."""
        ...
