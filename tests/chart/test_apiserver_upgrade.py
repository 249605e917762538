"""R-44: `helm upgrade` of a value of every kind shows its effect, `rollback` takes it back,
`uninstall` leaves what is meant to stay and nothing else.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.kubernetes.server import KubernetesServer
from tests.chart.apiserver import own_namespace
from tests.chart.given import values
from tests.chart.releases import NAME, Release, component, is_ready, merged

_KINDS = (
    "deployments,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets,"
    "horizontalpodautoscalers,servicemonitors,prometheusrules,certificates,ingresses,"
    "persistentvolumeclaims,scaledobjects,httproutes"
)
_QUICK = {"setup": {"migrations": False, "topics": False, "buckets": False, "preflight": False}}


@dataclass(frozen=True, slots=True)
class State:
    """What stands in the namespace: each object's own words, by kind and name."""

    objects: Mapping[tuple[str, str], Mapping[str, Any]]

    def deployment(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.objects["Deployment", f"{NAME}-{name}"]["spec"]
        return found

    def container(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.deployment(name)["template"]["spec"]["containers"][0]
        return found

    def settings(self, name: str) -> Mapping[str, Any]:
        return tomllib.loads(self.objects["ConfigMap", f"{NAME}-{name}"]["data"]["settings.toml"])

    def named(self, kind: str) -> set[str]:
        return {name for one, name in self.objects if one == kind}

    def changed(self, other: "State") -> set[tuple[str, str]]:
        """What is not the same in both."""
        both = self.objects.keys() | other.objects.keys()
        return {one for one in both if self.objects.get(one) != other.objects.get(one)}


@pytest.fixture(scope="module")
def standing(cluster: KubernetesServer) -> Iterator[Release]:
    """One release that every test here finds as the last left it: as it was installed."""
    with own_namespace(cluster) as name:
        found = Release(cluster, name, merged(values("small"), _QUICK), "small")
        found.install()
        yield found


@pytest.fixture
def before(standing: Release) -> Iterator[State]:
    """As it stands; in the end it is rolled back to that, and is the same again (R-44)."""
    revision, found = standing.revision(), _state(standing)
    yield found
    standing.rollback(revision)
    assert _state(standing).changed(found) == set()


def test_more_replicas(standing: Release, before: State) -> None:
    """R-44: as many pods stand there, ready; nobody else is touched."""
    standing.upgrade({"detection": {"replicas": 3}})
    after = _state(standing)
    assert after.changed(before) == {("Deployment", f"{NAME}-detection")}
    assert len(_ready(standing, "detection")) == 3


def test_another_image(standing: Release, before: State) -> None:
    """R-44: every pod is of the new version, and no old one is left."""
    standing.upgrade({"image": {"tag": "9.9.9"}})
    images = {one["image"] for pod in standing.serving() for one in pod["spec"]["containers"]}
    assert {one.rsplit(":")[-1] for one in images} == {"9.9.9"}
    assert len(images) == 5
    assert all(map(is_ready, standing.serving()))


def test_other_resources(standing: Release, before: State) -> None:
    """R-44: of one service alone."""
    wanted = {"requests": {"cpu": "3", "memory": "3Gi"}, "limits": {"cpu": "4", "memory": "5Gi"}}
    standing.upgrade({"embedding": {"resources": wanted}})
    after = _state(standing)
    assert after.container("embedding")["resources"] == wanted
    assert after.changed(before) == {("Deployment", f"{NAME}-embedding")}


def test_a_plane_more_and_a_plane_less(standing: Release, before: State) -> None:
    """R-44: a plane comes with all that is its own, those who call it are told, and the others'
    pods stay; removed, all of it goes but the keys of its galleries.
    """
    utah = {"planes": {"utah": {"milvus": "http://utah.milvus:19530", "galleries": ["US-UT"]}}}
    old = {pod["metadata"]["uid"] for pod in _ready(standing, "vector-search")}
    standing.upgrade(utah)
    after = _state(standing)
    name = f"{NAME}-vector-search-utah"
    for kind in ("Deployment", "Service", "ConfigMap", "ServiceAccount", "NetworkPolicy"):
        assert name in after.named(kind)
    assert {name} <= after.named("Certificate") & after.named("PodDisruptionBudget")
    assert f"utah={name}:8443" in after.settings("gateway")["planes"]
    assert after.settings("gateway")["homes"] == ["US-UT=utah"]
    both = _ready(standing, "vector-search")
    assert len(both) == 2
    assert old < {pod["metadata"]["uid"] for pod in both}
    standing.upgrade({})
    removed = _state(standing)
    left = {key for key in removed.objects if "utah" in key[1]}
    assert left == {("PersistentVolumeClaim", f"{name}-keys")}
    assert len(_ready(standing, "vector-search")) == 1
    standing.cluster.kubectl("delete", "pvc", f"{name}-keys", "-n", standing.namespace)


def test_another_secret(standing: Release, before: State) -> None:
    """R-44: a pod that has a secret by its name starts again with the other one."""
    standing.upgrade({"gateway": {"databaseSecret": "casework-2027"}})
    after = _state(standing)
    assert after.changed(before) == {("Deployment", f"{NAME}-gateway")}
    assert "casework-2027" in json.dumps(after.container("gateway")["env"])
    (pod,) = _ready(standing, "gateway")
    assert "casework-2027" in json.dumps(pod["spec"])


def test_another_setting(standing: Release, before: State) -> None:
    """R-44: a process reads its settings when it starts: so it starts again."""
    old = {pod["metadata"]["uid"] for pod in _ready(standing, "gateway")}
    standing.upgrade({"gateway": {"settings": {"admission": 7}}})
    after = _state(standing)
    assert after.settings("gateway")["admission"] == 7
    assert after.changed(before) == {
        ("ConfigMap", f"{NAME}-gateway"),
        ("Deployment", f"{NAME}-gateway"),
    }
    assert not old & {pod["metadata"]["uid"] for pod in _ready(standing, "gateway")}


def test_monitoring_on(standing: Release, before: State) -> None:
    """R-44: monitors, rules and dashboards come, and no pod starts again."""
    on = {"enabled": True}
    uids = {pod["metadata"]["uid"] for pod in standing.serving()}
    standing.upgrade({"monitoring": {"serviceMonitors": on, "rules": on, "dashboards": on}})
    after = _state(standing)
    assert after.named("ServiceMonitor") == after.named("Deployment")
    assert len(after.named("PrometheusRule")) == 1
    assert {name for name in after.named("ConfigMap") if "dashboard" in name}
    assert {pod["metadata"]["uid"] for pod in standing.serving()} == uids


def test_autoscaling_on(standing: Release, before: State) -> None:
    """R-44: an autoscaler takes over the number of replicas, from the least it may have."""
    scaled = {"enabled": True, "minReplicas": 2, "maxReplicas": 5}
    standing.upgrade({"embedding": {"autoscaling": scaled}})
    after = _state(standing)
    assert after.named("HorizontalPodAutoscaler") == {f"{NAME}-embedding"}
    wait = ("wait", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=60s")
    standing.cluster.kubectl(*wait, f"deployment/{NAME}-embedding", "-n", standing.namespace)
    standing.upgrade({"embedding": {"autoscaling": scaled}, "gateway": {"replicas": 2}})
    assert len(_ready(standing, "embedding")) == 2, "an upgrade undid what was scaled"
    # Rolled back, Helm says how many and then takes the autoscaler away, which may have had its say
    # in between; here it goes first, so that there is one outcome.
    standing.cluster.kubectl("delete", "hpa", f"{NAME}-embedding", "-n", standing.namespace)


def test_a_way_in(standing: Release, before: State) -> None:
    """R-44: an Ingress for the name that clients call."""
    standing.upgrade({"ingress": {"enabled": True, "host": "onrecord.example.org"}})
    (one,) = standing.all_of("ingresses")
    assert [rule["host"] for rule in one["spec"]["rules"]] == ["onrecord.example.org"]
    assert one["spec"]["tls"][0]["hosts"] == ["onrecord.example.org"]


def test_rolling_leaves_nobody_out(standing: Release, before: State) -> None:
    """R-44: the new pod is ready before the old one goes, of every service; but of a plane whose
    keys lie on a volume for one node, which the old pod has to leave first.
    """
    for name in ("gateway", "detection", "embedding", "audit", "vector-search-main"):
        rolling = before.deployment(name)["strategy"]["rollingUpdate"]
        alone = name == "vector-search-main"
        assert rolling == {"maxUnavailable": int(alone), "maxSurge": int(not alone)}
        pod = before.deployment(name)["template"]["spec"]
        settings = before.settings(name)
        needed = settings["stop_seconds"] + settings["unready_seconds"]
        assert pod["terminationGracePeriodSeconds"] > needed


def test_what_uninstalling_leaves(cluster: KubernetesServer, namespace: str) -> None:
    """R-44: the keys of galleries, without which no portrait opens any more; for a day, what
    preflight said; and nothing else.
    """
    release = Release(cluster, namespace, values("small"), "small")
    release.install()
    release.uninstall()
    serving = ("-l", "onrecord.org/role=service", "--timeout=60s")
    cluster.kubectl("wait", "--for=delete", "pods", *serving, "-n", namespace)
    left = _state(release).objects.keys()
    assert left == {("PersistentVolumeClaim", f"{NAME}-vector-search-main-keys")}
    jobs = release.all_of("jobs")
    assert all(one["metadata"]["name"].endswith("-preflight") for one in jobs)
    assert {one["spec"]["ttlSecondsAfterFinished"] for one in jobs} <= {86_400}
    others = release.all_of("secrets,pods,replicasets,endpointslices,roles,rolebindings")
    assert [one for one in others if component(one) and not _preflights(one)] == []
    assert [one["metadata"]["name"] for one in others if one["kind"] == "Secret"] == []


def _preflights(one: Mapping[str, Any]) -> bool:
    return str(one["metadata"]["labels"].get("onrecord.org/role")) == "preflight"


def _state(release: Release) -> State:
    made_by_the_cluster = {"default", "kube-root-ca.crt"}
    return State(
        {
            (one["kind"], one["metadata"]["name"]): {
                name: value
                for name, value in one.items()
                if name not in ("metadata", "status", "apiVersion", "kind")
            }
            | {"labels": one["metadata"].get("labels", {})}
            for one in release.all_of(_KINDS)
            if one["metadata"]["name"] not in made_by_the_cluster
        }
    )


def _ready(release: Release, name: str) -> list[Mapping[str, Any]]:
    return [pod for pod in release.serving() if component(pod) == name and is_ready(pod)]
