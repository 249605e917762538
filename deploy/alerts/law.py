"""Alerts of the law: something was searched, signed, published or changed as it must not be, or
nobody can show that it was not.
"""

from typing import Final

from deploy.alerts.rule import Alert, Group, Severity

_LASTING: Final = (
    "The alarm is an entry of the ledger and stays there. This alert stays for six hours after the "
    "last one. Namespace {{ $labels.namespace }}."
)


def _alarm(name: str, what: str, summary: str, severity: Severity = Severity.PAGE) -> Alert:
    """On an alarm that the ledger has taken."""
    return Alert(
        name,
        f'max by (namespace) (onrecord_ledger_alarms_recent{{what="{what}"}}) > 0',
        severity,
        summary,
        f"{{{{ $value }}}} of them ({what}) in six hours. {_LASTING}",
    )


LAW: Final = Group(
    "onrecord-law",
    (
        Alert(
            "OnRecordLedgerStopped",
            "max by (namespace, pod) (onrecord_ledger_stopped) == 1",
            Severity.PAGE,
            "The ledger is stopped: nobody can search. Its past may have been changed",
            "Audit ({{ $labels.pod }}) appends nothing, since its ledger does not extend what was "
            "published or what a witness has cosigned. Do not restart it before you know why: a "
            "database that was put back, or two histories.",
            lasts="1m",
        ),
        Alert(
            "OnRecordCheckpointStandsStill",
            "max by (namespace) (onrecord_ledger_unpublished_entries) > 0\n"
            "unless on (namespace) max by (namespace) (onrecord_ledger_checkpoint_age_seconds)"
            " <= 60",
            Severity.PAGE,
            "The public ledger stands still while entries are written",
            "{{ $value }} entries are committed and in no published checkpoint. Nobody outside can "
            "see what is being done; a monitor will say so in public soon.",
            lasts="2m",
        ),
        Alert(
            "OnRecordGrantWithoutEnd",
            "max by (namespace) (onrecord_grants_without_end) > 0\n"
            "or max by (namespace)"
            ' (onrecord_ledger_alarms_recent{what="grant_without_end"}) > 0',
            Severity.PAGE,
            "A search was granted, and nobody can say whether it was made",
            "{{ $value }} granted galleries have no end (searched, refused, failed or expired) a "
            "minute after their grant ran out, or were found so in the last six hours (R-23). "
            "Mostly audit does not read the bus.",
            lasts="1m",
        ),
        _alarm(
            "OnRecordReceiptGap",
            "receipt_gap",
            "Receipts of searches are missing: somebody searched, and the ledger was not told",
        ),
        Alert(
            "OnRecordReceiptGap",
            "max by (namespace, gallery) (onrecord_receipts_held) > 0",
            Severity.PAGE,
            "Receipts of searches of {{ $labels.gallery }} are missing",
            "{{ $value }} receipts of {{ $labels.gallery }} wait for one before them that does not "
            "come, and audit has not said so in the ledger yet.",
            lasts="1m",
            labels={"cause": "held"},
        ),
        _alarm(
            "OnRecordReceiptRefused",
            "receipt",
            "A plane signed a receipt that breaks the law: too late, of no grant, or of another "
            "chain",
        ),
        _alarm(
            "OnRecordGalleryChangeGap",
            "change_gap",
            "A gallery was changed, and the plane's statement of it is missing",
        ),
        _alarm(
            "OnRecordGalleryChangeRefused",
            "change",
            "A plane signed two histories of one gallery",
        ),
        _alarm(
            "OnRecordMessageNotBelieved",
            "message",
            "Somebody wrote to the ledger's topics what no service of ours has signed",
        ),
        Alert(
            "OnRecordStrangeSearches",
            "sum by (namespace, plane) (increase(onrecord_strange_searches_total[1h])) > 0",
            Severity.PAGE,
            "Somebody searched the index past OnRecord",
            "The engine of plane {{ $labels.plane }} has counted searches in the last hour that "
            "the plane did not make: no grant, no receipt (R-23).",
        ),
        _alarm(
            "OnRecordWitnessDisagrees",
            "witness",
            "A witness has forgotten what it had cosigned: it could be shown another history",
        ),
        Alert(
            "OnRecordTooFewCosignatures",
            "max by (namespace) (onrecord_ledger_unwitnessed_entries) > 0\n"
            "unless on (namespace) max by (namespace) (onrecord_ledger_witness_age_seconds) <= 300",
            Severity.TICKET,
            "No quorum of witnesses cosigns the ledger: leads say UNWITNESSED",
            "{{ $value }} entries have been covered by no quorum of witnesses for a quarter of an "
            "hour. Nothing stops; nobody independent confirms that there is one history.",
            lasts="15m",
        ),
        _alarm(
            "OnRecordPublishedLogPutBack",
            "published_log",
            "The public ledger was put back to an older state",
        ),
        _alarm(
            "OnRecordLedgerClockWrong",
            "clock",
            "The ledger's clock was wrong, and nothing could be written meanwhile",
        ),
        Alert(
            "OnRecordAuthorityKeyChanged",
            "max by (namespace) (onrecord_authority_keys_changed_recent) > 0",
            Severity.TICKET,
            "A state's key was pinned or changed: ask the state whether it was them",
            "{{ $value }} keys of states, unknown until now, were put in force in the last six "
            "hours. Whoever has such a key makes the law of that state's gallery.",
        ),
        Alert(
            "OnRecordPolicyUnusable",
            "max by (namespace) (onrecord_policies_unusable) > 0",
            Severity.PAGE,
            "A state's policy cannot be read: its gallery refuses everything",
            "{{ $value }} policies in force cannot be read by this version (law 5). Mostly after "
            "an upgrade or a rollback.",
            lasts="2m",
        ),
        Alert(
            "OnRecordEmergencyOverdue",
            "max by (namespace) (onrecord_emergencies_overdue) > 0",
            Severity.TICKET,
            "An emergency search was never backed by its warrant",
            "{{ $value }} emergency searches have not been followed up in the state's time (R-10). "
            "The persons get no further one; their agencies have to be asked.",
            lasts="5m",
        ),
        _alarm(
            "OnRecordFanOut",
            "fan_out",
            "One person's requests spread over unusually many cases or galleries",
            Severity.TICKET,
        ),
    ),
)
