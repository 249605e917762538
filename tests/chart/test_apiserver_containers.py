"""R-44: what runs, as the API server holds it: bounded, watched, unprivileged, and no key in it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from deploy.kubernetes.server import CommandError, KubernetesServer
from tests.architecture.source import ROOT
from tests.chart.apiserver import own_namespace
from tests.chart.releases import NAME, Release, component
from tests.chart.rendering import assert_bounded, assert_unprivileged

_HELM = "helm.sh/release.v1"
_CLUSTER_MAKES = {"kube-root-ca.crt"}


def test_each_has_limits_and_requests(release: Release) -> None:
    """R-44: of processor and memory, jobs and first steps included."""
    for where, one in _containers(release):
        assert_bounded(where, one)


def test_each_that_serves_has_three_probes(release: Release) -> None:
    """R-44: started, alive, ready."""
    lacking = [
        (pod["metadata"]["name"], one["name"], probe)
        for pod in release.serving()
        for one in pod["spec"]["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        if probe not in one
    ]
    assert release.serving()
    assert lacking == []


def test_each_is_unprivileged_with_a_root_that_is_read_only(release: Release) -> None:
    """R-44: more than `restricted` asks for: nobody writes to the root file system either."""
    for where, one in _containers(release):
        assert_unprivileged(where, one)


def test_no_pod_reaches_the_api_server(release: Release) -> None:
    """R-44: an account for each component, none of them with a token, a role or a mounted Secret
    of one.
    """
    accounts = {one["metadata"]["name"]: one for one in release.all_of("serviceaccounts")}
    for pod in release.all_of("pods"):
        spec = pod["spec"]
        name = spec["serviceAccountName"]
        assert name != "default"
        assert spec["automountServiceAccountToken"] is False
        assert accounts[name]["automountServiceAccountToken"] is False
        sources = [
            source
            for one in spec["volumes"]
            for source in one.get("projected", {}).get("sources", ())
        ]
        assert not any("serviceAccountToken" in source for source in sources)
    by_component = {
        (component(pod), pod["metadata"]["labels"].get("onrecord.org/plane"))
        for pod in release.serving()
    }
    assert len({pod["spec"]["serviceAccountName"] for pod in release.serving()}) == len(
        by_component
    )


def test_no_account_may_do_more_than_any_stranger(release: Release) -> None:
    """R-44: RBAC is empty: no role at all, and the server agrees."""
    assert release.all_of("roles,rolebindings") == []
    bound = release.cluster.read("clusterrolebindings")
    assert not [
        one["metadata"]["name"]
        for one in bound
        for subject in one.get("subjects", ())
        if subject.get("namespace") == release.namespace
    ]
    may = "auth", "can-i", "--list", "--no-headers", "-n", release.namespace, "--as"
    accounts = f"system:serviceaccount:{release.namespace}"
    stranger = release.cluster.kubectl(*may, f"{accounts}:nobody-knows-it")
    for one in release.all_of("serviceaccounts"):
        assert release.cluster.kubectl(*may, f"{accounts}:{one['metadata']['name']}") == stranger


def test_no_secret_is_made_and_none_is_written_out(release: Release) -> None:
    """R-44: secrets come by reference. What Helm keeps of the release is not one of ours."""
    assert [one for one in release.all_of("secrets") if one["type"] != _HELM] == []
    secret = {f"ONRECORD_{name}" for name in _secret_settings()}
    for where, one in _containers(release):
        for variable in one.get("env", ()):
            if variable["name"] in secret:
                assert "secretKeyRef" in variable["valueFrom"], (where, variable["name"])
    named = {name.split("_", 1)[1].lower() for name in _secret_settings()}
    for held in release.all_of("configmaps"):
        text = held.get("data", {}).get("settings.toml", "")
        assert not named & set(re.findall(r"^(\w+) =", text, re.MULTILINE))
        assert "PRIVATE KEY" not in json.dumps(held)


def test_a_privileged_variant_is_refused(cluster: KubernetesServer, release: Release) -> None:
    """R-44: the namespace does enforce: the same pod with one thing more is refused by name."""
    pod = next(one for one in release.serving() if component(one) == "gateway")
    spec = {name: pod["spec"][name] for name in ("containers", "volumes", "securityContext")}
    asked = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asked"}, "spec": spec}
    with own_namespace(cluster) as elsewhere:
        asked["metadata"] = {"name": "asked", "namespace": elsewhere}
        cluster.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(asked))
        for change in (
            {"privileged": True, "allowPrivilegeEscalation": True},
            {"runAsNonRoot": False},
            {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}},
        ):
            worse = json.loads(json.dumps(asked))
            worse["spec"]["containers"][0]["securityContext"] |= change
            with pytest.raises(CommandError, match='violates PodSecurity "restricted:latest"'):
                cluster.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(worse))


def test_whatever_a_pod_refers_to_is_made_or_asked_for_by_name(release: Release) -> None:
    """R-44: a Secret or ConfigMap that a pod needs and that the release does not make is in the
    list of what a platform team brings, and nothing stands there for nothing.
    """
    made = {("configmap", one["metadata"]["name"]) for one in release.all_of("configmaps")}
    made |= {("secret", one["spec"]["secretName"]) for one in release.all_of("certificates")}
    needed = {ref for pod in release.all_of("pods") for ref in _references(pod["spec"])}
    assert needed - made == _brought(release)


def _brought(release: Release) -> set[tuple[str, str]]:
    planes = release.given["planes"]
    secrets = ["casework-key", "ledger-signing-key", "objects", "bus"]
    secrets += ["database-gateway", "database-audit"]
    secrets += [f"database-vector-search-{plane}" for plane in planes]
    return {("secret", f"{NAME}-{one}") for one in secrets} | {
        ("configmap", f"{NAME}-ledger-verifier-key")
    }


def _references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes", ()):
        if "secret" in volume:
            yield "secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "configmap", volume["configMap"]["name"]
    for one in [*spec["containers"], *spec.get("initContainers", ())]:
        for variable in one.get("env", ()):
            source = variable.get("valueFrom", {})
            if "secretKeyRef" in source:
                yield "secret", source["secretKeyRef"]["name"]
            if "configMapKeyRef" in source:
                yield "configmap", source["configMapKeyRef"]["name"]
        assert "envFrom" not in one


def _containers(release: Release) -> list[tuple[str, Mapping[str, Any]]]:
    found = [
        (f"{pod['metadata']['name']}/{one['name']}", one)
        for pod in release.all_of("pods")
        for one in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]
    ]
    assert found
    return found


def _secret_settings() -> set[str]:
    """As `GATEWAY_DATABASE_URL`: settings whose kind is `secret`."""
    page = (ROOT / "docs" / "settings.md").read_text()
    found = set(re.findall(r"`ONRECORD_(\w+)` \| secret", page))
    assert "GATEWAY_DATABASE_URL" in found
    return found
