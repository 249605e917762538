"""R-43: dashboards ask for what there is, and what there is is asked for."""

import re

import pytest

from tests.monitoring.reading import (
    RULES,
    PanelFound,
    metric_of,
    names_in,
    our_metrics,
    panels,
    series_of,
    their_metrics,
)

PANELS = list(panels())
_RECORDS = re.compile(r"^\s*-?\s*record: (\S+)$", re.MULTILINE)
_SHARED = re.compile(r"sum(?: by \([^)]*\))? \((onrecord_\w+)\{")


def _rules() -> str:
    return "\n".join(path.read_text("utf-8") for path in RULES.glob("*.yaml"))


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_every_metric_that_is_named_exists(panel: PanelFound) -> None:
    known = series_of(our_metrics()) | series_of(their_metrics()) | set(_RECORDS.findall(_rules()))
    for query in panel.queries:
        named = names_in(query)
        assert named
        assert named <= known, named - known


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_gauges_stand_and_counters_are_differences(panel: PanelFound) -> None:
    """A counter as it stands tells how old a process is; gauges of a shared database are told by
    each process alike, so that their sum is no number of anything.
    """
    kinds = our_metrics() | their_metrics()
    for query in panel.queries:
        for series in names_in(query):
            kind = kinds.get(metric_of(series, kinds), "gauge")
            taken = re.search(rf"(?:rate|increase|deriv)\({re.escape(series)}\{{[^}}]*\}}\[", query)
            if kind in ("counter", "histogram"):
                assert taken, f"{series} as it stands: {query}"
        for gauge in _SHARED.findall(query):
            assert kinds[metric_of(gauge, kinds)] != "gauge" or gauge in _OF_ONE_PROCESS, query


_OF_ONE_PROCESS = {
    "onrecord_build_info",
    "onrecord_gateway_places",
    "onrecord_gateway_places_taken",
    "onrecord_gateway_searches_waiting",
}
"""Gauges that each process tells of itself."""


def test_every_metric_of_ours_is_looked_at() -> None:
    """By a panel, or by a rule that a person is told of."""
    metrics = our_metrics()
    asked = {name for one in PANELS for query in one.queries for name in names_in(query)}
    asked |= names_in(_rules())
    looked_at = {metric_of(one, metrics) for one in asked}
    assert not metrics.keys() - looked_at


def test_none_is_named_by_chance() -> None:
    """The reading itself sees names where they are, and only there."""
    query = 'sum by (job) (rate(onrecord_x_total{a="b{c}"}[5m])) / up{} or DCGM_FI_DEV_GPU_UTIL'
    assert names_in(query) == {"onrecord_x_total", "up", "DCGM_FI_DEV_GPU_UTIL"}
    assert series_of({"a_seconds": "histogram"}) == {
        "a_seconds_bucket",
        "a_seconds_sum",
        "a_seconds_count",
    }
