"""Milvus, by metrics that its versions 2.3 to 2.6 have."""

from deploy.grafana.dress import Says
from deploy.grafana.panels import Sized, lines, state
from deploy.grafana.queries import Query, or_zero

_SQ = "milvus_querynode_sq_req_latency"
_SEARCHES = 'query_type="search"'


def milvus() -> tuple[Sized, ...]:
    return (
        state(
            Says(
                "Query nodes",
                "Nodes of Milvus that hold collections in memory, as its coordinator counts them. "
                "Normal: as many as were installed.",
                "short",
            ),
            Query("sum (milvus_querycoord_querynode_num{})"),
            width=8,
        ),
        state(
            Says(
                "Vectors loaded",
                "Vectors that Milvus can search, in all collections. Normal: the records of all "
                "galleries, and those that wait for compaction.",
                "short",
            ),
            Query("sum (milvus_querynode_entity_num{})"),
            width=8,
        ),
        state(
            Says(
                "Behind its own log",
                "How far the slowest query node is behind what was written, in milliseconds. "
                "Normal: below a second; searches do not wait for it, the roster is the truth.",
                "ms",
            ),
            Query("max (milvus_querynode_consume_tt_lag_ms{})"),
            width=8,
        ),
        lines(
            Says(
                "Searches in Milvus, 95 of 100",
                "What 95 of 100 searches took at most in a query node, by node. Normal: a little "
                "below the index's own panel; the difference is the way there.",
                "ms",
            ),
            Query(
                "histogram_quantile(0.95, sum by (le, node_id) "
                f"(rate({_SQ}_bucket{{{_SEARCHES}}}[$__rate_interval])))",
                "node {{node_id}}",
            ),
        ),
        lines(
            Says(
                "Requests that Milvus did not serve",
                "Requests a second that ended otherwise than well, of all kinds. Normal: 0.",
                "reqps",
            ),
            Query(
                or_zero(
                    'sum (rate(milvus_proxy_req_count{status!~"success|total"}[$__rate_interval]))',
                    "sum (rate(milvus_proxy_req_count{}[$__rate_interval]))",
                ),
                "not served",
            ),
        ),
    )
