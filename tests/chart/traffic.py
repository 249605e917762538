"""What NetworkPolicies, as a server holds them, let through: worked out as their API defines it."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod, in its namespace, with its address; without a namespace: outside the cluster."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    namespace_labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    address: str = ""


@dataclass(frozen=True, slots=True)
class Policies:
    """NetworkPolicy objects."""

    objects: Sequence[Mapping[str, Any]]

    def lets_through(self, source: Endpoint, target: Endpoint, port: int) -> bool:
        """Whether a TCP connection may be opened. A named port matches no number.

        A pod that no policy selects in a direction is open in that direction.
        """
        return self._leaves(source, target, port) and self._enters(source, target, port)

    def isolated(self, pod: Endpoint, direction: str) -> bool:
        """Whether any policy selects it for `Ingress` or `Egress`."""
        return any(True for _ in self._of(pod, direction))

    def _leaves(self, source: Endpoint, target: Endpoint, port: int) -> bool:
        if not self.isolated(source, "Egress"):
            return True
        return any(
            _rule_matches(rule, "to", policy, target, port)
            for policy in self._of(source, "Egress")
            for rule in policy["spec"].get("egress", ())
        )

    def _enters(self, source: Endpoint, target: Endpoint, port: int) -> bool:
        if not self.isolated(target, "Ingress"):
            return True
        return any(
            _rule_matches(rule, "from", policy, source, port)
            for policy in self._of(target, "Ingress")
            for rule in policy["spec"].get("ingress", ())
        )

    def _of(self, pod: Endpoint, direction: str) -> Sequence[Mapping[str, Any]]:
        return [
            one
            for one in self.objects
            if pod.namespace == one["metadata"]["namespace"]
            and selects(one["spec"]["podSelector"], pod.labels)
            and direction in one["spec"]["policyTypes"]
        ]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches; an empty one matches everything."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        _expression(one, labels) for one in selector.get("matchExpressions") or ()
    )


def _expression(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    name, values = one["key"], one.get("values", ())
    match one["operator"]:
        case "In":
            return labels.get(name) in values
        case "NotIn":
            return labels.get(name) not in values
        case "Exists":
            return name in labels
        case "DoesNotExist":
            return name not in labels
        case unknown:
            raise AssertionError(f"no such operator: {unknown}")


def _rule_matches(
    rule: Mapping[str, Any], side: str, policy: Mapping[str, Any], other: Endpoint, port: int
) -> bool:
    peers, ports = rule.get(side), rule.get("ports")
    home = policy["metadata"]["namespace"]
    return (not peers or any(_is_peer(peer, home, other) for peer in peers)) and (
        not ports or any(_is_port(one, port) for one in ports)
    )


def _is_peer(peer: Mapping[str, Any], home: str, other: Endpoint) -> bool:
    if block := peer.get("ipBlock"):
        if not other.address:
            return False
        address = ipaddress.ip_address(other.address)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(one) for one in block.get("except", ())
        )
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], other.namespace_labels):
            return False
    elif other.namespace != home:
        return False
    return selects(peer.get("podSelector", {}), other.labels)


def _is_port(allowed: Mapping[str, Any], port: int) -> bool:
    if allowed.get("protocol", "TCP") != "TCP":
        return False
    if "port" not in allowed:
        return True
    first = allowed["port"]
    if not isinstance(first, int):
        return False
    return first <= port <= int(allowed.get("endPort", first))
