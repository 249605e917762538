"""R-44: a drain asks before it takes a pod away, and the budgets answer."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from deploy.kubernetes.nodes import PLANE
from deploy.kubernetes.server import CommandError, KubernetesServer
from tests.chart.apiserver import own_namespace
from tests.chart.given import values
from tests.chart.releases import Release, component, is_ready, merged

_QUICK = {"setup": {"migrations": False, "topics": False, "buckets": False, "preflight": False}}


@pytest.fixture(scope="module")
def standing(cluster: KubernetesServer) -> Iterator[Release]:
    """National: three of each, in three zones."""
    with own_namespace(cluster) as name:
        found = Release(cluster, name, merged(values("national"), _QUICK), "national")
        found.install()
        yield found


@pytest.fixture(autouse=True)
def open_nodes(cluster: KubernetesServer) -> Iterator[list[str]]:
    """Every node's name; all take pods again in the end."""
    names = [node["metadata"]["name"] for node in cluster.read("nodes")]
    yield names
    cluster.kubectl("uncordon", *names)


def test_with_nowhere_to_go_one_of_three_leaves(
    cluster: KubernetesServer, standing: Release, open_nodes: list[str]
) -> None:
    """R-44: every pod of every service is asked to leave, as a drain of all nodes asks it; one of
    each does, the budget refuses the rest. When there is room again all come back.
    """
    wanted = _ready(standing)
    assert set(wanted.values()) == {3}
    cluster.kubectl("cordon", *open_nodes)
    left = Counter(_name(pod) for pod in standing.serving() if _evicted(cluster, pod))
    assert left == dict.fromkeys(wanted, 1)
    assert _ready(standing) == dict.fromkeys(wanted, 2)
    cluster.kubectl("uncordon", *open_nodes)
    standing.settle()
    assert _ready(standing) == wanted


def test_a_drain_of_a_node_goes_through(cluster: KubernetesServer, standing: Release) -> None:
    """R-44: budgets delay a drain, they do not forbid it: what stood there stands elsewhere. Not
    so on a node that is its zone's only one for some plane: that pod waits for the node.
    """
    wanted = _ready(standing)
    nodes = {one["metadata"]["name"]: one["metadata"]["labels"] for one in cluster.read("nodes")}
    node = next(
        pod["spec"]["nodeName"]
        for pod in standing.serving()
        if PLANE not in nodes[pod["spec"]["nodeName"]]
    )
    drain = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
    cluster.kubectl(*drain)
    standing.settle()
    assert not [pod for pod in standing.serving() if pod["spec"]["nodeName"] == node]
    assert _ready(standing) == wanted


def _evicted(cluster: KubernetesServer, pod: Mapping[str, Any]) -> bool:
    named = {name: pod["metadata"][name] for name in ("name", "namespace")}
    asked = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": named}
    path = f"/api/v1/namespaces/{named['namespace']}/pods/{named['name']}/eviction"
    try:
        cluster.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(asked))
    except CommandError as refused:
        assert "disruption budget" in str(refused)
        return False
    return True


def _name(pod: Mapping[str, Any]) -> str:
    return component(pod) + str(pod["metadata"]["labels"].get("onrecord.org/plane", ""))


def _ready(release: Release) -> Counter[str]:
    """Ready pods, by service and plane."""
    return Counter(_name(pod) for pod in release.serving() if is_ready(pod))
