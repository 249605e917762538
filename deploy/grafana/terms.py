"""What several dashboards mean by the same word."""

from typing import Final

from deploy.grafana.queries import increase, of, worst

TO_LEDGER: Final = ("onrecord-ledger", "Ledger and witnesses")
TO_SEARCH: Final = ("onrecord-search", "Search")
TO_ENROLMENT: Final = ("onrecord-enrolment", "Enrolment")
TO_GALLERIES: Final = ("onrecord-galleries", "Vector search by gallery")

_BROUGHT: Final = 'method=~"PUT /v1/galleries/.+/records/.+|POST /v1/galleries/.+/portraits"'
SEARCHES: Final = ('job="gateway"', 'method="POST /v1/searches"')
ENROLLING: Final = ('job="gateway"', _BROUGHT)
OURS: Final = 'outcome=~"unavailable|failed|shed"'
"""How a call ends that the installation owes an answer."""
OURS_IN_ENROLMENT: Final = 'outcome=~"unavailable|failed"'
"""As `OURS`; whoever fills a gallery goes on until there is no room, and comes again."""
JOBS: Final = 'job=~"gateway|detection|embedding|audit|vector-search|triton"'

ALARMS: Final = (
    "OnRecordGrantWithoutEnd",
    "OnRecordReceiptGap",
    "OnRecordGalleryChangeGap",
    "OnRecordGalleryChangeRefused",
    "OnRecordMessageNotBelieved",
    "OnRecordStrangeSearches",
    "OnRecordWitnessDisagrees",
    "OnRecordPublishedLogPutBack",
    "OnRecordLedgerClockWrong",
    "OnRecordFanOut",
    "OnRecordEmergencyOverdue",
)
"""What alarms of the ledger are about, beside receipts that were refused."""

TOLD: Final = worst("onrecord_ledger_size_entries")
"""Told by every process of audit together with all its other gauges."""
UNPUBLISHED_FOR: Final = (
    f"{worst('onrecord_ledger_checkpoint_age_seconds')} * "
    f"({worst('onrecord_ledger_unpublished_entries')} > bool 0)"
)
"""How old the newest checkpoint is, while entries wait for the next."""
UNWITNESSED_FOR: Final = (
    f"{worst('onrecord_ledger_witness_age_seconds')} * "
    f"({worst('onrecord_ledger_unwitnessed_entries')} > bool 0) or 0 * {TOLD} - 1"
)
"""How old the last cosignature is, while entries wait for the next; -1 where there is none."""
TOLD_BY_ALL: Final = f"sum ({of('onrecord_build_info')})"
"""Told by every process of ours."""


def answered(which: tuple[str, ...], ours: str = OURS) -> str:
    """The share of calls, in the time chosen, that were not ours to answer for. All of them where
    nobody asked; nothing where nobody is there to be asked.
    """
    count = "onrecord_request_seconds_count"
    owed, asked = increase(count, ours, *which), increase(count, *which)
    at_work = f"max ({of('up', which[0])})"
    return f"1 - ({owed} or 0 * {asked}) / ({asked} > 0) or 1 + 0 * {at_work}"
