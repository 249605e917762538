"""Is it lawful? What the law of the system promises, as the ledger tells of it."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, lines, state
from deploy.grafana.queries import Query, increase, least, or_zero, rate, worst
from deploy.grafana.standing import checkpoint, overdue, stopped, unusable, witnesses
from deploy.grafana.terms import ALARMS, TO_GALLERIES, TO_LEDGER, TO_SEARCH, TOLD


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
        checkpoint(TO_LEDGER),
        witnesses(TO_LEDGER),
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
        stopped(TO_LEDGER),
        unusable(TO_LEDGER),
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
        overdue(TO_LEDGER),
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
