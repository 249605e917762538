"""What is looked at: processes by their settings, and what is asked of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from onrecord.chassis.bus.kafka.topics import Durability
from onrecord.chassis.settings import Problem, examine
from onrecord.cli.services import settings_of
from onrecord.kernel.vocabulary import Service

_OF_ONE_PROCESS: Final = {"address", "health_address", "certificate", "certificate_key"}


@dataclass(frozen=True, slots=True)
class Target:
    """A process: its name, its settings, and the file that they are in."""

    name: str
    service: Service
    settings: Any
    config: Path | None

    @property
    def options(self) -> str:
        """As our other commands are told of the same settings."""
        return f"{self.service.value} --config {self.config}" if self.config else self.service.value

    def is_like(self, other: "Target") -> bool:
        """Whether they differ only in what is each process's own: replicas of one service."""
        apart = {"exclude": _OF_ONE_PROCESS}
        mine, theirs = self.settings.model_dump(**apart), other.settings.model_dump(**apart)
        return self.service is other.service and bool(mine == theirs)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A process whose settings are no good."""

    name: str
    service: Service
    config: Path | None
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Installation:
    """All that are looked at together.

    `certificate_days`: a certificate must last so much longer. `partitions`: of topics that may
    have several, at least.
    """

    targets: Sequence[Target]
    now: datetime
    certificate_days: float = 1.0
    partitions: int | None = None
    durability: Durability = field(default_factory=Durability)

    def before(self, target: Target) -> Iterator[Target]:
        """The processes of the installation that are looked at before this one."""
        for one in self.targets:
            if one is target:
                return
            yield one


def read_target(name: str, service: Service, config: Path | None) -> Target | Unreadable:
    read, problems = examine(settings_of(service), config)
    if read is None or problems:
        return Unreadable(name, service, config, problems)
    return Target(name, service, read, config)


def configs_in(folder: Path) -> dict[str, tuple[Service, Path]]:
    """The settings files of a folder, by name: SERVICE.toml, or SERVICE-ANYTHING.toml."""
    found = {}
    for path in sorted(folder.glob("*.toml"), key=lambda one: one.stem):
        for service in Service:
            if path.stem == service.value or path.stem.startswith(f"{service.value}-"):
                found[path.stem] = (service, path)
    return found
