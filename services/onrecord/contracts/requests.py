"""What an investigator asks for (R-7), as values."""

from dataclasses import dataclass
from datetime import datetime

from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeKind,
    ProbeSource,
    Purpose,
    RoleSought,
    Suspicion,
)


@dataclass(frozen=True, slots=True)
class Offence:
    statute: str
    tier: OffenceTier


@dataclass(frozen=True, slots=True)
class Instrument:
    type: InstrumentType
    issuer: str = ""
    number: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class ProbeEdit:
    what: str
    tool: str
    original_sha256: str


@dataclass(frozen=True, slots=True)
class ProbeProvenance:
    kind: ProbeKind
    source: ProbeSource
    authority: str
    captured_at: datetime
    edits: tuple[ProbeEdit, ...]


@dataclass(frozen=True, slots=True)
class Emergency:
    """Why the search cannot wait for what a state otherwise demands (R-10): the facts, as prose."""

    facts: str


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A request whose every field is present, known and within bounds."""

    case_number: str
    purpose: Purpose
    role_sought: RoleSought
    offence: Offence
    suspicion: Suspicion
    federal_ground: FederalGround
    beneficiary_agency: str
    narrative: str
    instrument: Instrument
    probe: ProbeProvenance
    galleries: tuple[str, ...]
    list_size: int
    emergency: Emergency | None = None
