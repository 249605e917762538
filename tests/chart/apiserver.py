"""A real API server for the chart, started once, and a namespace of its own for each test."""

import os
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.kubernetes.nodes import three_zones
from deploy.kubernetes.server import KubernetesServer, started
from tests.chart.given import values
from tests.chart.releases import PROFILES, Release, StandingRelease

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("ONRECORD_CACHE", ROOT / ".cache")) / "tools"
CRDS = Path(__file__).parent / "crds"
PLANES = ("utah", "maryland")
ENFORCED = "pod-security.kubernetes.io"


VOLUMES = 40


@pytest.fixture(scope="session")
def cluster() -> Iterator[KubernetesServer]:
    """Three zones; the objects that others' operators would bring are known to it, and there are
    volumes to claim.
    """
    with (
        tempfile.TemporaryDirectory(prefix="onrecord-kubernetes-") as name,
        started(TOOLS, Path(name), three_zones(planes=PLANES), _say) as server,
    ):
        server.kubectl("apply", "-f", str(CRDS))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        server.apply(_STORAGE, *(_volume(number) for number in range(VOLUMES)))
        yield server


@pytest.fixture
def namespace(cluster: KubernetesServer) -> Iterator[str]:
    """Pod Security `restricted` is enforced in it. It goes when its test is done."""
    with own_namespace(cluster) as name:
        yield name


@pytest.fixture(scope="session", params=PROFILES)
def release(cluster: KubernetesServer, request: pytest.FixtureRequest) -> Iterator[Release]:
    """Every profile, installed for as long as tests look at it; they change nothing."""
    with own_namespace(cluster) as name:
        found = StandingRelease(cluster, name, values(request.param), profile=request.param)
        found.install()
        yield found
        found.uninstall()


@contextmanager
def own_namespace(cluster: KubernetesServer) -> Iterator[str]:
    """The same, for fixtures that live longer than a test."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    labels = {f"{ENFORCED}/{how}": "restricted" for how in ("enforce", "warn", "audit")}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=60s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


_STORAGE: Mapping[str, object] = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": "simulated",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "WaitForFirstConsumer",
    "allowVolumeExpansion": True,
}


def _volume(number: int) -> Mapping[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"simulated-{number}"},
        "spec": {
            "storageClassName": "simulated",
            "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
            "capacity": {"storage": "100Gi"},
            "hostPath": {"path": f"/simulated/{number}"},
        },
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
