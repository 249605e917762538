"""What the chart's tests share."""

from tests.chart.apiserver import cluster, namespace  # noqa: F401 - fixtures, by their names
