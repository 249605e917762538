"""The rule file as a whole, and as a test needs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from deploy.alerts import objectives
from deploy.alerts.law import LAW
from deploy.alerts.rule import Alert, Group, rule_file
from deploy.alerts.running import BUS, DATA, SERVICES

RULES: Final = Path(__file__).resolve().parents[1] / "helm/onrecord/files/rules/onrecord.yaml"
_FIRST: Final = "Written by `make alerts`; change deploy/alerts instead."


def groups() -> tuple[Group, ...]:
    return (LAW, SERVICES, BUS, DATA, *objectives.groups())


def alerts() -> Sequence[Alert]:
    """Every alert, in the order of the file."""
    return [rule for group in groups() for rule in group.rules if isinstance(rule, Alert)]


def written() -> str:
    return rule_file(groups(), _FIRST)


def shortened(text: str, lasts: str = "1s", interval: str = "1s") -> str:
    """A rule file for a test that makes causes: nothing else is changed than these two.

    Every `for` longer than `lasts` becomes `lasts`, and every group is evaluated each `interval`.
    Expressions, with the windows in them, stay as they are.
    """
    content = yaml.safe_load(text)
    for group in content["groups"]:
        group["interval"] = interval
        for rule in group["rules"]:
            if rule.get("for", "0s") != "0s":
                rule["for"] = lasts
    return yaml.safe_dump(content, sort_keys=False)
