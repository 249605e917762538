"""What a rule file is made of, and how it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import yaml

RUNBOOKS: Final = "https://github.com/onrecord/onrecord/blob/main/docs/operations.md"
_WIDTH: Final = 96
_LONG: Final = 70


class Severity(StrEnum):
    """Page: somebody gets up for it. Ticket: somebody does it on the next working day."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Record:
    """A series that is computed ahead."""

    name: str
    expr: str

    def rendered(self) -> dict[str, Any]:
        return {"record": self.name, "expr": _Text(self.expr)}


@dataclass(frozen=True, slots=True)
class Alert:
    """`summary`: what whoever is woken reads first. `lasts`: how long `expr` holds before that.

    Several may have one name and one runbook; `labels` tell them apart.
    """

    name: str
    expr: str
    severity: Severity
    summary: str
    description: str
    lasts: str = "0s"
    labels: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def runbook(self) -> str:
        return f"{RUNBOOKS}#{self.name.lower()}"

    def rendered(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": _Text(self.expr),
            "for": self.lasts,
            "labels": {"severity": self.severity.value, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": self.runbook,
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, every so often."""

    name: str
    rules: Sequence[Record | Alert]
    interval: str = "30s"

    def rendered(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "interval": self.interval,
            "rules": [rule.rendered() for rule in self.rules],
        }


class _Text(str):
    """Written as a block, as people write expressions."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


def _block(dumper: yaml.SafeDumper, text: _Text) -> yaml.Node:
    style = "|" if "\n" in text or len(text) > _LONG else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_representer(_Text, _block)


def rule_file(groups: Sequence[Group], first: str) -> str:
    """The file that Prometheus reads; `first`: what its first line says."""
    content = {"groups": [group.rendered() for group in groups]}
    said = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return f"# {first}\n{said}"
