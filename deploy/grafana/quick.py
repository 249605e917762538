"""Is it fast? Searches and enrolments as those who ask for them see them."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, cloud, lines, state
from deploy.grafana.queries import Query, quantile, rate, spread, worst
from deploy.grafana.terms import (
    ENROLLING,
    OURS_IN_ENROLMENT,
    SEARCHES,
    TO_ENROLMENT,
    TO_GALLERIES,
    TO_LEDGER,
    TO_SEARCH,
    answered,
)


def quick() -> tuple[Sized, ...]:
    count = "onrecord_request_seconds_count"
    return (
        state(
            Says(
                "Searches answered",
                "The share of searches in the time chosen that were not unavailable, failed or "
                "shed. Normal: 100 %.",
                "percentunit",
                Bad(
                    "OnRecordSearchAvailabilityFastBurn",
                    0.986,
                    0.999,
                    True,
                    ("OnRecordSearchAvailabilitySlowBurn",),
                ),
                TO_SEARCH,
            ),
            Query(answered(SEARCHES)),
            lines=False,
        ),
        state(
            Says(
                "Enrolments accepted",
                "The share of calls with portraits in the time chosen that were not unavailable or "
                "failed. Normal: 100 %. Shed ones come again.",
                "percentunit",
                Bad(
                    "OnRecordEnrolmentAvailabilityFastBurn",
                    0.928,
                    0.995,
                    True,
                    ("OnRecordEnrolmentAvailabilitySlowBurn",),
                ),
                TO_ENROLMENT,
            ),
            Query(answered(ENROLLING, OURS_IN_ENROLMENT)),
            lines=False,
        ),
        state(
            Says(
                "Search, 99 of 100",
                "What 99 of 100 searches in the time chosen took at most. Normal: below a second; "
                "2.5 seconds are promised.",
                "s",
                Bad(
                    "OnRecordSearchLatencyFastBurn",
                    2.5,
                    1,
                    False,
                    ("OnRecordSearchLatencySlowBurn",),
                ),
                TO_SEARCH,
            ),
            Query(quantile(0.99, "onrecord_request_seconds", *SEARCHES, over="$__range")),
            lines=False,
        ),
        state(
            Says(
                "Append, 99 of 100",
                "What 99 of 100 appends to the ledger in the time chosen took at most, from "
                "asking to being durable and provable. Normal: below 50 ms.",
                "s",
                more=TO_LEDGER,
            ),
            Query(quantile(0.99, "onrecord_ledger_append_seconds", over="$__range")),
            lines=False,
        ),
        state(
            Says(
                "Enrolment, 99 of 100",
                "From the ticket to the record being live, 99 of 100 in the time chosen. Normal: "
                "seconds; a quarter of an hour is promised, also behind a manifest.",
                "s",
                Bad(
                    "OnRecordEnrolmentLatencyFastBurn",
                    900,
                    300,
                    False,
                    ("OnRecordEnrolmentLatencySlowBurn",),
                ),
                TO_ENROLMENT,
            ),
            Query(quantile(0.99, "onrecord_enrolment_seconds", over="$__range")),
            lines=False,
        ),
        state(
            Says(
                "Records",
                "Records that are live, in all galleries together. Normal: it grows with "
                "enrolment and falls with deletion, never by a step.",
                "short",
                more=TO_GALLERIES,
            ),
            Query(f"sum ({worst('onrecord_gallery_records', by='gallery')})"),
        ),
        cloud(
            Says(
                "How long searches took",
                "Each column is a moment; the darker a field, the more searches took that long. "
                "Normal: one dark band below a second. A second band is a gallery, or a restart.",
                "s",
                more=TO_SEARCH,
            ),
            spread("onrecord_request_seconds", *SEARCHES),
        ),
        lines(
            Says(
                "Searches by how they ended",
                "Searches a second; refused is the caller's matter (no grant, no face), shed, "
                "unavailable and failed are ours. Normal: ok and refused alone.",
                "reqps",
                more=TO_SEARCH,
            ),
            Query(rate(count, *SEARCHES, by="outcome"), "{{outcome}}"),
            stacked=True,
        ),
    )
