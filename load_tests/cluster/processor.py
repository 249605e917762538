"""Which process used the processor, and for how many milliseconds of one image.

Time is read from `/proc/PID/stat`, to a hundredth of a second; nothing is lost when a thread ends.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from load_tests.server import family

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds until now, of each process with its children, by its name."""

    user: Mapping[str, float]
    system: Mapping[str, float]

    def since(self, before: "Used") -> "Used":
        return Used(
            {name: used - before.user[name] for name, used in self.user.items()},
            {name: used - before.system[name] for name, used in self.system.items()},
        )

    def of(self, name: str) -> float:
        return self.user[name] + self.system[name]

    def all(self) -> float:
        return sum(map(self.of, self.user))

    def each(self, count: int, seconds: float, idle: "Idle") -> dict[str, float]:
        """Milliseconds for each of `count` that were worked on in so many seconds, by process, the
        largest first; what they would have used idle is taken off.
        """
        taken = {
            name: (self.of(name) - seconds * idle.used.of(name) / idle.seconds) / count * 1000
            for name in self.user
        }
        return dict(sorted(taken.items(), key=lambda one: -one[1]))


@dataclass(frozen=True, slots=True)
class Idle:
    """What was used in so many seconds in which nobody asked for anything."""

    used: Used
    seconds: float

    @property
    def cores(self) -> float:
        return self.used.all() / self.seconds


def used(processes: Mapping[str, int]) -> Used:
    """By now, of these processes (ids by name). A child that is named itself counts for itself."""
    user, system = dict.fromkeys(processes, 0.0), dict.fromkeys(processes, 0.0)
    for name, process in processes.items():
        for one in _own(process, frozenset(processes.values()) - {process}):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
                user[name] += int(fields[11]) / _TICKS
                system[name] += int(fields[12]) / _TICKS
    return Used(user, system)


def _own(process: int, others: frozenset[int]) -> set[int]:
    every = set(family(process))
    return every.difference(*(family(other) for other in others & every))
