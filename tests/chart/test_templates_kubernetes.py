"""R-44: what the chart makes is what Kubernetes takes, from 1.29 to 1.37, in every form it has."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.chart.releases import PROFILES
from tests.chart.rendering import (
    assert_bounded,
    assert_unprivileged,
    containers,
    given,
    of_kind,
    pods,
    template,
)
from tests.chart.schemas import UnknownFieldError, validate

_VERSIONS: Final = tuple(f"1.{minor}" for minor in range(29, 38))
_PEER: Final = {"ipBlock": {"cidr": "10.0.0.0/8"}}
_WITNESS: Final = "witness.example+3c48f23d+BNfmFj7CU9NAXGQjyhSzeydXVJicXgXQTdEp5UWbo3ha"
EVERYTHING: Final[Mapping[str, Any]] = {
    "bus": {"tls": True, "user": "onrecord", "clientCertificate": True},
    "identity": {"rootsConfigMap": "provider"},
    "inference": {"tlsSecret": "triton-tls"},
    "image": {"pullSecrets": ["registry"], "digests": {"audit": "sha256:" + "0" * 64}},
    "defaults": {
        "autoscaling": {"enabled": True, "memory": 80},
        "priorityClassName": "important",
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "faces", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podLabels": {"team": "faces"},
        "podAnnotations": {"note": "one"},
        "serviceAccountAnnotations": {"role": "faces"},
    },
    "vectorSearch": {
        "milvusSecret": "milvus",
        "keys": {"storageClassName": "fast", "accessMode": "ReadWriteMany"},
    },
    "ledger": {"witnesses": [f"{_WITNESS} https://witness.example/"]},
    "remotePlanes": {"nevada": {"address": "plane.nevada.example:8443", "galleries": ["US-NV"]}},
    "triton": {"enabled": True, "gpus": 2, "autoscaling": {"enabled": True}},
    "keda": {"enabled": True, "prometheusAddress": "http://prometheus:9090"},
    "setup": {"buckets": True},
    "ingress": {"enabled": True, "host": "faces.example", "className": "nginx"},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gate"}], "hostnames": ["f.example"]},
    "network": {"peers": {"remote": {"from": [_PEER]}}},
    "monitoring": {
        "serviceMonitors": {"enabled": True, "labels": {"release": "p"}},
        "rules": {"enabled": True},
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "OnRecord"}},
    },
}
"""Every part of the chart that can be switched on."""


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("profile", PROFILES)
def test_each_version_of_kubernetes_takes_it(profile: str, version: str) -> None:
    """R-44: by that version's own schema, in which no unknown field is let through."""
    for changed in ({}, EVERYTHING):
        for one in template(profile, given(profile, changed)):
            if "." not in one["apiVersion"].partition("/")[0] or "k8s.io" in one["apiVersion"]:
                if one["kind"] == "HTTPRoute":
                    continue  # the Gateway API's own; the API server of the tests knows it
                validate(one, version)


@pytest.mark.parametrize("version", _VERSIONS)
def test_each_version_of_kubernetes_refuses_a_field_that_is_unknown(version: str) -> None:
    """The test above can fail, in the depth of a pod too."""
    (one, *_) = of_kind(template("small", given("small")), "Deployment")
    worse = json.loads(json.dumps(one))
    worse["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["httpGett"] = {}
    with pytest.raises(UnknownFieldError, match="httpGett"):
        validate(worse, version)


def test_the_whole_has_every_kind_of_object() -> None:
    """The test above would be empty for what is never made."""
    kinds = {one["kind"] for one in template("gpu", given("gpu", EVERYTHING))}
    assert kinds >= {
        "Deployment", "Service", "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Job",
        "PodDisruptionBudget", "NetworkPolicy", "Ingress", "HTTPRoute", "Certificate",
        "ServiceMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication",
        "HorizontalPodAutoscaler",
    }  # fmt: skip


@pytest.mark.parametrize("changed", [{}, EVERYTHING])
@pytest.mark.parametrize("profile", PROFILES)
def test_no_container_without_limits_probes_and_security(
    profile: str, changed: Mapping[str, Any]
) -> None:
    """R-44: bounded, watched, not root, nothing writable but what is mounted, no capability."""
    manifests = template(profile, given(profile, changed))
    for name, pod in pods(manifests):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False  # else ONRECORD_GATEWAY_PORT would be a setting
        assert spec["securityContext"]["runAsNonRoot"] is True
        for one in containers(pod):
            at = f"{name}/{one['name']}"
            assert_bounded(at, one)
            assert_unprivileged(at, one)
            mounted = {volume["name"] for volume in spec["volumes"]}
            assert {mount["name"] for mount in one["volumeMounts"]} <= mounted, at
        for volume in spec["volumes"]:
            assert "hostPath" not in volume
            if "emptyDir" in volume:
                assert "sizeLimit" in volume["emptyDir"], (name, volume["name"])
    for one in of_kind(manifests, "Deployment"):
        for container in one["spec"]["template"]["spec"]["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


@pytest.mark.parametrize("profile", PROFILES)
def test_nobody_may_do_anything_with_the_api(profile: str) -> None:
    """R-44: there is no role and no binding, since no pod speaks to the API server."""
    manifests = template(profile, given(profile, EVERYTHING))
    assert not of_kind(
        manifests, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Secret", "Pod"
    )


def test_secrets_are_references() -> None:
    """R-44: nothing that a Secret holds stands in a manifest."""
    for name, pod in pods(template("gpu", given("gpu", EVERYTHING))):
        for one in containers(pod):
            for variable in one.get("env", ()):
                secret = any(
                    word in variable["name"]
                    for word in ("PASSWORD", "URL", "TOKEN", "SECRET", "ACCESS_KEY")
                )
                assert not secret or "secretKeyRef" in variable["valueFrom"], (name, variable)
