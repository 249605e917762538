"""The planes: what each was asked, and what left it."""

from deploy.grafana.dress import Says
from deploy.grafana.panels import Sized, lines
from deploy.grafana.queries import PLANE, Query, quantile, rate

_JOB = 'job="vector-search"'


def planes() -> tuple[Sized, ...]:
    count = "onrecord_request_seconds_count"
    return (
        lines(
            Says(
                "Calls to each plane",
                "gRPC calls a second that a plane served, by how they ended. Normal: ok, and "
                "refused where a grant does not hold; unavailable means that the ledger, the bus "
                "or Milvus is away.",
                "reqps",
            ),
            Query(rate(count, _JOB, PLANE, by="plane, outcome"), "{{plane}} {{outcome}}"),
            width=8,
        ),
        lines(
            Says(
                "A search in the plane, 95 of 100",
                "What 95 of 100 calls to search took at most, where they were served. Normal: the "
                "index and some ten milliseconds.",
                "s",
            ),
            Query(
                quantile(
                    0.95,
                    "onrecord_request_seconds",
                    _JOB,
                    PLANE,
                    'method=~"VectorSearch/Search(Galleries)?"',
                    by="plane",
                ),
                "{{plane}}",
            ),
            width=8,
        ),
        lines(
            Says(
                "Portraits opened and leads unsealed",
                "What left the plane to people: each a look or a release in the ledger first. "
                "Normal: it follows the examiners' day; at night near 0.",
                "ops",
            ),
            Query(
                rate(
                    count,
                    _JOB,
                    PLANE,
                    'method=~"VectorSearch/(OpenPortrait|Unseal)"',
                    by="plane, method",
                ),
                "{{plane}} {{method}}",
            ),
            width=8,
        ),
    )
