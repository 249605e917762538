"""What a state's authority says, beside its Cedar policy: `authority.yaml` as values."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from onrecord.kernel.vocabulary import (
    InstrumentType,
    OffenceTier,
    Purpose,
    RoleSought,
    Suspicion,
)

_MINUS = "\u2212\u02d7"


@dataclass(frozen=True, slots=True)
class LegalInstrument:
    """What the authority rests on (R-2). `kind` is `statute`, `agreement` or `none`."""

    kind: str
    citation: str
    section: str
    legislature_voted: bool
    summary: str


@dataclass(frozen=True, slots=True)
class Prohibition:
    """A law that forbids face search over this gallery: `summary` completes "forbids ..."."""

    citation: str
    summary: str


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency the authority knows. `level` and `kind` are those of `CONTRACTS.md`."""

    agency_id: str
    name: str
    level: str
    kind: str
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class Quotas:
    """How often this gallery may be searched; days are UTC days (R-9)."""

    per_person_per_day: int
    per_agency_per_day: int
    per_gallery_per_day: int
    per_case: int
    per_probe: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest list and the longest life of a grant the state allows."""

    list_size: int
    grant_minutes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what a search leaves behind is kept (R-29)."""

    no_lead_days: int
    lead_years: int


DEFAULT_FOLLOWUP_HOURS = 48


@dataclass(frozen=True, slots=True)
class EmergencyRule:
    """How a state lets a search go before the instrument it otherwise demands (R-10).

    `waives_suspicion`: not the instrument alone can wait, but also the suspicion. `instruments`:
    what the follow-up must name where the state demands none by itself for the purpose.
    """

    followup_hours: int
    purposes: frozenset[Purpose]
    waives_suspicion: bool
    instruments: frozenset[InstrumentType]


@dataclass(frozen=True, slots=True)
class Authority:
    """One state's signed data. `effective` and `expires` have their zones.

    `statutes` stand under their `statute_key`.
    """

    jurisdiction: str
    name: str
    legal_review: str
    instrument: LegalInstrument
    notice_to_drivers: str
    effective: datetime
    expires: datetime
    prohibition: Prohibition | None
    agencies: Mapping[str, Agency] = field(hash=False)
    groups: Mapping[str, tuple[str, ...]] = field(hash=False)
    roles_sought: frozenset[RoleSought]
    suspicion_minimum: Mapping[Purpose, Suspicion] = field(hash=False)
    instruments_required: Mapping[Purpose, frozenset[InstrumentType]] = field(hash=False)
    statutes: Mapping[str, OffenceTier] = field(hash=False)
    quotas: Quotas
    limits: Limits
    retention: Retention
    embargo_days: int
    emergency: EmergencyRule | None = None

    def listed_tier(self, statute: str) -> OffenceTier | None:
        """What the state's own table says, however the statute is spaced or capitalised."""
        return self.statutes.get(statute_key(statute))

    def tier_of(self, statute: str, declared: OffenceTier) -> OffenceTier:
        """The offence's tier: the state's own table wins over what was declared (R-7)."""
        listed = self.listed_tier(statute)
        return declared if listed is None else listed


def statute_key(statute: str) -> str:
    """A citation without what a reader does not see: `Utah Code 76-6-206` in any spelling.

    Case, kind of space, kind of hyphen, accents and invisible characters do not make another
    statute; a requester who could miss the table by a space would choose the tier.
    """
    plain = unicodedata.normalize("NFKD", statute).casefold()
    seen = "".join(
        "-" if unicodedata.category(one) == "Pd" or one in _MINUS else one
        for one in plain
        if unicodedata.category(one) not in ("Cf", "Mn")
    )
    return "".join(seen.split())
