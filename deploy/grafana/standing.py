"""Panels that stand on two dashboards: the overview's lead to the ledger's.

`more`: the uid and title of the dashboard that has the details.
"""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, state
from deploy.grafana.queries import Query, worst
from deploy.grafana.terms import UNPUBLISHED_FOR, UNWITNESSED_FOR

Board = tuple[str, str]


def checkpoint(more: Board | None = None) -> Sized:
    return state(
        Says(
            "Checkpoint stands still",
            "How old the newest checkpoint is while entries wait for the next; 0 while none "
            "waits. Normal: below ten seconds.",
            "s",
            Bad("OnRecordCheckpointStandsStill", 60, 30),
            more,
        ),
        Query(UNPUBLISHED_FOR),
    )


def witnesses(more: Board | None = None) -> Sized:
    return state(
        Says(
            "Witnesses stand still",
            "How old the last cosignature of a quorum of witnesses is while entries wait for "
            "the next; 0 while none waits. Normal: below a minute. never: no quorum has ever "
            "cosigned, or no witnesses are configured, and leads say UNWITNESSED.",
            "s",
            Bad("OnRecordTooFewCosignatures", 300, 120),
            more,
            {"-1": "never"},
        ),
        Query(UNWITNESSED_FOR),
    )


def stopped(more: Board | None = None) -> Sized:
    return state(
        Says(
            "Appending stopped",
            "1 where a process of audit appends nothing, since what was published or cosigned "
            "does not fit its past: every request is refused. Normal: 0.",
            "short",
            Bad("OnRecordLedgerStopped", 1),
            more,
        ),
        Query(worst("onrecord_ledger_stopped")),
    )


def unusable(more: Board | None = None) -> Sized:
    return state(
        Says(
            "Policies unusable",
            "Policies in force that cannot be read: their galleries refuse everything. Normal: 0.",
            "short",
            Bad("OnRecordPolicyUnusable", 1),
            more,
        ),
        Query(worst("onrecord_policies_unusable")),
    )


def overdue(more: Board | None = None) -> Sized:
    return state(
        Says(
            "Emergencies overdue",
            "Emergency searches whose legal instrument has not come in time. Normal: 0.",
            "short",
            Bad("OnRecordEmergencyOverdue", 1),
            more,
        ),
        Query(worst("onrecord_emergencies_overdue")),
    )
