"""What the chart's tests share."""

from tests.chart.apiserver import cluster, namespace, release  # noqa: F401 - fixtures, by their names
