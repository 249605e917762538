"""What a policy may speak of. Every context attribute is required (law 5)."""

from onrecord.kernel.vocabulary import (
    FederalGround,
    InstrumentType,
    OffenceTier,
    ProbeSource,
    Purpose,
    RoleSought,
    Suspicion,
)

SCHEMA = """
entity AgencyGroup;
entity Agency in [AgencyGroup];
entity Gallery;

action search appliesTo {
  principal: [Agency],
  resource: [Gallery],
  context: {
    purpose: String,
    offence_tier: String,
    role_sought: String,
    suspicion: String,
    federal_ground: String,
    instrument: String,
    probe_source: String,
    beneficiary_agency: String,
    beneficiary_level: String,
    beneficiary_kind: String,
    agency_level: String,
    agency_kind: String,
    emergency: String
  }
};
"""

PURPOSE = "purpose"
TIER = "offence_tier"
SUSPICION = "suspicion"
INSTRUMENT = "instrument"

EMERGENCY = "emergency"
NOT_DECLARED = "none"
DECLARED = "declared"

LEVELS = frozenset({"federal", "state", "local", "tribal"})

WORDS: dict[str, frozenset[str] | None] = {
    PURPOSE: frozenset(word.value for word in Purpose),
    TIER: frozenset(word.value for word in OffenceTier),
    "role_sought": frozenset(word.value for word in RoleSought),
    SUSPICION: frozenset(word.value for word in Suspicion),
    "federal_ground": frozenset(word.value for word in FederalGround),
    INSTRUMENT: frozenset(word.value for word in InstrumentType),
    "probe_source": frozenset(word.value for word in ProbeSource),
    "beneficiary_agency": None,
    "beneficiary_level": LEVELS,
    "beneficiary_kind": None,
    "agency_level": LEVELS,
    "agency_kind": None,
    EMERGENCY: frozenset({NOT_DECLARED, DECLARED}),
}
"""The words each attribute may have; None where any text is possible."""
