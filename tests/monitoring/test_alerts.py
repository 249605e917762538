"""R-43: alerts that are whole: current, on metrics that exist, each with tests and a runbook.

What takes `promtool` is in `tests/cluster/test_alert_rules.py`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.alerts.rule import Alert, Record
from deploy.alerts.rules import RULES, alerts, groups, shortened, written
from onrecord.chassis.telemetry import Histogram
from onrecord.chassis.telemetry.instruments import Instrument
from onrecord.cli.metrics import meters_of
from onrecord.kernel.vocabulary import Service

TESTS = sorted((RULES.parents[5] / "deploy/alerts/tests").glob("*.yaml"))
RULES_OF_ALL = [rule for group in groups() for rule in group.rules]
OURS: dict[str, Instrument] = {
    one.name: one for meter in meters_of(tuple(Service)) for one in meter.instruments
}
TARGET_LABELS = {"namespace", "pod", "job", "plane"}
OTHERS = {
    "up": TARGET_LABELS,
    "kubelet_volume_stats_available_bytes": {"namespace", "persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"namespace", "persistentvolumeclaim"},
}
"""Metrics that are not ours, with the labels that are theirs."""
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_BY = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def selected(expr: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every series that an expression names, with what its labels must say."""
    for found in re.finditer(r"[a-zA-Z_:][\w:]*", _without_strings(expr)):
        name = found.group()
        if not name.startswith(("onrecord", "kubelet_")) and name != "up":
            continue
        rest = expr[found.end() :]
        matchers = {}
        if rest.startswith("{"):
            matchers = {one[0]: one[2] for one in _MATCHER.findall(_braced(rest))}
        yield name, matchers


def _without_strings(expr: str) -> str:
    return re.sub(r'"[^"]*"', lambda found: '"' + "." * (len(found.group()) - 2) + '"', expr)


def _braced(text: str) -> str:
    return text[: _without_strings(text).index("}") + 1]


def histogram_of(name: str) -> Histogram | None:
    """The histogram that a series with this name is part of."""
    for suffix in ("_bucket", "_count", "_sum"):
        one = OURS.get(name.removesuffix(suffix))
        if name.endswith(suffix) and isinstance(one, Histogram):
            return one
    return None


@pytest.mark.parametrize("rule", RULES_OF_ALL, ids=lambda rule: rule.name)
def test_expressions_are_about_series_that_are_told(rule: Alert | Record) -> None:
    """By their names, their labels, and the values that those labels can have."""
    recorded = {one.name for one in RULES_OF_ALL if isinstance(one, Record)}
    known: set[str] = set(TARGET_LABELS)
    for name, matchers in selected(rule.expr):
        if name in recorded:
            continue
        if name in OTHERS:
            known |= OTHERS[name]
            assert matchers.keys() <= OTHERS[name], name
            continue
        one = histogram_of(name) or OURS.get(name)
        assert one is not None, f"nothing tells {name}"
        labels = {label.name: label for label in one.labels}
        known |= labels.keys()
        for label, said in matchers.items():
            if label == "le":
                assert isinstance(one, Histogram), name
                assert float(said) in one.buckets, (name, said)
                continue
            assert label in labels.keys() | TARGET_LABELS, (name, label)
            declared = labels[label].values if label in labels else None
            if declared is not None:
                assert set(said.split("|")) <= set(declared), (name, said)
    for listed in _BY.findall(rule.expr):
        assert set(re.split(r",\s*", listed)) <= known, listed


def test_the_rule_file_is_current() -> None:
    assert RULES.read_text("utf-8") == written(), "run `make alerts`"


def test_rules_that_are_evaluated_together_use_what_was_recorded_before() -> None:
    """Prometheus evaluates a group in its order."""
    seen: set[str] = set()
    for rule in RULES_OF_ALL:
        used = {name for name, _ in selected(rule.expr) if ":" in name}
        assert used <= seen, rule.name
        seen |= {rule.name} if isinstance(rule, Record) else set()


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one.name)
def test_a_sleepy_person_reads_one_sentence_and_knows_what_is_wrong(alert: Alert) -> None:
    assert len(alert.summary) <= 115, alert.summary
    assert not alert.summary.endswith("."), "a headline"
    assert "onrecord_" not in alert.summary, "a metric's name says nothing at night"
    assert alert.summary != alert.description
    assert len(alert.description) <= 420
    assert re.fullmatch(r"\d+[smhd]", alert.lasts)


def test_rules_of_one_name_are_told_apart() -> None:
    said = [(one.name, one.severity, tuple(sorted(one.labels.items()))) for one in alerts()]
    assert len(said) == len(set(said))


class Shown:
    """What the promtool tests show of every rule."""

    def __init__(self) -> None:
        self.fires: set[tuple[str, ...]] = set()
        self.rests: set[tuple[str, ...]] = set()
        self.labels: dict[str, set[str]] = {}
        for path in TESTS:
            for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
                for asked in test.get("promql_expr_test", []):
                    self._look(asked)

    def _look(self, asked: dict[str, Any]) -> None:
        found = re.match(r"ALERTS\{(.*)\}$", asked["expr"])
        if found is None:
            return
        wanted = {one[0]: (one[1], one[2]) for one in _MATCHER.findall(found.group(1))}
        firing = set()
        for sample in asked["exp_samples"]:
            labels = {one[0]: one[2] for one in _MATCHER.findall(sample["labels"])}
            assert labels["alertstate"] == "firing"
            firing.add(_rule_of(labels))
            self.labels.setdefault(labels["alertname"], set()).update(labels)
        self.fires |= firing
        for one in alerts():
            said = {"alertname": one.name, **_said(one)}
            about = {name: at for name, at in wanted.items() if name != "alertstate"}
            if all(_fits(*at, said.get(name, "")) for name, at in about.items()):
                self.rests |= {_rule_of(said)} - firing


def _said(one: Alert) -> dict[str, str]:
    return {"severity": one.severity.value, **one.labels}


def _rule_of(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in ("alertname", "severity", "cause", "window"))


def _fits(how: str, pattern: str, value: str) -> bool:
    return (value == pattern) if how == "=" else re.fullmatch(pattern, value) is not None


@pytest.fixture(scope="module")
def shown() -> Shown:
    return Shown()


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: f"{one.name}{one.labels or ''}")
def test_every_alert_is_shown_to_fire_and_not_to_fire(alert: Alert, shown: Shown) -> None:
    rule = _rule_of({"alertname": alert.name, **_said(alert)})
    assert rule in shown.fires, "no promtool test in deploy/alerts/tests lets it fire"
    assert rule in shown.rests, "no promtool test in deploy/alerts/tests looks and finds it quiet"


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one.name)
def test_what_is_said_of_an_alert_uses_labels_that_it_has(alert: Alert, shown: Shown) -> None:
    used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    assert used <= shown.labels[alert.name]


def test_the_shortened_file_differs_in_waiting_alone() -> None:
    """So that what fires in a test by its cause is what fires in production, only sooner."""
    whole, short = yaml.safe_load(written()), yaml.safe_load(shortened(written()))
    waits = 0
    for group, quick in zip(whole["groups"], short["groups"], strict=True):
        assert quick["interval"] == "1s"
        for rule, soon in zip(group["rules"], quick["rules"], strict=True):
            waits += soon.get("for") == "1s"
            assert {**rule, "for": None} == {**soon, "for": None}
            assert (rule.get("for", "0s") == "0s") == (soon.get("for", "0s") == "0s")
    assert waits > 10


def test_a_folder_of_rules_is_shipped_once() -> None:
    root = Path(__file__).resolve().parents[2]
    found = [one for one in (root / "deploy").rglob("*.yaml") if "onrecord-law" in one.read_text()]
    assert found == [RULES]
