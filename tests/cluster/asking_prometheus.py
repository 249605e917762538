"""A Prometheus that runs, and what the dashboards' queries bring from it."""

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.monitoring.reading import PanelFound

_ANSWER_SECONDS: Final = 20.0
_STEP_SECONDS: Final = 5
_BACK_SECONDS: Final = 60
ALL: Final = {"namespace": ".*", "gallery": ".*", "plane": ".*"}
"""What Grafana puts in where the reader chose nothing."""
_TIMES: Final = {"$__rate_interval": "30s", "$__range": "5m"}
"""Four scrapes of the local cluster, as Grafana would take; and what the reader looks back."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`address`: `host:port`."""

    address: str

    def ask(self, path: str, **given: str) -> Any:
        """What its API answers. Raises `urllib.error.HTTPError` where a query does not parse."""
        body = urllib.parse.urlencode(given).encode()
        url = f"http://{self.address}/api/v1/{path}"
        with urllib.request.urlopen(url, body or None, _ANSWER_SECONDS) as answer:
            said = json.load(answer)
        assert said["status"] == "success"
        return said["data"]

    def values(self, expr: str) -> list[float]:
        """What a panel would draw of the last minute: every number, of every series."""
        now = time.time()
        found = self.ask(
            "query_range",
            query=expr,
            start=str(now - _BACK_SECONDS),
            end=str(now),
            step=str(_STEP_SECONDS),
        )
        drawn = (float(value) for one in found["result"] for _, value in one["values"])
        return [value for value in drawn if math.isfinite(value)]

    def label_values(self, label: str, series: str) -> set[str]:
        """As Grafana's `label_values(series, label)`."""
        asked = urllib.parse.urlencode({"match[]": series})
        return set(self.ask(f"label/{label}/values?{asked}"))

    def without_data(
        self, panels: Iterable[PanelFound], chosen: Mapping[str, str]
    ) -> dict[str, str]:
        """The queries that bring nothing, by panel."""
        return {
            f"{panel}: {query}": filled(query, chosen)
            for panel in panels
            for query in panel.queries
            if not self.values(filled(query, chosen))
        }


def filled(expr: str, chosen: Mapping[str, str]) -> str:
    """A query with Grafana's variables replaced."""
    for name, value in {f"${name}": value for name, value in chosen.items()}.items():
        expr = expr.replace(name, value)
    for name, value in _TIMES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr
