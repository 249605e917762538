"""What stands on a data folder: planes, and processes."""

from dataclasses import dataclass, field
from pathlib import Path

from onrecord.kernel.vocabulary import Service
from onrecord.standalone.places import Settings


@dataclass(frozen=True, slots=True)
class PlanePlan:
    """A plane by name; `galleries` are created on it, others on the first that names none."""

    name: str
    galleries: tuple[str, ...] = ()


ONE_PLANE = (PlanePlan("main"),)
TWO_PLANES = (PlanePlan("others"), PlanePlan("utah", ("US-UT",)))


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process: its name, its service, its settings file and where it says how it is."""

    name: str
    service: Service
    config: Path
    address: str
    health: str
    log: Path
    settings: Settings = field(repr=False, hash=False)
