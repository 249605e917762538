"""What is measured of the ledger: its appends, its age, and whatever of the law is not settled."""

from collections.abc import Sequence
from typing import Final

from onrecord.chassis.telemetry import Label, Meter
from onrecord.contracts.audit import GalleryDecision
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import EntryKind

_GALLERY: Final = Label("gallery", "a gallery, by its jurisdiction")
SCOPES: Final = ("per_person_per_day", "per_agency_per_day", "per_gallery_per_day")
"""The quotas of a day, by their names in `authority.yaml`."""

ALARMED: Final = (
    "receipt",
    "receipt_gap",
    "change",
    "change_gap",
    "message",
    "grant_without_end",
    "clock",
    "fan_out",
    "emergency_overdue",
    "witness",
    "published_log",
    "engine_count",
)
"""What alarms of the ledger are about, by the field `what` of their entries."""

METER: Final = Meter("the ledger")
APPEND_SECONDS: Final = METER.histogram(
    "ledger_append_seconds",
    "From asking for an append to its being durable and provable: the wait, the transaction, the "
    "signature.",
)
APPENDED_TOGETHER: Final = METER.histogram(
    "ledger_appended_together_entries",
    "How many requests shared one transaction.",
    (),
    "entries",
    (1, 2, 4, 8, 16, 32),
)
ENTRIES: Final = METER.counter(
    "ledger_entries_total",
    "Entries appended by this process, by kind.",
    (Label("kind", "of the entry", tuple(kind.value for kind in EntryKind)),),
)
ALARMS: Final = METER.counter(
    "ledger_alarms_total",
    "Alarms that this process wrote into the ledger. Any is somebody's to look at.",
    (Label("what", "the alarm is about", ALARMED),),
)
ALARMS_RECENT: Final = METER.gauge(
    "ledger_alarms_recent",
    "Alarms that the ledger has taken in the last six hours, whoever wrote them.",
    (Label("what", "the alarm is about", ALARMED),),
)
KEYS_RECENT: Final = METER.gauge(
    "authority_keys_changed_recent",
    "States' authority keys that were pinned or changed in the last six hours.",
)
DECISIONS: Final = METER.counter(
    "decisions_total",
    "Requests by gallery, granted or refused.",
    (_GALLERY, Label("decision", "what was decided", ("granted", "refused"))),
)
REFUSALS: Final = METER.counter(
    "refusals_total",
    "Reasons for which galleries refused, by code; a refusal may have several.",
    (Label("reason", "the code", tuple(code.value for code in ErrorCode)),),
)
ENTRIES_IN_ALL: Final = METER.gauge("ledger_size_entries", "Entries committed.", (), "entries")
UNPUBLISHED: Final = METER.gauge(
    "ledger_unpublished_entries",
    "Entries committed that no published checkpoint covers yet.",
    (),
    "entries",
)
STOPPED: Final = METER.gauge(
    "ledger_stopped",
    "1 while this process appends nothing, since the ledger does not extend what was published or "
    "what a witness has cosigned.",
)
DATABASE_BYTES: Final = METER.gauge(
    "ledger_database_bytes", "How large the ledger's database is.", (), "bytes"
)
DISK_FREE: Final = METER.gauge(
    "ledger_disk_free_bytes",
    "Room on the disk of the ledger's database where that is a file; absent for a server, whose "
    "disk is its own to tell.",
    (),
    "bytes",
)
CHECKPOINT_AGE: Final = METER.gauge(
    "ledger_checkpoint_age_seconds",
    "Since the newest checkpoint was published. It stands still where nothing is appended: look "
    "at it with the entries that are unpublished.",
    (),
    "seconds",
)
WITNESS_AGE: Final = METER.gauge(
    "ledger_witness_age_seconds",
    "Since the quorum of witnesses last cosigned a checkpoint; absent where it never has.",
    (),
    "seconds",
)
UNWITNESSED: Final = METER.gauge(
    "ledger_unwitnessed_entries",
    "Entries committed that no quorum of witnesses has covered; absent without witnesses.",
    (),
    "entries",
)
GRANTS_OPEN: Final = METER.gauge(
    "grants_open", "Granted galleries that have not reached an end yet."
)
GRANTS_OVERDUE: Final = METER.gauge(
    "grants_without_end",
    "Granted galleries whose end is overdue: a minute after the grant expired there is none.",
)
RECEIPTS_HELD: Final = METER.gauge(
    "receipts_held",
    "Receipts kept back because one before them is missing: a gap while it is not 0.",
    (_GALLERY,),
)
EMERGENCIES_OVERDUE: Final = METER.gauge(
    "emergencies_overdue", "Emergency searches whose instrument has not come in time."
)
POLICY_EXPIRY: Final = METER.gauge(
    "policy_expiry_seconds",
    "Until the policy in force of a gallery expires; negative when it has.",
    (_GALLERY,),
    "seconds",
)
POLICIES_UNUSABLE: Final = METER.gauge(
    "policies_unusable", "Policies in force that cannot be read: their galleries refuse all."
)
QUOTAS_NEARLY_USED: Final = METER.gauge(
    "quotas_nearly_used",
    "How many of today's counts are at 80 % of their quota or above, read once a minute.",
    (_GALLERY, Label("scope", "which quota", SCOPES)),
)


def count_decisions(decisions: Sequence[GalleryDecision]) -> None:
    """What every gallery answered to one request that is now in the ledger."""
    for one in decisions:
        DECISIONS.add(gallery=one.gallery, decision="granted" if one.granted else "refused")
        for code, _ in one.reasons:
            REFUSALS.add(reason=code)
