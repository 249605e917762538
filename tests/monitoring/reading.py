"""Dashboards as their JSON says them, and the metrics that there are."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "deploy" / "helm" / "onrecord" / "files" / "dashboards"
RULES: Final = FOLDER.parent / "rules"
RECORDED: Final = Path(__file__).resolve().parent / "recorded"
_OURS: Final = re.compile(r"^\| `(onrecord_\w+)` \| (\w+) \|", re.MULTILINE)
_THEIRS: Final = re.compile(r"^# TYPE (\S+) (\w+)", re.MULTILINE)
_NAME: Final = re.compile(r"\b(?:onrecord[_:]|nv_|milvus_|DCGM_)[\w:]+")
_SERIES: Final = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{")
_TEXT: Final = re.compile(r'"[^"]*"')
OF_PROMETHEUS: Final = {"up": "gauge", "ALERTS": "gauge"}
_PARTS: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


@dataclass(frozen=True, slots=True)
class PanelFound:
    """A panel as it stands in the JSON of the dashboard `board`."""

    board: str
    said: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.said.get("title", ""))

    @property
    def queries(self) -> list[str]:
        return [str(one["expr"]) for one in self.said.get("targets", ())]

    @property
    def of_gpus(self) -> bool:
        """It asks what only a machine with a GPU tells."""
        return any("nv_gpu_" in one or "DCGM_" in one for one in self.queries)

    def __str__(self) -> str:
        return f"{self.board} / {self.title}"


def dashboards() -> dict[str, Mapping[str, Any]]:
    """By the name of the file."""
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
    }


def panels() -> Iterator[PanelFound]:
    """All of them, without the rows."""
    for name, board in dashboards().items():
        for one in unfolded(board):
            if one["type"] != "row":
                yield PanelFound(name, one)


def unfolded(board: Mapping[str, Any]) -> Iterator[Any]:
    """Its rows and panels, also those in rows that the reader has to open."""
    for one in board["panels"]:
        yield one
        yield from one.get("panels", ())


def names_in(expr: str) -> set[str]:
    """The series that a query names."""
    bare = _TEXT.sub('""', expr)
    return set(_NAME.findall(bare)) | set(_SERIES.findall(bare))


def our_metrics() -> dict[str, str]:
    """Name and kind, from the page that is generated from the source."""
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    return dict(_OURS.findall(page))


def their_metrics() -> dict[str, str]:
    """Name and kind, from what was recorded of Triton, Milvus and DCGM; and Prometheus' own."""
    found: dict[str, str] = dict(OF_PROMETHEUS)
    for path in RECORDED.glob("*.txt"):
        found |= dict(_THEIRS.findall(path.read_text("utf-8")))
    return found


def series_of(metrics: Mapping[str, str]) -> set[str]:
    """The names of the series that these metrics have in Prometheus."""
    return {name + part for name, kind in metrics.items() for part in _PARTS.get(kind, ("",))}


def metric_of(series: str, metrics: Mapping[str, str]) -> str:
    """The metric that a series belongs to."""
    for name, kind in metrics.items():
        if series in {name + part for part in _PARTS.get(kind, ("",))}:
            return name
    return series
