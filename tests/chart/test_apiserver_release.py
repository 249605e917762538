"""R-44: every profile, installed on a real API server: placed, running, ready."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.kubernetes.nodes import GPU, PLANE, ZONE
from tests.chart.releases import INSTANCE, NAME, Release, component, is_ready


def test_its_jobs_are_complete(release: Release) -> None:
    """R-44: preflight, migrations and topics are jobs that run before what needs them."""
    jobs = release.all_of("jobs")
    done = {job["metadata"]["name"]: job["status"].get("succeeded", 0) for job in jobs}
    assert done
    assert set(done.values()) == {1}


def test_every_pod_is_ready(release: Release) -> None:
    """R-44: as many as each Deployment or its autoscaler says."""
    wanted = {one["metadata"]["name"]: _wanted(release, one) for one in _deployments(release)}
    ready = Counter(_deployment(pod) for pod in release.serving() if is_ready(pod))
    assert {"gateway", "detection", "embedding", "audit", "vector-search"} <= {
        component(one) for one in _deployments(release)
    }
    assert dict(ready) == wanted


def test_gpu_pods_stand_on_gpu_nodes_and_nobody_else_does(release: Release) -> None:
    """R-44: and where the profile is the one with GPUs there are some."""
    nodes = _nodes(release)
    with_gpu = {pod["metadata"]["name"] for pod in release.serving() if _gpus(pod)}
    on_gpu = {
        pod["metadata"]["name"]
        for pod in release.serving()
        if GPU in nodes[pod["spec"]["nodeName"]]["status"]["allocatable"]
    }
    assert on_gpu == with_gpu
    assert bool(with_gpu) == (release.profile == "gpu")


def test_replicas_stand_in_different_zones(release: Release) -> None:
    """R-44: as many zones as there are replicas, up to the three there are; no zone is preferred
    by more than one pod where the profile insists.
    """
    nodes = _nodes(release)
    zones: dict[str, Counter[str]] = {}
    for pod in release.serving():
        zone = nodes[pod["spec"]["nodeName"]]["metadata"]["labels"][ZONE]
        zones.setdefault(_deployment(pod), Counter())[zone] += 1
    for found in zones.values():
        assert len(found) == min(3, found.total()), zones
    if release.profile == "national":
        assert all(max(one.values()) - min(one.values()) <= 1 for one in zones.values())


def test_a_plane_that_has_nodes_of_its_own_stands_there(release: Release) -> None:
    """R-44: each state's plane is placed by itself."""
    if release.profile != "national":
        pytest.skip("the profile `national` has such planes")
    nodes = _nodes(release)
    placed = {
        (
            pod["metadata"]["labels"][PLANE],
            nodes[pod["spec"]["nodeName"]]["metadata"]["labels"].get(PLANE),
        )
        for pod in release.serving()
        if component(pod) == "vector-search"
    }
    assert {("utah", "utah"), ("maryland", "maryland")} <= placed
    assert {plane for plane, _ in placed} == {"utah", "maryland", "others"}
    assert all(node == plane for plane, node in placed if plane != "others")


def test_grpc_services_are_headless_and_have_every_pod(release: Release) -> None:
    """R-44: the client balances over the addresses that DNS gives: all of them."""
    slices = release.all_of("endpointslices")
    for service in release.all_of("services"):
        if component(service) in ("gateway", "triton"):
            continue
        assert service["spec"]["clusterIP"] == "None"
        mine = [
            address
            for one in slices
            if one["metadata"]["labels"]["kubernetes.io/service-name"]
            == service["metadata"]["name"]
            for point in one["endpoints"]
            if point["conditions"]["ready"]
            for address in point["addresses"]
        ]
        pods = {
            pod["status"]["podIP"]
            for pod in release.serving()
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        }
        assert pods
        assert set(mine) == pods


def test_every_deployment_has_one_budget_that_lets_something_move(release: Release) -> None:
    """R-44: a budget chooses exactly its Deployment's pods; a node can always be drained."""
    budgets = release.all_of("poddisruptionbudgets")
    for deployment in _deployments(release):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        mine = [
            one
            for one in budgets
            if one["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ]
        assert len(mine) == 1, deployment["metadata"]["name"]
        status = mine[0]["status"]
        assert status["expectedPods"] == _wanted(release, deployment)
        assert status["disruptionsAllowed"] == 1


def test_every_object_says_whose_it_is(release: Release) -> None:
    """R-44: found by `kubectl get -l app.kubernetes.io/instance=...`, as install.md does."""
    kinds = "deployments,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets"
    ours = [one for one in release.all_of(kinds) if _is_ours(one)]
    assert ours
    assert [
        one["metadata"]["name"]
        for one in ours
        if one["metadata"].get("labels", {}).get(INSTANCE) != NAME or not component(one)
    ] == []


def _is_ours(one: Mapping[str, Any]) -> bool:
    cluster_makes = {"kube-root-ca.crt", "default"}
    return one["metadata"]["name"] not in cluster_makes


def _deployments(release: Release) -> list[Mapping[str, Any]]:
    return list(release.all_of("deployments"))


def _wanted(release: Release, deployment: Mapping[str, Any]) -> int:
    name = deployment["metadata"]["name"]
    for scaler in release.all_of("horizontalpodautoscalers"):
        if scaler["spec"]["scaleTargetRef"]["name"] == name:
            return max(int(scaler["spec"]["minReplicas"]), 1)
    return int(deployment["spec"]["replicas"])


def _deployment(pod: Mapping[str, Any]) -> str:
    owner: str = pod["metadata"]["ownerReferences"][0]["name"]
    return owner.rsplit("-", 1)[0]


def _gpus(pod: Mapping[str, Any]) -> int:
    return sum(
        int(one["resources"].get("limits", {}).get(GPU, 0)) for one in pod["spec"]["containers"]
    )


def _nodes(release: Release) -> dict[str, Mapping[str, Any]]:
    return {node["metadata"]["name"]: node for node in release.cluster.read("nodes")}
