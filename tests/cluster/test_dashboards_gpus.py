"""R-43: the panels of Triton and of GPUs, held against what was recorded of real ones.

No GPU can be had here. `tests/monitoring/recorded` has the names, types and labels of recordings
that others made with one; a real Prometheus watches them, so that what it does to labels is real.
"""

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from deploy.local.parts.prometheus import Prometheus as PrometheusPart
from deploy.local.parts.prometheus import Scraped
from tests.cluster.asking_prometheus import ALL, Prometheus, filled
from tests.cluster.conftest import started
from tests.monitoring.reading import RECORDED, panels

PANELS: Final = {one.title: one for one in panels() if one.of_gpus}
EXPORTERS: Final = ("dcgm-docker", "dcgm-pods", "dcgm-idle", "dcgm-renamed")
BY_NODE: Final = ("Utilisation by node", "Memory by node", "Temperature", "Power by node", "Clock")
_WAIT_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.5


pytestmark = pytest.mark.xdist_group("gpus")


@pytest.fixture(scope="module")
def watching(parts_folder: Path) -> Iterator[Prometheus]:
    """One that scrapes each recording as a target of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Recorded) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            part = PrometheusPart(_targets(server.server_port), every_seconds=1)
            for running in started(part, parts_folder / "recorded"):
                found = Prometheus(running.place.at("http"))
                _wait_until_scraped(found)
                yield found
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("title", PANELS)
def test_no_panel_of_gpus_is_empty(watching: Prometheus, title: str) -> None:
    """Its queries bring data from what real GPUs told."""
    assert not watching.without_data([PANELS[title]], ALL)


@pytest.mark.parametrize("title", BY_NODE)
def test_gpus_of_different_nodes_are_told_apart(watching: Prometheus, title: str) -> None:
    """All have the number 0; exporters before and after May 2026 name their node differently."""
    (query,) = PANELS[title].queries
    found = watching.ask("query", query=filled(query, ALL))["result"]
    nodes = {one["metric"]["node"] for one in found}
    assert nodes == {"0123456789ab", "gpu-node-b", "gpu-node-c", "gpu-node-d"}
    assert len(found) == len(EXPORTERS)
    assert set(re.findall(r"\{\{(\w+)\}\}", _legend(title))) <= found[0]["metric"].keys()


def test_no_error_is_a_number_where_none_is_told(watching: Prometheus) -> None:
    """Exporters that tell of an XID only after one: GPUs are there, so it is 0 and not nothing."""
    (query,) = PANELS["Last XID error"].queries
    alone = query.replace("DCGM_FI_DEV_XID_ERRORS{}", 'DCGM_FI_DEV_XID_ERRORS{job="dcgm-idle"}')
    (found,) = watching.ask("query", query=alone)["result"]
    assert float(found["value"][1]) == 0


def _legend(title: str) -> str:
    (target,) = PANELS[title].said["targets"]
    return str(target["legendFormat"])


class _Recorded(BaseHTTPRequestHandler):
    """The recordings, as text."""

    def do_GET(self) -> None:
        body = (RECORDED / Path(self.path).name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Nothing."""


def _targets(port: int) -> tuple[Scraped, ...]:
    address = f"127.0.0.1:{port}"
    return tuple(
        Scraped(name, address, f"/{name}.txt", {"namespace": "local", "pod": name})
        for name in ("triton", "triton-gpu", *EXPORTERS)
    )


def _wait_until_scraped(prometheus: Prometheus) -> None:
    until, pause = time.monotonic() + _WAIT_SECONDS, threading.Event()
    wanted = 2 + len(EXPORTERS)
    while len(prometheus.ask("query", query="up == 1")["result"]) < wanted:
        assert time.monotonic() < until, "not all recordings were scraped"
        pause.wait(_LOOK_AGAIN_SECONDS)
