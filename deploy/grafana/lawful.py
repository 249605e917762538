"""Is it lawful? What the law of the system promises, as the ledger tells of it."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, lines, state
from deploy.grafana.queries import Query, increase, least, or_zero, rate, worst
from deploy.grafana.terms import (
    ALARMS,
    TO_GALLERIES,
    TO_LEDGER,
    TO_SEARCH,
    TOLD,
    UNPUBLISHED_FOR,
    UNWITNESSED_FOR,
)


def lawful() -> tuple[Sized, ...]:
    return (
        state(
            Says(
                "Grants without an end",
                "Granted galleries whose search has no end a minute after the grant ran out. "
                "Normal: 0, always.",
                "short",
                Bad("OnRecordGrantWithoutEnd", 1),
                TO_LEDGER,
            ),
            Query(worst("onrecord_grants_without_end")),
        ),
        state(
            Says(
                "Receipts kept back",
                "Receipts that wait for one before them: somebody searched and the ledger does "
                "not know of it yet. Normal: 0; for seconds 1 or 2 after a restart of the bus.",
                "short",
                Bad("OnRecordReceiptGap", 1),
                TO_LEDGER,
            ),
            Query(or_zero(f"sum ({worst('onrecord_receipts_held', by='gallery')})", TOLD)),
        ),
        state(
            Says(
                "Alarms in six hours",
                "Alarms that the ledger has taken in the last six hours, whoever wrote them. "
                "Normal: 0. The ledger's dashboard says what they are about.",
                "short",
                Bad("OnRecordReceiptRefused", 1, also=ALARMS),
                TO_LEDGER,
            ),
            Query(f"sum ({worst('onrecord_ledger_alarms_recent', by='what')})"),
        ),
        state(
            Says(
                "Checkpoint stands still",
                "How old the newest checkpoint is while entries wait for the next; 0 while none "
                "waits. Normal: below ten seconds.",
                "s",
                Bad("OnRecordCheckpointStandsStill", 60, 30),
                TO_LEDGER,
            ),
            Query(UNPUBLISHED_FOR),
        ),
        state(
            Says(
                "Witnesses stand still",
                "How old the last cosignature of a quorum of witnesses is while entries wait for "
                "the next; 0 while none waits. Normal: below a minute. never: no quorum has ever "
                "cosigned, or no witnesses are configured, and leads say UNWITNESSED.",
                "s",
                Bad("OnRecordTooFewCosignatures", 300, 120),
                TO_LEDGER,
                {"-1": "never"},
            ),
            Query(UNWITNESSED_FOR),
        ),
        state(
            Says(
                "Searches nobody made",
                "Searches that the engine counted and no plane of ours made, in six hours. "
                "Normal: 0, always.",
                "short",
                Bad("OnRecordStrangeSearches", 1),
                TO_GALLERIES,
            ),
            Query(f"ceil({increase('onrecord_strange_searches_total', over='6h')})"),
        ),
        state(
            Says(
                "Appending stopped",
                "1 where a process of audit appends nothing, since what was published or cosigned "
                "does not fit its past: every request is refused. Normal: 0.",
                "short",
                Bad("OnRecordLedgerStopped", 1),
                TO_LEDGER,
            ),
            Query(worst("onrecord_ledger_stopped")),
        ),
        state(
            Says(
                "Policies unusable",
                "Policies in force that cannot be read: their galleries refuse everything. "
                "Normal: 0.",
                "short",
                Bad("OnRecordPolicyUnusable", 1),
                TO_LEDGER,
            ),
            Query(worst("onrecord_policies_unusable")),
        ),
        state(
            Says(
                "Soonest policy expiry",
                "Until the first gallery's policy ends; that gallery refuses everything then. "
                "Normal: weeks. A state signs the next one, nobody else can.",
                "dtdurations",
                Bad("OnRecordPolicyExpired", 0, 14 * 86400, True, ("OnRecordPolicyExpiring",)),
                TO_LEDGER,
            ),
            Query(least("onrecord_policy_expiry_seconds")),
            lines=False,
        ),
        state(
            Says(
                "Emergencies overdue",
                "Emergency searches whose legal instrument has not come in time. Normal: 0.",
                "short",
                Bad("OnRecordEmergencyOverdue", 1),
                TO_LEDGER,
            ),
            Query(worst("onrecord_emergencies_overdue")),
        ),
        lines(
            Says(
                "Requests by what was decided",
                "Galleries that were asked for, granted or refused by their own policy. Normal: "
                "what your agencies do in a day; refusals follow grants. Refusals alone mean that "
                "a policy or a key has gone.",
                "reqps",
                more=TO_SEARCH,
            ),
            Query(rate("onrecord_decisions_total", by="decision"), "{{decision}}"),
            width=8,
            height=4,
        ),
    )
