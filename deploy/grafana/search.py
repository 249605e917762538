"""One search, from the request to the candidates: where its time goes, who was refused and why."""

from deploy.grafana.board import GALLERIES, Board, Section
from deploy.grafana.panels import Bad, Says, Sized, cloud, lines, listing, ranking, state
from deploy.grafana.queries import GALLERY, Query, increase, quantile, rate, spread, worst
from deploy.grafana.terms import OURS, SEARCHES

_SEARCH = "onrecord_request_seconds"
_STAGE = "onrecord_search_stage_seconds"
_GALLERY = "onrecord_search_gallery_seconds"


def search() -> Board:
    return Board(
        "onrecord-search",
        "Search",
        "Searches from the request to the candidates: how many, how long and in which stage, what "
        "each gallery decided, and the calls between services that carry them.",
        (
            Section("Searches", _searches()),
            Section("Where the time goes", _stages()),
            Section("What was decided", _decided()),
            Section("Calls between services", _calls()),
        ),
        (GALLERIES,),
    )


def _searches() -> tuple[Sized, ...]:
    count = f"{_SEARCH}_count"
    return (
        state(
            Says(
                "Searches a minute",
                "Searches that were answered, however they ended. Normal: what your agencies do.",
                "short",
            ),
            Query(f"60 * {rate(count, *SEARCHES)}"),
            width=8,
        ),
        state(
            Says(
                "Not answered",
                "The share that ended unavailable, failed or shed, in five minutes. Normal: 0.",
                "percentunit",
                Bad("OnRecordSearchAvailabilityFastBurn", 0.0144, 0.001),
            ),
            Query(
                f"({rate(count, OURS, *SEARCHES, over='5m')} or "
                f"0 * {rate(count, *SEARCHES, over='5m')}) / {rate(count, *SEARCHES, over='5m')}"
            ),
            width=8,
        ),
        state(
            Says(
                "99 of 100 within",
                "What 99 of 100 searches took at most, in five minutes. Normal: below a second; "
                "2.5 seconds are promised.",
                "s",
                Bad("OnRecordSearchLatencyFastBurn", 2.5, 1),
            ),
            Query(quantile(0.99, _SEARCH, *SEARCHES, over="5m")),
            width=8,
        ),
        lines(
            Says(
                "Searches by how they ended",
                "refused is the caller's matter (no grant, no face), shed, unavailable and failed "
                "are ours. Normal: ok and refused alone.",
                "reqps",
            ),
            Query(rate(count, *SEARCHES, by="outcome"), "{{outcome}}"),
            width=8,
            stacked=True,
        ),
        cloud(
            Says(
                "How long searches took",
                "Each column is a moment; the darker a field, the more searches took that long. "
                "Normal: one dark band below a second.",
                "s",
            ),
            spread(_SEARCH, *SEARCHES),
            width=8,
        ),
        lines(
            Says(
                "Search latency",
                "What 50, 95 and 99 of 100 searches took at most. Normal: the three run side by "
                "side; where 99 leaves the others, one gallery or one process is slow.",
                "s",
                Bad("OnRecordSearchLatencyFastBurn", 2.5),
            ),
            *(
                Query(quantile(share, _SEARCH, *SEARCHES), f"{100 * share:g} of 100")
                for share in (0.5, 0.95, 0.99)
            ),
            width=8,
        ),
    )


def _stages() -> tuple[Sized, ...]:
    return (
        lines(
            Says(
                "Stages, mean",
                "The mean of each stage as the gateway waited for it, on top of one another: "
                "authorise is the ledger's append, detect and embed are inference, gallery is the "
                "planes (side by side, so the longest counts). Normal: detect is the largest.",
                "s",
            ),
            Query(
                f"{rate(f'{_STAGE}_sum', by='stage')} / {rate(f'{_STAGE}_count', by='stage')}",
                "{{stage}}",
            ),
            width=8,
            stacked=True,
        ),
        lines(
            Says(
                "Stages, 95 of 100",
                "What 95 of 100 took at most in each stage. Normal: none moves alone; authorise "
                "below 100 ms.",
                "s",
            ),
            Query(quantile(0.95, _STAGE, by="stage"), "{{stage}}"),
            width=8,
        ),
        lines(
            Says(
                "Galleries, 95 of 100",
                "What a plane took to search one gallery, receipt included, as the gateway waited "
                "for it. Normal: they lie together, larger galleries above. One that leaves the "
                "others makes every search slow that names it.",
                "s",
                more=("onrecord-galleries", "Vector search by gallery"),
            ),
            Query(quantile(0.95, _GALLERY, GALLERY, by="gallery"), "{{gallery}}"),
            width=8,
        ),
    )


def _decided() -> tuple[Sized, ...]:
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
                "several. Normal: purpose, offence and quota. policy_expired or policy_missing "
                "are for the gallery's custodian.",
                "short",
            ),
            Query(f"sort_desc(topk(8, ceil({reasons})))", "{{reason}}"),
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


def _calls() -> tuple[Sized, ...]:
    count = f"{_SEARCH}_count"
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
            Query(quantile(0.95, _SEARCH, inner, by="job"), "{{job}}"),
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
