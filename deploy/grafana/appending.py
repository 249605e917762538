"""How the ledger takes what is appended, and what runs out meanwhile."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, cloud, lines, listing
from deploy.grafana.queries import GALLERY, Query, least, of, quantile, rate, spread

_APPEND = "onrecord_ledger_append_seconds"
_MOST = (
    'kind=~"request.*|search.executed|look.granted|examination.decided|lead.released'
    '|gallery.enrolled|record.deleted"'
)
_TOGETHER = "onrecord_ledger_appended_together_entries"


def appending() -> tuple[Sized, ...]:
    return (
        cloud(
            Says(
                "How long appends took",
                "From asking for an append to its being durable and provable. Normal: one band "
                "below 50 ms. A wide band is a database that waits.",
                "s",
            ),
            spread(_APPEND),
            width=8,
        ),
        lines(
            Says(
                "Append latency",
                "What 50, 95 and 99 of 100 appends took at most. Normal: 99 of 100 below 50 ms at "
                "rest, below 100 ms under load.",
                "s",
            ),
            *(
                Query(quantile(share, _APPEND), f"{100 * share:g} of 100")
                for share in (0.5, 0.95, 0.99)
            ),
            width=8,
        ),
        lines(
            Says(
                "Entries by kind",
                "Entries a second. Normal: requests and their ends move together; looks and "
                "decisions follow the examiners' day.",
                "ops",
            ),
            Query(rate("onrecord_ledger_entries_total", _MOST, by="kind"), "{{kind}}"),
            width=8,
        ),
        lines(
            Says(
                "Requests in one transaction",
                "How many requests shared one transaction, mean. Normal: near 1 at rest; up to "
                "32 under load, which is how it stays fast.",
                "short",
            ),
            Query(f"{rate(f'{_TOGETHER}_sum')} / {rate(f'{_TOGETHER}_count')}", "requests"),
            height=6,
        ),
        lines(
            Says(
                "Failed logons and other events",
                "Entries a second of what nobody plans: failed logons (a summary a minute and "
                "source), alarms, opened evidence, deleted records. Normal: near 0.",
                "ops",
            ),
            Query(
                rate(
                    "onrecord_ledger_entries_total",
                    'kind=~"logon.failed|alarm.raised|evidence.opened|record.deleted"',
                    by="kind",
                ),
                "{{kind}}",
            ),
            height=6,
        ),
    )


def expiring() -> tuple[Sized, ...]:
    return (
        listing(
            Says(
                "Policies",
                "Until the policy in force of each gallery expires, the soonest first; negative: "
                "it has, and the gallery refuses everything. Normal: weeks.",
                "dtdurations",
                Bad("OnRecordPolicyExpired", 0, 14 * 86400, True, ("OnRecordPolicyExpiring",)),
            ),
            Query(least("onrecord_policy_expiry_seconds", GALLERY, by="gallery"), "expires in"),
            columns=("gallery",),
            width=10,
        ),
        listing(
            Says(
                "Certificates",
                "What is left of the life of each process's certificate, the shortest first. "
                "Normal: what renews them does so when a third is left.",
                "percentunit",
                Bad(
                    "OnRecordCertificateRunsOut", 0.05, 0.2, True, ("OnRecordCertificateExpiring",)
                ),
            ),
            Query(
                f"min by (job, pod) ({of('onrecord_certificate_expiry_seconds')} / "
                f"{of('onrecord_certificate_lifetime_seconds')})",
                "left",
            ),
            Query(least("onrecord_certificate_expiry_seconds", by="job, pod"), "expires in"),
            columns=("job", "pod"),
            units={"expires in": "dtdurations"},
            width=14,
        ),
    )
