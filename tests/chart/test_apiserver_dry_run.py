"""R-44: what the chart makes is what the server knows: no unknown field, no warning."""

import json

import pytest

from deploy.kubernetes.server import CommandError, KubernetesServer
from tests.chart.given import values
from tests.chart.releases import PROFILES, Release, merged

_ASKED = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
# Kubernetes 1.34 says so of every headless Service: it looks after it has set its own default.
_OF_ALL = "Warning: spec.SessionAffinity is ignored for headless services"
EVERYTHING = {
    "defaults": {"autoscaling": {"enabled": True, "memory": 80}},
    "vectorSearch": {"keys": {"accessMode": "ReadWriteMany"}},
    "bus": {"user": "onrecord", "tls": True, "clientCertificate": True},
    "identity": {"rootsConfigMap": "identity-roots"},
    "ledger": {"witnesses": ["https://witness.example.org"], "witnessQuorum": 1},
    "triton": {"enabled": True, "gpus": 0, "autoscaling": {"enabled": True}},
    "inference": {"tlsSecret": "triton-tls"},
    "keda": {"enabled": True, "prometheusAddress": "http://prometheus.monitoring:9090"},
    "ingress": {"enabled": True, "host": "onrecord.example.org", "className": "nginx"},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "ingress"}]},
    "setup": {"buckets": True},
    "monitoring": {
        "serviceMonitors": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True},
        "dashboards": {"enabled": True},
    },
}
"""Whatever can be switched on."""


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("on", ["as it is", "everything"])
def test_a_dry_run_is_clean(
    cluster: KubernetesServer, namespace: str, profile: str, on: str
) -> None:
    """R-44: on the server, strictly, with the warnings that people overlook."""
    given = values(profile)
    release = Release(
        cluster, namespace, merged(given, EVERYTHING) if on == "everything" else given, profile
    )
    text = release.rendered()
    asked = (*_ASKED, "-n", namespace)
    assert set(cluster.warnings(*asked, given=text)) <= {_OF_ALL}
    if on == "everything":
        kinds = {line.split()[1] for line in text.splitlines() if line.startswith("kind:")}
        assert kinds >= {
            "Certificate",
            "HorizontalPodAutoscaler",
            "HTTPRoute",
            "Ingress",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "PrometheusRule",
            "ScaledObject",
            "ServiceMonitor",
            "TriggerAuthentication",
        }


@pytest.mark.parametrize("kind", ["Deployment", "ServiceMonitor", "ScaledObject", "Certificate"])
def test_the_server_would_refuse_a_field_that_is_unknown(
    cluster: KubernetesServer, namespace: str, kind: str
) -> None:
    """R-44: the check above can fail, on Kubernetes' own objects and on those of others."""
    release = Release(cluster, namespace, merged(values("gpu"), EVERYTHING), "gpu")
    asked = ("create", "--dry-run=client", "-o", "json", "-n", namespace, "-f", "-")
    rendered = json.loads(f"[{_comma(cluster.kubectl(*asked, given=release.rendered()))}]")
    one = next(found for found in rendered if found["kind"] == kind)
    one["spec"]["replicaz"] = 3
    with pytest.raises(CommandError, match="unknown field"):
        cluster.kubectl(*_ASKED, "-n", namespace, given=json.dumps(one))


def _comma(objects: str) -> str:
    return objects.replace("\n}\n{", "\n},\n{")
