"""PromQL as the dashboards ask it.

Counters are summed over processes. Gauges that are read from a database which several processes
share are told by each of them alike: of those the worst is taken, never the sum.
"""

from dataclasses import dataclass

NAMESPACE = 'namespace=~"$namespace"'
"""Whose processes: what the reader chose."""
GALLERY = 'gallery=~"$gallery"'
PLANE = 'plane=~"$plane"'
EVERY = "$__rate_interval"
RANGE = "$__range"


@dataclass(frozen=True, slots=True)
class Query:
    """`legend`: what a line is called, in Grafana's template; empty: the panel's title."""

    expr: str
    legend: str = ""


def of(metric: str, *where: str) -> str:
    """The series of a metric, of the namespaces chosen."""
    return f"{metric}{{{', '.join((NAMESPACE, *where))}}}"


def rate(metric: str, *where: str, by: str = "", over: str = EVERY) -> str:
    """A second, summed over processes."""
    return f"sum{_by(by)} (rate({of(metric, *where)}[{over}]))"


def increase(metric: str, *where: str, by: str = "", over: str = RANGE) -> str:
    """How often in a time, summed over processes."""
    return f"sum{_by(by)} (increase({of(metric, *where)}[{over}]))"


def total(metric: str, *where: str, by: str = "") -> str:
    """A gauge, summed over processes."""
    return f"sum{_by(by)} ({of(metric, *where)})"


def worst(metric: str, *where: str, by: str = "") -> str:
    """The largest that any process tells of a gauge."""
    return f"max{_by(by)} ({of(metric, *where)})"


def least(metric: str, *where: str, by: str = "") -> str:
    """The smallest that any process tells of a gauge."""
    return f"min{_by(by)} ({of(metric, *where)})"


def quantile(share: float, histogram: str, *where: str, by: str = "", over: str = EVERY) -> str:
    """What `share` of the observations stayed below."""
    groups = f"le, {by}" if by else "le"
    buckets = rate(f"{histogram}_bucket", *where, by=groups, over=over)
    return f"histogram_quantile({share:g}, {buckets})"


def spread(histogram: str, *where: str) -> str:
    """A histogram's buckets, for a heatmap."""
    return increase(f"{histogram}_bucket", *where, by="le", over=EVERY)


def mean(histogram: str, *where: str, by: str = "") -> str:
    """The mean of the observations."""
    return (
        f"{rate(histogram + '_sum', *where, by=by)} / {rate(histogram + '_count', *where, by=by)}"
    )


def or_zero(expr: str, told: str) -> str:
    """0 where `expr` has nothing, as long as `told`, which the same process tells, is there.

    `or vector(0)` would show 0 when nobody can be asked any more.
    """
    return f"{expr} or 0 * {told}"


def ranked(expr: str, label: str, told: str) -> str:
    """The eight largest that are above 0, the largest first; where there are none, a 0 called
    `none`, as long as `told` is there.
    """
    none = f'label_replace(0 * {told}, "{label}", "none", "", "")'
    return f"sort_desc(topk(8, {expr} > 0)) or {none}"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
