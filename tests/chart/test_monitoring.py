"""R-43, R-44: what Prometheus and Grafana are given, by the labels that dashboards ask for."""

import json
from typing import Any

import pytest
import yaml

from tests.chart.rendering import Manifest, given, of_kind, template
from tests.monitoring.reading import FOLDER, RULES

_ON = {"enabled": True}
WATCHED = {"monitoring": {"serviceMonitors": _ON, "rules": _ON, "dashboards": _ON}}
_JOBS = {"gateway", "detection", "embedding", "audit", "vector-search"}


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    """The GPU profile, which has Triton."""
    return template("gpu", given("gpu", WATCHED))


def test_every_component_is_scraped_under_its_own_name(manifests: list[Manifest]) -> None:
    """The job is the component, a plane has its name, and `service` is left to our metrics: the
    target's label of that name would push ours aside.
    """
    jobs, planes = set(), set()
    for monitor in of_kind(manifests, "ServiceMonitor"):
        spec = monitor["spec"]
        assert spec["jobLabel"] == "app.kubernetes.io/component"
        (service,) = _selected(manifests, spec["selector"]["matchLabels"])
        labels = service["metadata"]["labels"]
        jobs.add(labels[spec["jobLabel"]])
        (endpoint,) = spec["endpoints"]
        assert endpoint["port"] in {one["name"] for one in service["spec"]["ports"]}
        relabelled = endpoint["relabelings"]
        assert {"action": "labeldrop", "regex": "service"} in relabelled
        if labels[spec["jobLabel"]] == "vector-search":
            source = "__meta_kubernetes_service_label_onrecord_org_plane"
            assert {"sourceLabels": [source], "targetLabel": "plane"} in relabelled
            planes.add(labels["onrecord.org/plane"])
    assert jobs == _JOBS | {"triton"}
    assert planes == {"main"}


def test_dashboards_and_rules_come_as_they_are(manifests: list[Manifest]) -> None:
    """Their own `{{...}}` is Grafana's and Prometheus', not helm's."""
    shipped: dict[str, Any] = {}
    for one in of_kind(manifests, "ConfigMap"):
        shipped |= {name: text for name, text in one["data"].items() if name.endswith(".json")}
    assert {name: json.loads(text) for name, text in shipped.items()} == {
        path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")
    }
    (rules,) = of_kind(manifests, "PrometheusRule")
    (path,) = RULES.glob("*.yaml")
    assert rules["spec"] == yaml.safe_load(path.read_text("utf-8"))


def _selected(manifests: list[Manifest], labels: dict[str, str]) -> list[Manifest]:
    return [
        one
        for one in of_kind(manifests, "Service")
        if labels.items() <= one["metadata"]["labels"].items()
    ]
