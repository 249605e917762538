"""A real API server for the chart, started once, and a namespace of its own for each test."""

import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kubernetes.nodes import three_zones
from deploy.kubernetes.server import KubernetesServer, started

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")) / "tools"
CRDS = Path(__file__).parent / "crds"
PLANES = ("utah", "maryland")
ENFORCED = "pod-security.kubernetes.io"


@pytest.fixture(scope="session")
def cluster() -> Iterator[KubernetesServer]:
    """Three zones; the objects that others' operators would bring are known to it."""
    with (
        tempfile.TemporaryDirectory(prefix="onrecord-kubernetes-") as name,
        started(TOOLS, Path(name), three_zones(planes=PLANES), _say) as server,
    ):
        server.kubectl("apply", "-f", str(CRDS))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield server


@pytest.fixture
def namespace(cluster: KubernetesServer) -> Iterator[str]:
    """Pod Security `restricted` is enforced in it. It is gone when the next test begins."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    make_namespace(cluster, name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=true", "--timeout=120s")


def make_namespace(cluster: KubernetesServer, name: str) -> None:
    """With Pod Security `restricted` enforced, in the server's own version."""
    labels = {f"{ENFORCED}/{how}": "restricted" for how in ("enforce", "warn", "audit")}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
