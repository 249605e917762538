"""What all panels have in common: what they say of themselves, when they go red, their links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardLink as Link
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    FieldColorModeId,
    Threshold,
    ValueMap,
    ValueMappingResult,
)

from deploy.grafana.queries import Query

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOKS: Final = "https://github.com/onrecord/onrecord/blob/main/docs/operations.md#"
GREEN, AMBER, RED = "green", "orange", "red"
NOTHING: Final = "nothing is told of it"
"""What a panel shows that has no data."""


@dataclass(frozen=True, slots=True)
class Bad:
    """When a panel goes red, and which alert's runbook says what to do.

    Red from `red` on, amber from `amber` on; `falling`: below them instead. `also`: alerts that
    the same panel shows.
    """

    alert: str
    red: float
    amber: float | None = None
    falling: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Says:
    """What a panel says of itself. `says`: what it shows and what is normal. `more`: the uid and
    title of the dashboard that has the details. `words`: what stands in place of a number.
    """

    title: str
    says: str
    unit: str
    bad: Bad | None = None
    more: tuple[str, str] | None = None
    words: Mapping[str, str] = field(default_factory=dict)


_P = TypeVar("_P", stat.Panel, timeseries.Panel, heatmap.Panel, table.Panel, bargauge.Panel)


def dressed(panel: _P, about: Says, queries: Sequence[Query], instant: bool = False) -> _P:
    """The panel with all that every kind has. `instant`: it shows this moment alone."""
    panel.title(about.title).description(_described(about)).unit(about.unit)
    panel.datasource(SOURCE).no_value(NOTHING)
    for place, one in enumerate(queries):
        asked = target(place, one)
        panel.with_target(asked.instant() if instant else asked)
    panel.thresholds(_thresholds(about.bad))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    if about.words:
        results = {n: ValueMappingResult(text, AMBER) for n, text in about.words.items()}
        panel.mappings([ValueMap(results)])
    links = _runbooks(about.bad)
    if about.more:
        uid, title = about.more
        url = f"/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{namespace:queryparam}}"
        links.append(_link(f"Details: {title}", url))
    panel.links(links)
    return panel


def _runbooks(bad: Bad | None) -> list[Builder[Link]]:
    alerts = () if bad is None else (bad.alert, *bad.also)
    return [_link(f"Runbook: {one}", RUNBOOKS + one.lower(), elsewhere=True) for one in alerts]


def _described(about: Says) -> str:
    if about.bad is None:
        return about.says
    side = "below" if about.bad.falling else "at or above"
    return f"{about.says}\n\nRed {side} {_spoken(about.bad.red, about.unit)}: see its runbook."


def _spoken(bound: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{100 * bound:g} %"
    return f"{bound:g} s" if unit in ("s", "dtdurations") else f"{bound:g}"


def _thresholds(bad: Bad | None) -> ThresholdsConfig:
    return ThresholdsConfig().steps(_steps(bad))


def _steps(bad: Bad | None) -> list[Threshold]:
    if bad is None:
        return [Threshold(None, GREEN)]
    middle = [] if bad.amber is None else [bad.amber]
    if bad.falling:
        bounds, colours = [bad.red, *middle], [RED, *([AMBER] if middle else []), GREEN]
    else:
        bounds, colours = [*middle, bad.red], [GREEN, *([AMBER] if middle else []), RED]
    steps = zip([None, *bounds], colours, strict=True)
    return [Threshold(bound, colour) for bound, colour in steps]


def target(place: int, query: Query) -> Dataquery:
    """A query of a panel, of which it is number `place`, from 0."""
    asked = Dataquery().expr(query.expr).ref_id(ref(place)).datasource(SOURCE)
    return asked.legend_format(query.legend or "__auto")


def ref(place: int) -> str:
    """What Grafana calls the query number `place`."""
    return chr(ord("A") + place)


def _link(title: str, url: str, elsewhere: bool = False) -> DashboardLink:
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(elsewhere)
