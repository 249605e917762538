"""What chaos needs to know of an installation, whichever way it is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from onrecord.chassis.bus.ports import Bus
from onrecord.kernel.vocabulary import Service
from tests.builders.e2e_server import Installation
from tests.chaos.rewiring import Links
from tests.chaos.witnesses import Witnesses


class Target(Protocol):
    """A process of ours, or a part."""

    @property
    def name(self) -> str: ...

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        ...

    def pause(self) -> None:
        """SIGSTOP."""
        ...

    def resume(self) -> None:
        """SIGCONT."""
        ...

    def stop(self) -> None:
        """Ask it to end, and wait. Raises AssertionError where it does not end cleanly (R-45)."""
        ...

    def start(self) -> None:
        """Once more, ready when this returns."""
        ...


class Asked(Protocol):
    """Whom people ask: what is needed of an installation to have work for it."""

    @property
    def installation(self) -> Installation: ...

    @property
    def addresses(self) -> Sequence[str]:
        """Of its gateways."""
        ...


@dataclass(frozen=True, slots=True)
class Certified:
    """A process with a certificate of its own, by the name of its files."""

    name: str
    service: Service


@dataclass(frozen=True, slots=True)
class Form:
    """An installation at work. `addresses`: of its gateways. `rosters`: by gallery, the database
    of the plane that holds it, as whoever owns it reaches it. `parts`: which targets are parts.
    `grant_minutes`: how long a grant lives there; a minute later there is an alarm, and rightly,
    where audit was kept from reading the bus until then. `witnesses`: who are asked to cosign its
    ledger; targets too, and no parts of it.
    """

    installation: Installation
    addresses: Sequence[str]
    targets: Sequence[Target]
    links: Links
    bus: Bus
    certificates: Path
    certified: Sequence[Certified]
    rosters: Mapping[str, str] = field(repr=False, hash=False)
    parts: Sequence[str] = ()
    grant_minutes: int = 1
    witnesses: Witnesses = field(default_factory=Witnesses)
