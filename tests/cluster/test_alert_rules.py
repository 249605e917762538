"""R-43: Prometheus' own tool takes the rules, and shows each to fire and not to fire."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.alerts.rules import RULES, alerts, written
from deploy.local.parts.prometheus import Prometheus
from deploy.local.tools import folder_of

_ROOT = Path(__file__).resolve().parents[2]
_TOOLS = Path(os.environ.get("ONRECORD_CACHE", _ROOT / ".cache")).resolve() / "tools"
_TESTS = sorted((_ROOT / "deploy" / "alerts" / "tests").glob("*.yaml"))


@pytest.fixture(scope="session")
def promtool() -> Path:
    part = Prometheus()
    part.install(_TOOLS, print)
    return folder_of(_TOOLS, part.name, part.version) / "root" / "usr" / "bin" / "promtool"


def run(promtool: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([str(promtool), *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_rules_are_taken_without_a_word_of_doubt(promtool: Path) -> None:
    status, said = run(promtool, "check", "rules", "--lint-fatal", str(RULES))
    assert status == 0, said


@pytest.mark.parametrize("path", _TESTS, ids=lambda one: one.stem)
def test_rules_fire_and_do_not_fire(promtool: Path, path: Path) -> None:
    status, said = run(promtool, "test", "rules", str(path))
    assert status == 0, said


@pytest.mark.parametrize("path", _TESTS, ids=lambda one: one.stem)
@pytest.mark.parametrize(("expr", "told"), [("vector(0) > 1", "exp"), ("vector(1)", "got")])
def test_a_rule_that_never_fires_and_one_that_always_does_are_noticed(
    promtool: Path, tmp_path: Path, path: Path, expr: str, told: str
) -> None:
    """So that the tests above can fail: of each alert that they are about, all at once."""
    cases = yaml.safe_load(path.read_text("utf-8")) | {"rule_files": [str(tmp_path / "rules.yaml")]}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases), "utf-8")
    rules = yaml.safe_load(written())
    for group in rules["groups"]:
        broken = [one | {"expr": expr, "for": "0s"} for one in group["rules"] if "alert" in one]
        group["rules"] = broken
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules), "utf-8")
    status, said = run(promtool, "test", "rules", str(tmp_path / "cases.yaml"))
    assert status == 1
    lines = [one for one in said.splitlines() if one.lstrip().startswith(f"{told}: ")]
    noticed = re.findall(r'alertname="(\w+)"', "\n".join(lines))
    about = re.findall(r'ALERTS\{.*?alertname="(\w+)", alertstate', path.read_text("utf-8"))
    assert set(about) <= set(noticed)


@pytest.mark.parametrize("path", _TESTS, ids=lambda one: one.stem)
def test_what_is_said_at_night_is_said_in_full(promtool: Path, tmp_path: Path, path: Path) -> None:
    """Every template expands: each firing case is asked for its words, and promtool tells them."""
    cases = yaml.safe_load(path.read_text("utf-8"))
    asked = [case for one in cases["tests"] if (case := _asking(one)) is not None]
    cases |= {"rule_files": [str(RULES)], "tests": asked}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases), "utf-8")
    _, said = run(promtool, "test", "rules", str(tmp_path / "cases.yaml"))
    told = re.findall(r"Annotations:\{(.*)\}", said)
    told = [one for one in told if "summary=" in one]
    names = {rule["alertname"] for one in asked for rule in one["alert_rule_test"]}
    assert len(told) >= len(names), said
    for one in told:
        assert "error expanding" not in one, one
        assert "no value" not in one, one
        assert "{{" not in one, one
        assert re.search(r'runbook_url="[^"#]+#onrecord\w+"', one), one


def _asking(test: dict[str, Any]) -> dict[str, Any] | None:
    """The same, asked for alerts that fire: nothing is expected, so promtool says what it got."""
    known = {one.name for one in alerts()}
    wanted = [
        {"eval_time": one["eval_time"], "alertname": name, "exp_alerts": []}
        for one in test["promql_expr_test"]
        for name in sorted(
            {
                re.findall(r'alertname="(\w+)"', sample["labels"])[0]
                for sample in one["exp_samples"]
                if sample["labels"].startswith("ALERTS")
            }
            & known
        )
    ]
    if not wanted:
        return None
    rest = {key: value for key, value in test.items() if key != "promql_expr_test"}
    return {**rest, "alert_rule_test": wanted}
