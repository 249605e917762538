"""R-44: the NetworkPolicies that the API server holds are the arrows of docs/architecture.md."""

from collections.abc import Mapping
from typing import Any

from tests.architecture.arrows import arrows
from tests.chart.given import PORTS, outside
from tests.chart.releases import Release, component, endpoint
from tests.chart.traffic import Endpoint, Policies

_GRPC, _HTTP, _HEALTH = 8443, 8420, 8081
_TRITON_GRPC, _TRITON_METRICS = 8001, 8002
_SERVED: Mapping[str, tuple[int, ...]] = {"gateway": (_HTTP,), "triton": (_TRITON_GRPC,)}
_METRICS: Mapping[str, int] = {"triton": _TRITON_METRICS}
_STRANGER = Endpoint(
    namespace="elsewhere", labels={}, namespace_labels={"kubernetes.io/metadata.name": "elsewhere"}
)
_WORLD = Endpoint(address="203.0.113.7")


def test_every_pod_is_closed_but_for_what_is_said(release: Release) -> None:
    """R-44: in both directions, jobs included."""
    policies, pods = _policies(release), release.all_of("pods")
    assert pods
    for pod in pods:
        for direction in ("Ingress", "Egress"):
            assert policies.isolated(endpoint(pod), direction), pod["metadata"]["name"]


def test_between_pods_they_are_the_arrows(release: Release) -> None:
    """R-44: of every component to every other, at the port where it is called."""
    policies = _policies(release)
    pods = {(component(pod), _plane(pod)): endpoint(pod) for pod in release.serving()}
    drawn, held = set(), set()
    for who, source in pods.items():
        for whom, target in pods.items():
            if whom[0] in arrows().get(who[0], ()):
                drawn.add((who, whom))
            if any(
                policies.lets_through(source, target, port)
                for port in _SERVED.get(whom[0], (_GRPC,))
            ):
                held.add((who, whom))
    assert held == drawn


def test_no_pod_reaches_a_port_of_another_that_is_not_called(release: Release) -> None:
    """R-44: not even where there is an arrow: metrics are for monitoring alone."""
    policies = _policies(release)
    pods = {component(pod): endpoint(pod) for pod in release.serving()}
    for source in pods.values():
        for name, target in pods.items():
            called = _SERVED.get(name, (_GRPC,))
            for port in {_GRPC, _HTTP, _HEALTH, _TRITON_GRPC, _TRITON_METRICS, 22} - set(called):
                assert not policies.lets_through(source, target, port), (name, port)


def test_to_what_is_outside_they_are_the_arrows(release: Release) -> None:
    """R-44: brokers, databases, objects and the rest, at their own ports and no other."""
    policies = _policies(release)
    outsiders = set(PORTS) - {"collector"}
    for pod in release.serving():
        who = component(pod)
        held = {
            name
            for name in outsiders
            if policies.lets_through(endpoint(pod), outside(name), PORTS[name])
        }
        # Witnesses are spoken to where there are some.
        assert held | {"witnesses"} & arrows()[who] == arrows()[who] & outsiders, who
        assert not [
            name for name in outsiders if policies.lets_through(endpoint(pod), outside(name), 22)
        ]


def test_into_the_release_they_are_the_arrows(release: Release) -> None:
    """R-44: the ingress reaches the gateway, monitoring everybody's metrics; a stranger nothing."""
    policies = _policies(release)
    ingress, monitoring = outside("ingress"), outside("monitoring")
    serving = {pod["metadata"]["uid"] for pod in release.serving()}
    for pod in release.all_of("pods"):
        target, who = endpoint(pod), component(pod)
        serves = pod["metadata"]["uid"] in serving
        for port in (_GRPC, _HTTP, _HEALTH, _TRITON_GRPC, _TRITON_METRICS):
            from_ingress = who == "gateway" and serves and port == _HTTP
            assert policies.lets_through(ingress, target, port) == from_ingress, (who, port)
            scraped = serves and port == _METRICS.get(who, _HEALTH)
            assert policies.lets_through(monitoring, target, port) == scraped, (who, port)
            for nobody in (_STRANGER, _WORLD):
                assert not policies.lets_through(nobody, target, port), (who, port)


def test_nobody_speaks_to_the_world(release: Release) -> None:
    """R-44: not by the ports that the outside uses, neither; names are asked of DNS alone."""
    policies = _policies(release)
    for pod in release.all_of("pods"):
        for port in {*PORTS.values(), 80, 443}:
            for anybody in (_STRANGER, _WORLD):
                assert not policies.lets_through(endpoint(pod), anybody, port), (
                    pod["metadata"]["name"],
                    port,
                )


def _policies(release: Release) -> Policies:
    found: list[Mapping[str, Any]] = list(release.all_of("networkpolicies"))
    assert found
    return Policies(found)


def _plane(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"]["labels"].get("onrecord.org/plane", ""))
