"""One search, from the request to the candidates: where its time goes, who was refused and why."""

from deploy.grafana.board import GALLERIES, Board, Section
from deploy.grafana.deciding import calls, decided
from deploy.grafana.dress import Bad, Says
from deploy.grafana.panels import Sized, cloud, lines, state
from deploy.grafana.places import places
from deploy.grafana.queries import GALLERY, Query, quantile, rate, spread
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
            Section("Places for searches and other calls", places()),
            Section("What was decided", decided()),
            Section("Calls between services", calls()),
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
