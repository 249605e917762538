"""What a platform team gives a release: values, and the objects it brings by their names."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.chart.traffic import Endpoint

PLANES: Final[Mapping[str, Sequence[str]]] = {
    "small": ("main",),
    "national": ("others", "utah", "maryland"),
    "gpu": ("main",),
}
"""The planes that each profile names."""

PORTS: Final[Mapping[str, int]] = {
    "kafka": 9093,
    "postgresql": 5432,
    "milvus": 19530,
    "objects": 9000,
    "identity": 8443,
    "witnesses": 443,
    "collector": 4317,
}
_NAME: Final = "kubernetes.io/metadata.name"


def values(profile: str) -> dict[str, Any]:
    """For a release of a profile: everything that it speaks to lies in a namespace of its own."""
    return {
        "bus": {"address": "kafka://bootstrap.kafka:9093", "tls": True},
        "identity": {"issuer": "https://identity.example.org/realms/onrecord"},
        "objects": {"endpoint": "https://store.objects:9000"},
        "certificates": {"issuerRef": {"name": "onrecord", "kind": "Issuer"}},
        "telemetry": {"otlpEndpoint": "http://collector.collector:4317"},
        "planes": {name: {"milvus": f"http://{name}.milvus:19530"} for name in PLANES[profile]},
        "network": {
            "peers": {
                "ingress": {"from": [_namespace("ingress")]},
                "monitoring": {"from": [_namespace("monitoring")]},
                **{
                    name: {"ports": [port], "to": [_namespace(name)]}
                    for name, port in PORTS.items()
                },
            }
        },
    }


def outside(name: str) -> Endpoint:
    """A pod of what a release speaks to, or is spoken to by."""
    return Endpoint(namespace=name, labels={"app": name}, namespace_labels={_NAME: name})


def _namespace(name: str) -> Mapping[str, Any]:
    return {"namespaceSelector": {"matchLabels": {_NAME: name}}}
