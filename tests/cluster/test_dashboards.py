"""R-43: every panel is fed. The queries of the dashboards, asked of a Prometheus that watches a
cluster at work; those of GPUs are asked in `test_dashboards_gpus.py`.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from deploy.local.parts.prometheus import Prometheus as PrometheusPart
from deploy.local.tools import folder_of
from tests.cluster.asking_prometheus import ALL, Prometheus, filled
from tests.cluster.conftest import TOOLS
from tests.cluster.watched import under_load, watched_cluster
from tests.monitoring.reading import dashboards, panels

PANELS: Final = list(panels())
_WAIT_SECONDS: Final = 180.0
_LOOK_AGAIN_SECONDS: Final = 2.0
CHOSEN: Final = {"namespace": "local", "gallery": "US-UT", "plane": "utah"}


@pytest.fixture(scope="module")
def watching() -> Iterator[Prometheus]:
    """Of a cluster under load, as long as the tests of this module last."""
    with watched_cluster() as watched, under_load(watched):
        yield watched.prometheus


@pytest.mark.parametrize("chosen", [ALL, CHOSEN], ids=["all", "one"])
def test_no_panel_is_empty(watching: Prometheus, chosen: Mapping[str, str]) -> None:
    """With everything chosen, and with one gallery on its plane."""
    there = [one for one in PANELS if not one.of_gpus]
    empty = _until_none(lambda: watching.without_data(there, chosen))
    assert not empty


def test_what_a_reader_may_choose_is_there(watching: Prometheus) -> None:
    for board in dashboards().values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                asked = str(variable["query"]).removeprefix("label_values(").removesuffix(")")
                series, _, label = asked.rpartition(", ")
                found = watching.label_values(label, filled(series, ALL))
                assert CHOSEN[variable["name"]] in found, asked


def test_the_rules_can_be_computed(watching: Prometheus) -> None:
    """Panels stand on recording rules, so those must be at work."""

    def wrong() -> list[str]:
        rules = [one for group in watching.ask("rules")["groups"] for one in group["rules"]]
        assert rules
        return [f"{one['name']}: {one['health']}" for one in rules if one["health"] != "ok"]

    assert not _until_none(wrong)


def test_every_query_parses(tmp_path: Path) -> None:
    """By promtool, as a rule each: it knows no other way to check a query."""
    PrometheusPart().install(TOOLS, lambda _: None)
    queries = [filled(query, ALL) for panel in PANELS for query in panel.queries]
    rules = [
        {"record": "query", "labels": {"number": str(n)}, "expr": query}
        for n, query in enumerate(queries)
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    part = PrometheusPart()
    there = folder_of(TOOLS, part.name, part.version) / "root" / "usr" / "bin" / "promtool"
    done = subprocess.run(
        [str(there), "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def _until_none(wrong: Callable[[], object]) -> object:
    """What is still wrong when the time is over; at once where nothing is."""
    until = time.monotonic() + _WAIT_SECONDS
    pause = threading.Event()
    while (found := wrong()) and time.monotonic() < until:
        pause.wait(_LOOK_AGAIN_SECONDS)
    return found
