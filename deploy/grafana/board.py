"""A dashboard: its variables, its rows, and where each panel stands."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.dress import SOURCE
from deploy.grafana.panels import AnyPanel, Sized
from deploy.grafana.queries import NAMESPACE

WIDTH: Final = 24
TAG: Final = "onrecord"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A variable that the reader chooses: the values that a label of a metric has."""

    name: str
    label: str
    says: str
    metric: str


NAMESPACES: Final = Chosen(
    "namespace", "Namespace", "Whose processes are looked at.", "onrecord_build_info"
)
GALLERIES: Final = Chosen(
    "gallery",
    "Gallery",
    "Which galleries, by jurisdiction.",
    f"onrecord_gallery_records{{{NAMESPACE}}}",
)
PLANES: Final = Chosen(
    "plane",
    "Plane",
    "Which deployments of vector search.",
    f'up{{{NAMESPACE}, job="vector-search"}}',
)


@dataclass(frozen=True, slots=True)
class Section:
    """A row of the dashboard and what stands in it, from left to right and then below.

    `folded`: until the reader opens it, since most installations have nothing to show there.
    """

    title: str
    panels: tuple[Sized, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    uid: str
    title: str
    says: str
    sections: tuple[Section, ...]
    chosen: tuple[Chosen, ...] = ()
    hours: int = 3


def rendered(board: Board) -> str:
    """The JSON that Grafana reads."""
    built = _built(board)
    said: dict[str, Any] = json.loads(JSONEncoder().encode(built.build()))
    return json.dumps(said, indent=1, sort_keys=True) + "\n"


def _built(board: Board) -> Dashboard:
    dashboard = Dashboard(f"OnRecord / {board.title}").uid(board.uid).description(board.says)
    dashboard.tags([TAG]).timezone("browser").readonly()
    dashboard.time(f"now-{board.hours}h", "now").refresh("30s")
    dashboard.tooltip(DashboardCursorSync.CROSSHAIR)
    dashboard.link(_others())
    dashboard.with_variable(
        DatasourceVariable("datasource")
        .label("Prometheus")
        .description("Which Prometheus is asked.")
        .type("prometheus")
    )
    for one in (NAMESPACES, *board.chosen):
        dashboard.with_variable(_variable(one))
    for note in _annotations():
        dashboard.annotation(note)
    _place(dashboard, board.sections)
    return dashboard


def _place(dashboard: Dashboard, sections: Sequence[Section]) -> None:
    number, top = 0, 0
    for section in sections:
        number += 1
        row = Row(section.title).id(number).grid_pos(GridPos(h=1, w=WIDTH, x=0, y=top))
        top += 1
        panels, below = _placed(section.panels, number, top)
        number += len(panels)
        if section.folded:
            row.collapsed(True)
            for panel in panels:
                row.with_panel(panel)
            dashboard.with_row(row)
        else:
            dashboard.with_row(row)
            for panel in panels:
                dashboard.with_panel(panel)
            top = below


def _placed(panels: Sequence[Sized], number: int, top: int) -> tuple[list[AnyPanel], int]:
    """The panels, each with an id after `number` and its place from `top` on; where they end."""
    placed: list[AnyPanel] = []
    left, tallest = 0, 0
    for sized in panels:
        if left + sized.width > WIDTH:
            left, top, tallest = 0, top + tallest, 0
        number += 1
        at = GridPos(h=sized.height, w=sized.width, x=left, y=top)
        placed.append(sized.panel.id(number).grid_pos(at))
        left, tallest = left + sized.width, max(tallest, sized.height)
    return placed, top + tallest


def _variable(one: Chosen) -> QueryVariable:
    everything = VariableOption(text="All", value="$__all", selected=True)
    return (
        QueryVariable(one.name)
        .label(one.label)
        .description(one.says)
        .datasource(SOURCE)
        .query(f"label_values({one.metric}, {one.name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        # Also what has no such label, such as what a Prometheus outside Kubernetes scrapes.
        .all_value(".*")
        .current(everything)
    )


def _others() -> DashboardLink:
    return (
        DashboardLink("OnRecord")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _annotations() -> tuple[AnnotationQuery, ...]:
    firing = f'ALERTS{{{NAMESPACE}, alertname=~"OnRecord.*", alertstate="firing"}}'
    return (
        AnnotationQuery()
        .name("Alerts that fire")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(firing),
    )
