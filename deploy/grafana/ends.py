"""Every grant has its end, and every receipt its place."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, lines, state
from deploy.grafana.queries import GALLERY, Query, increase, rate, worst
from deploy.grafana.standing import overdue, unusable
from deploy.grafana.terms import ALARMS, TOLD


def ends() -> tuple[Sized, ...]:
    alarms = increase("onrecord_ledger_alarms_total", by="what", over="$__rate_interval")
    return (
        state(
            Says(
                "Grants open",
                "Granted galleries that have not reached an end yet. Normal: as many as searches "
                "that run, and those whose people never came back, for the grant's minutes.",
                "short",
            ),
            Query(worst("onrecord_grants_open")),
        ),
        state(
            Says(
                "Grants without an end",
                "Granted galleries whose end is overdue by a minute. Normal: 0, always.",
                "short",
                Bad("OnRecordGrantWithoutEnd", 1),
            ),
            Query(worst("onrecord_grants_without_end")),
        ),
        overdue(),
        unusable(),
        state(
            Says(
                "Receipts kept back",
                "Receipts that wait for one before them, in the worst gallery. Normal: 0.",
                "short",
                Bad("OnRecordReceiptGap", 1),
            ),
            Query(f"{worst('onrecord_receipts_held', GALLERY)} or 0 * {TOLD}"),
        ),
        state(
            Says(
                "Behind on the bus",
                "Receipts and changes that wait to be taken into the ledger. Normal: near 0.",
                "short",
                Bad("OnRecordLedgerBehind", 1000, 100),
            ),
            Query(worst("onrecord_bus_lag_messages", 'group="audit"')),
        ),
        lines(
            Says(
                "Ends by kind",
                "How granted galleries ended: executed by the plane's receipt, refused for "
                "quality, failed, expired. Normal: executed; expired and failed are people who "
                "never came back and parts that were away.",
                "ops",
            ),
            Query(
                rate(
                    "onrecord_ledger_entries_total",
                    'kind=~"search.(executed|refused_quality|failed|expired)"',
                    by="kind",
                ),
                "{{kind}}",
            ),
            width=8,
        ),
        lines(
            Says(
                "Receipts kept back, by gallery",
                "While it is not 0, the receipt before them is missing. Normal: 0; 1 or 2 for "
                "seconds after a restart.",
                "short",
                Bad("OnRecordReceiptGap", 1),
            ),
            Query(
                f"{worst('onrecord_receipts_held', GALLERY, by='gallery')} or "
                f"0 * {worst('onrecord_policy_expiry_seconds', GALLERY, by='gallery')}",
                "{{gallery}}",
            ),
            width=8,
        ),
        lines(
            Says(
                "Alarms as they are written",
                "Alarms that processes of audit wrote into the ledger, by what they are about. "
                "Normal: 0.",
                "short",
                Bad("OnRecordReceiptRefused", 1, also=ALARMS),
            ),
            Query(alarms, "{{what}}"),
            width=8,
        ),
    )
