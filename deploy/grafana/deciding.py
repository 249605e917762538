"""What galleries decided about requests, and the calls that carry searches."""

from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, lines, listing, ranking
from deploy.grafana.queries import (
    GALLERY,
    Query,
    increase,
    quantile,
    ranked,
    rate,
    worst,
)
from deploy.grafana.terms import TOLD

_CALLS = "onrecord_request_seconds"


def decided() -> tuple[Sized, ...]:
    reasons = increase("onrecord_refusals_total", by="reason")
    return (
        lines(
            Says(
                "Galleries granted and refused",
                "What each gallery's own policy decided. Normal: a steady share of refusals. A "
                "gallery that refuses everything has lost its policy or its key.",
                "reqps",
            ),
            Query(
                rate("onrecord_decisions_total", GALLERY, by="gallery, decision"),
                "{{gallery}} {{decision}}",
            ),
            width=10,
        ),
        ranking(
            Says(
                "Why galleries refused",
                "Reasons in the time chosen, the most frequent first; one refusal may have "
                "several. none: no gallery refused. Normal: those about purpose, offence and "
                "quota. Those about the policy itself are for the gallery's custodian.",
                "short",
            ),
            Query(ranked(f"ceil({reasons})", "reason", TOLD), "{{reason}}"),
            width=7,
        ),
        listing(
            Says(
                "Quotas nearly used",
                "How many of today's counts stand at 80 % of their quota or above, by gallery and "
                "kind of quota. Normal: few or none. Nobody has to act: it is the state's law.",
                "short",
            ),
            Query(
                worst("onrecord_quotas_nearly_used", GALLERY, by="gallery, scope"), "nearly used"
            ),
            columns=("gallery", "scope"),
            width=7,
        ),
    )


def calls() -> tuple[Sized, ...]:
    count = f"{_CALLS}_count"
    inner = 'job!="gateway"'
    return (
        lines(
            Says(
                "Calls by method",
                "gRPC calls a second, the ten most frequent methods. Normal: they follow the "
                "searches; Authorize, Detect, Embed and Search move together.",
                "reqps",
            ),
            Query(f"topk(10, {rate(count, inner, by='method')})", "{{method}}"),
            width=8,
        ),
        lines(
            Says(
                "Calls between services, 95 of 100",
                "What 95 of 100 calls took at most, by component, where it was served. Normal: "
                "audit below 100 ms; detection is the slowest.",
                "s",
            ),
            Query(quantile(0.95, _CALLS, inner, by="job"), "{{job}}"),
            width=8,
        ),
        lines(
            Says(
                "Services given up",
                "How often in five minutes callers gave a service up, and how many calls they did "
                "not make meanwhile. Normal: 0; a spike while a service is restarted.",
                "short",
                Bad("OnRecordCircuitOpen", 1),
            ),
            Query(
                increase("onrecord_circuit_opened_total", by="service", over="5m"),
                "{{service}} given up",
            ),
            Query(
                increase("onrecord_circuit_refused_calls_total", by="service", over="5m"),
                "calls to {{service}} not made",
            ),
            width=8,
        ),
    )
