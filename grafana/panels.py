"""Panels as every board makes them: a stat, a table of joined queries, lines over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import common as common_build
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common, dashboard

from grafana import expressions as ex
from grafana import style
from streams.assessment.rows import FLAGS

SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
OWN_FIGURES = f"{ex.OWN}, {ex.COMMON}"


def query(expression: str, *, ref: str = "A", legend: str = "__auto", as_table: bool = False) -> Any:
    """Give an instant query, for a stat or a table."""
    made = prometheus.Dataquery().datasource(SOURCE).expr(expression).ref_id(ref).legend_format(legend)
    return made.format("table" if as_table else "time_series").instant()


def _plain(panel: Any, title: str, description: str) -> Any:
    """Give a panel grey until a word maps to a colour, and "no data" where there is none."""
    return (
        panel.title(title)
        .description(description)
        .datasource(SOURCE)
        .color_scheme(style.fixed(style.GREY))
        .thresholds(style.no_steps())
        .mappings([style.missing()])
        .no_value(style.NO_DATA)
    )


def stat_panel(title: str, description: str) -> Any:
    """Give a stat that shows no colour but what a word maps to."""
    return (
        _plain(stat.Panel(), title, description)
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.NONE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .orientation(common.VizOrientation.AUTO)
        .reduce_options(common_build.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    )


def link(title: str, url: str) -> Any:
    """Give a link that opens beside the board."""
    return build.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url).target_blank(True)


def table_panel(title: str, description: str) -> Any:
    """Give a table without paging."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("none")
        .color_scheme(style.fixed(style.GREY))
        .thresholds(style.no_steps())
        .mappings([style.missing("-")])
        .no_value(style.NO_DATA)
        .show_header(True)
        .cell_height(common.TableCellHeight.SM)
        .filterable(True)
        .links([link("How to read this board", "${docs}/boards.md")])
    )


class Columns:
    """Queries of a table and the columns they become; "Value #A" is Grafana's name for A's values."""

    def __init__(self, **labels: str) -> None:
        self.labels = labels
        self.columns: list[tuple[str, str, list[Any]]] = []
        self.targets: list[Any] = []

    def add(self, title: str, expression: str, *settings: Any) -> None:
        """Add a query whose values stand under `title`."""
        ref = chr(ord("A") + len(self.targets))
        self.targets.append(query(expression, ref=ref, as_table=True))
        self.columns.append((f"Value #{ref}", title, list(settings)))

    def put(self, panel: Any, *, hidden: Sequence[str] = ("Time",)) -> Any:
        """Give the panel its queries, and make one row of what belongs together."""
        renamed = self.labels | {name: title for name, title, _ in self.columns}
        names = [*self.labels, *(name for name, _, _ in self.columns)]
        panel.targets(self.targets)
        panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        panel.with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": dict.fromkeys(hidden, True),
                    "indexByName": {name: i for i, name in enumerate(names)},
                    "renameByName": renamed,
                },
            )
        )
        for _, title, settings in self.columns:
            if settings:
                panel.override_by_name(title, settings)
        return panel


def coloured() -> Any:
    """Let a cell take the colour of its word."""
    return style.setting("custom.cellOptions", {"type": "color-background", "mode": "basic"})


def status_settings() -> list[Any]:
    """Show the published status as a coloured word."""
    return [
        coloured(),
        style.setting("mappings", [style.words(style.STATUSES), style.missing(style.NOT_JUDGED)]),
    ]


def flag_settings() -> list[Any]:
    """Show flags in words."""
    return [style.setting("mappings", style.flag_words(list(FLAGS))), style.setting("custom.minWidth", 180)]


def basis_setting() -> list[Any]:
    """Mark simulated figures."""
    simulated = dashboard.ValueMap(
        options={"synthetic": dashboard.ValueMappingResult(text=style.SIMULATED, color=style.PURPLE, index=0)}
    )
    return [style.setting("mappings", [simulated])]


def lines_panel(title: str, description: str) -> Any:
    """Give lines over time."""
    return (
        _plain(timeseries.Panel(), title, description)
        .draw_style(common.GraphDrawStyle.LINE)
        .line_interpolation(common.LineInterpolation.STEP_AFTER)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.AUTO)
        .span_nulls(False)
        .legend(
            common_build.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs([])
        )
        .tooltip(
            common_build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.NONE)
        )
    )


def range_query(expression: str, *, ref: str, legend: str) -> Any:
    """Give a query over the time of the board."""
    return (
        prometheus.Dataquery()
        .datasource(SOURCE)
        .expr(expression)
        .ref_id(ref)
        .legend_format(legend)
        .format("time_series")
        .range()
    )


def figures(family: str) -> str:
    """Give a family of the chosen organisation's figures, newest of all pods."""
    return ex.newest(f"oversight_indicator_{family}{{{OWN_FIGURES}}}")
