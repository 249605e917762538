"""The kinds of panels, each in one dress: what is a state is a stat, what is a rate a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders import common as shapes
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.dress import Says, dressed, ref, target
from deploy.grafana.queries import Query

_LOW: Final = 6
"""Up to this height a legend has room for a line alone."""
AnyPanel: TypeAlias = stat.Panel | timeseries.Panel | heatmap.Panel | table.Panel | bargauge.Panel


@dataclass(frozen=True, slots=True)
class Sized:
    """A panel and what it takes of the grid, which is 24 wide; a height of 1 is about 38 pixels."""

    panel: AnyPanel
    width: int
    height: int


def state(
    about: Says, *queries: Query, width: int = 4, height: int = 4, lines: bool = True
) -> Sized:
    """How something stands now; `lines`: with its course behind it.

    What can go red is asked for this moment alone: of a range Grafana would show the last number
    that there was, green, long after nobody tells of it any more.
    """
    lines = lines and about.bad is None
    panel = dressed(stat.Panel(), about, queries, instant=not lines)
    panel.color_mode(
        common.BigValueColorMode.BACKGROUND if about.bad else common.BigValueColorMode.VALUE
    )
    panel.graph_mode(common.BigValueGraphMode.AREA if lines else common.BigValueGraphMode.NONE)
    panel.reduce_options(shapes.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.text_mode(
        common.BigValueTextMode.VALUE_AND_NAME
        if any("{{" in one.legend for one in queries)
        else common.BigValueTextMode.VALUE
    )
    return Sized(panel, width, height)


def lines(
    about: Says, *queries: Query, width: int = 12, height: int = 8, stacked: bool = False
) -> Sized:
    """How something went, a line each; the legend says the last and the largest value."""
    panel = dressed(timeseries.Panel(), about, queries)
    panel.min(0).line_width(1).fill_opacity(25 if stacked else 8)
    panel.show_points(common.VisibilityMode.NEVER).span_nulls(False)
    if stacked:
        panel.stacking(shapes.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if about.bad:
        dashed = shapes.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(dashed)
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel.tooltip(
        shapes.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )
    panel.legend(
        shapes.VizLegendOptions()
        .show_legend(True)
        .display_mode(
            common.LegendDisplayMode.TABLE if height > _LOW else common.LegendDisplayMode.LIST
        )
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    return Sized(panel, width, height)


def cloud(about: Says, expr: str, width: int = 12, height: int = 8) -> Sized:
    """A histogram over time: the darker, the more."""
    panel = dressed(heatmap.Panel(), about, ())
    panel.with_target(target(0, Query(expr, "{{le}}")).format(PromQueryFormat.HEATMAP))
    panel.calculate(False).cell_gap(1).show_legend()
    panel.color(
        heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    )
    panel.y_axis(heatmap.YAxisConfig().unit(about.unit).axis_placement(common.AxisPlacement.LEFT))
    panel.mode(common.TooltipDisplayMode.SINGLE)
    return Sized(panel, width, height)


def ranking(about: Says, *queries: Query, width: int = 8, height: int = 8) -> Sized:
    """A bar each, the longest first (the query sorts)."""
    panel = dressed(bargauge.Panel(), about, queries, instant=True)
    panel.min(0).orientation(common.VizOrientation.HORIZONTAL)
    panel.display_mode(common.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(shapes.ReduceDataOptions().calcs(["lastNotNull"]))
    if not about.bad:
        panel.color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color("blue"))
    return Sized(panel, width, height)


def listing(
    about: Says,
    *queries: Query,
    columns: Sequence[str],
    units: Mapping[str, str] | None = None,
    width: int = 12,
    height: int = 8,
) -> Sized:
    """A table of labels and of one value for each query, whose column is called as its legend.

    `columns`: the labels, in order. `units`: of columns of values that have another one, and do
    not go red. Sorted by the first query's value, the smallest first.
    """
    panel = dressed(table.Panel(), about, (), instant=True)
    for place, one in enumerate(queries):
        panel.with_target(target(place, one).instant().format(PromQueryFormat.TABLE))
    if len(queries) > 1:
        panel.with_transformation(DataTransformerConfig("merge", options={}))
    values = [f"Value #{ref(place)}" for place in range(len(queries))]
    found = values if len(queries) > 1 else ["Value"]
    names = dict(zip(found, (one.legend for one in queries), strict=True))
    panel.with_transformation(
        DataTransformerConfig(
            "organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {one: n for n, one in enumerate([*columns, *found])},
                "renameByName": names,
            },
        )
    )
    panel.sort_by([shapes.TableSortByFieldState().display_name(queries[0].legend).desc(False)])
    if about.bad:
        panel.cell_options(common.TableColoredBackgroundCellOptions())
    for column, unit in (dict.fromkeys(columns, "string") | dict(units or {})).items():
        plain = [
            DynamicConfigValue("unit", unit),
            DynamicConfigValue("custom.cellOptions", {"type": "auto"}),
        ]
        panel.override_by_name(column, plain)
    return Sized(panel, width, height)
