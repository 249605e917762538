"""Is it up? Processes, certificates, and what was given up."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, lines, listing, state
from deploy.grafana.queries import Query, increase, of, or_zero, worst
from deploy.grafana.terms import JOBS, OURS, TO_ENROLMENT, TO_SEARCH


def running() -> tuple[Sized, ...]:
    return (
        state(
            Says(
                "Processes that answer",
                "Of each component, the share of processes that Prometheus reaches. Normal: "
                "100 %; during an upgrade a little less for a minute.",
                "percentunit",
                Bad("OnRecordServiceAbsent", 0.5, 1, True, ("OnRecordProcessUnreachable",)),
            ),
            Query(f"avg by (job) ({of('up', JOBS)})", "{{job}}"),
            width=12,
            lines=False,
        ),
        state(
            Says(
                "Soonest certificate",
                "The certificate of ours with the smallest share of its life left. Normal: above "
                "20 %; what renews them does so at a third.",
                "percentunit",
                Bad(
                    "OnRecordCertificateRunsOut", 0.05, 0.2, True, ("OnRecordCertificateExpiring",)
                ),
            ),
            Query(
                f"min ({of('onrecord_certificate_expiry_seconds')} / "
                f"{of('onrecord_certificate_lifetime_seconds')})"
            ),
            lines=False,
        ),
        state(
            Says(
                "Dead letters",
                "Enrolments and deletions that were given up and wait for somebody to send them "
                "on again. Normal: 0.",
                "short",
                Bad("OnRecordDeadLetters", 1),
                TO_ENROLMENT,
            ),
            Query(worst("onrecord_dead_letters_waiting", 'about="enrolment"')),
        ),
        state(
            Says(
                "Gauges not read",
                "How often in ten minutes a process could not read its own gauges: what "
                "this page shows of it is then missing. Normal: 0.",
                "short",
                Bad("OnRecordGaugesUnreadable", 1),
            ),
            Query(
                or_zero(
                    f"ceil({increase('onrecord_readings_failed_total', over='10m')})",
                    "sum (" + of("onrecord_build_info") + ")",
                )
            ),
        ),
        lines(
            Says(
                "Calls that we owed an answer",
                "Calls that ended with unavailable, failed or shed, by component. Normal: 0 a "
                "second. Shed alone: it is full. Refused calls are the caller's matter and are "
                "not here.",
                "reqps",
                more=TO_SEARCH,
            ),
            Query(
                f"sum by (job) (rate({of('onrecord_request_seconds_count', OURS)}"
                "[$__rate_interval])) or 0 * sum by (job) "
                f"(rate({of('onrecord_request_seconds_count')}[$__rate_interval]))",
                "{{job}}",
            ),
            width=8,
            height=6,
        ),
        lines(
            Says(
                "Calls to services given up",
                "Calls in five minutes that were not made, since their service had not answered "
                "several before. Normal: 0; a spike of a minute when a service is restarted.",
                "short",
                Bad("OnRecordCircuitOpen", 1),
                TO_SEARCH,
            ),
            Query(
                increase("onrecord_circuit_refused_calls_total", by="service", over="5m"),
                "to {{service}}",
            ),
            width=8,
            height=6,
        ),
        listing(
            Says(
                "Versions",
                "How many processes run which version. Normal: one version of each component; "
                "two while an upgrade rolls.",
                "short",
            ),
            Query(f"count by (job, version) ({of('onrecord_build_info')})", "processes"),
            columns=("job", "version"),
            width=8,
            height=6,
        ),
    )
