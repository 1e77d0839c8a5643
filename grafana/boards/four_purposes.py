"""The board "Four purposes": every indicator of the catalogue, for one organisation, purpose by purpose.

header       what is provisional, what is simulated
trust        can these figures be believed: flags, age, silent publishers, refused and late records
a purpose    a card a headline indicator (value, coloured by the published status), and a table of evidence
  further    collapsed: the cards of the other indicators
  members    collapsed: the organisations below the chosen one
  over time  collapsed: value and threshold
details      collapsed: every flag, every publisher
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common as common_build
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import text
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.text import TextMode

from grafana import expressions as ex
from grafana import panels, style
from grafana.boards import trust
from streams.catalogue import Catalogue, Indicator
from streams.catalogue.declared import PURPOSES
from streams.catalogue.inequality import CLOSED_KINDS
from streams.engine.windows import NOW

UID = "oversight-four-purposes"
WIDTH = 24
CARD_WIDTH, CARD_HEIGHT = 6, 5
TABLE_HEAD, TABLE_LEAST = 4, 6

HEADER = """\
**Operational figures are provisional and unvalidated; synthetic figures are simulated.**
Colour follows the published status: blue meets, amber near, vermilion misses, grey not judged or no data;
the word stands beside it. An indicator that is not declared for the chosen window is shown in its nearest
one, and says so.
[How to read this board](${docs}/boards.md) · [Indicators](${docs}/indicators.md) ·
[Plain page of the worker](${worker}/?org=${organisation})"""

_LEVELS = {
    "england": "England",
    "region": "Region",
    "cluster": "ICB cluster",
    "icb": "ICB",
    "council": "Council (by residence)",
    "place": "Place",
    "neighbourhood": "Neighbourhood",
    "trust": "Trust",
    "provider": "Provider",
}
_SILENT_AFTER = {"1 hour": "3600", "6 hours": "21600", "1 day": "86400", "7 days": "604800"}


class Layout:
    """Places panels from left to right and rows from top to bottom, and numbers them."""

    def __init__(self) -> None:
        self._x = self._y = self._line = self._id = 0

    def place(self, panel: Any, width: int, height: int) -> Any:
        """Put a panel beside the last one, or on a new line when it does not fit."""
        if self._x + width > WIDTH:
            self._break()
        panel.id(self._next()).grid_pos(dashboard.GridPos(h=height, w=width, x=self._x, y=self._y))
        self._x += width
        self._line = max(self._line, height)
        return panel

    def row(self, title: str, inside: Iterable[tuple[Any, int, int]] = ()) -> Any:
        """Put a row; with panels inside it is collapsed and takes one line."""
        self._break()
        row = build.Row(title).id(self._next()).grid_pos(dashboard.GridPos(h=1, w=WIDTH, x=0, y=self._y))
        self._y += 1
        top = self._y
        for panel, width, height in inside:
            row.with_panel(self.place(panel, width, height))
        self._x, self._y, self._line = 0, top, 0
        return row

    def _break(self) -> None:
        self._x, self._y, self._line = 0, self._y + self._line, 0

    def _next(self) -> int:
        self._id += 1
        return self._id


NOT_SHOWN = CLOSED_KINDS | {"relative_gap"}
"""Kinds without a card: finals alone have some, and a gap's card stands for the relative gap."""


def shown(catalogue: Catalogue) -> list[Indicator]:
    """Give the indicators of the board: what only official publications feed has no place on it."""
    every = (one for one in catalogue.indicators.values() if one.kind not in NOT_SHOWN)
    return [one for one in every if not catalogue.only_published(one)]


def board(catalogue: Catalogue, docs_url: str, worker_url: str) -> Any:
    """Build the board.

    Args:
        catalogue: whose indicators; each purpose shows its own, in the order of declaration.
        docs_url: where `docs/` is served; panels link into it.
        worker_url: where the worker's page is served.

    Returns:
        A dashboard of grafana-foundation-sdk, classic schema.
    """
    made = (
        build.Dashboard("Oversight: four purposes")
        .uid(UID)
        .description(
            "Every indicator by the four purposes of an integrated care system. Generated: docs/boards.md."
        )
        .tags(["oversight"])
        .timezone("Europe/London")
        .week_start("monday")
        .time("now-7d", "now")
        .refresh("1m")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    for variable in _variables(docs_url, worker_url):
        made.with_variable(variable)
    layout = Layout()
    made.with_panel(layout.place(_header(), WIDTH, 4))
    made.with_row(layout.row("How far can this be trusted?"))
    for panel, width in trust.trust_panels():
        made.with_panel(layout.place(panel, width, 4))
    for purpose, title in PURPOSES.items():
        indicators = [one for one in shown(catalogue) if one.purpose == purpose]
        if not indicators:
            continue
        made.with_row(layout.row(title))
        for one in indicators:
            if one.headline:
                made.with_panel(layout.place(_card(catalogue, one), CARD_WIDTH, CARD_HEIGHT))
        height = max(TABLE_LEAST, TABLE_HEAD + len(indicators))
        made.with_panel(layout.place(_evidence(title, indicators), WIDTH, height))
        of_now = [one for one in indicators if {*one.windows} == {NOW}]
        further = [one for one in indicators if not one.headline and one not in of_now]
        for words, some in (("now", of_now), ("further indicators", further)):
            if some:
                cards = [(_card(catalogue, one), CARD_WIDTH, CARD_HEIGHT) for one in some]
                made.with_row(layout.row(f"{title}: {words}", cards))
        made.with_row(
            layout.row(f"{title}: member organisations", [(_members(title, indicators), WIDTH, 14)])
        )
        made.with_row(layout.row(f"{title}: over time", [(_trend(one), 12, 8) for one in indicators]))
    made.with_row(layout.row("Details: flags, publishers, refused and late records", trust.detail_panels()))
    return made.build()


# --- variables ---------------------------------------------------------------------------------------------


def _variables(docs_url: str, worker_url: str) -> list[Any]:
    organisations = 'query_result(max by (name, org) (oversight_organisation_info{level="$level"}))'
    return [
        build.DatasourceVariable("datasource")
        .label("Data source")
        .description("The Prometheus that scrapes the worker.")
        .type("prometheus"),
        _custom("level", "Level", "Level of the organisation.", _LEVELS.items()),
        build.QueryVariable("organisation")
        .label("Organisation")
        .description("An organisation of that level that has figures.")
        .datasource(panels.SOURCE)
        .query({"qryType": 3, "query": organisations, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .definition(organisations)
        .regex('/name="(?<text>[^"]+)",org="(?<value>[^"]+)"/')
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .current(dashboard.VariableOption(text="England", value="england"))
        .multi(False)
        .include_all(False),
        _custom(
            "window",
            "Window",
            "Window of the figures; an indicator without it is shown in its nearest one.",
            ex.WINDOWS.items(),
            chosen=["month"],
        ),
        _custom(
            "basis",
            "Basis",
            "Operational: provisional, from events. Official: as published. Synthetic: SIMULATED.",
            [(name, "synthetic (SIMULATED)" if name == "synthetic" else name) for name in style.BASES],
            chosen=["operational", "official"],
            multi=True,
        ),
        _custom(
            "silent",
            "Silent after",
            "A publisher of events without a record for this long counts as silent.",
            [(seconds, text) for text, seconds in _SILENT_AFTER.items()],
            chosen=["86400"],
        ),
        build.ConstantVariable("docs").value(docs_url).description("Where docs/ is served."),
        build.ConstantVariable("worker").value(worker_url).description("Where the worker's page is served."),
    ]


def _custom(
    name: str,
    label: str,
    description: str,
    options: Iterable[tuple[str, str]],
    *,
    chosen: Sequence[str] = (),
    multi: bool = False,
) -> Any:
    texts = dict(options)
    values = list(chosen) or [next(iter(texts))]
    shown = [texts[one] for one in values]
    return (
        build.CustomVariable(name)
        .label(label)
        .description(description)
        .values(",".join(f"{text} : {one}" for one, text in texts.items()))
        .options(
            [
                dashboard.VariableOption(selected=one in values, text=text, value=one)
                for one, text in texts.items()
            ]
        )
        .current(
            dashboard.VariableOption(text=shown if multi else shown[0], value=values if multi else values[0])
        )
        .multi(multi)
        .include_all(False)
    )


# --- panels ------------------------------------------------------------------------------------------------


def _header() -> Any:
    return (
        text.Panel()
        .title("Provisional and simulated figures")
        .description("What the figures are, and where to read more.")
        .datasource(panels.SOURCE)
        .mode(TextMode.MARKDOWN)
        .content(HEADER)
    )


def _card(catalogue: Catalogue, one: Indicator) -> Any:
    panel = (
        panels.stat_panel(one.title, _about(catalogue, one))
        .unit(style.UNITS[one.unit])
        .decimals(style.DECIMALS[one.unit])
        .with_target(
            panels.query(ex.card(one), legend="{{judged}} · {{basis}} · {{window}} · flags: {{flags}}")
        )
        .links([panels.link("Definition and evidence", f"${{docs}}/indicators.md#{_anchor(one.title)}")])
    )
    for word, colour in style.STATUSES.values():
        panel.override_by_regexp(f"/^{word} /", [style.colour_setting(colour)])
    return panel


def _about(catalogue: Catalogue, one: Indicator) -> str:
    better = {
        "higher": "Higher is better.",
        "lower": "Lower is better.",
        "towards_zero": "Nearer to 0 is better.",
    }
    has_any = any(t.indicator == one.id for t in catalogue.thresholds)
    judged = "Judged against dated thresholds." if has_any else "No threshold is declared: never judged."
    parts = [
        one.definition,
        " ".join(filter(None, [better.get(one.direction, "The sign is not judged."), judged])),
        f"Windows: {', '.join(one.windows)}.",
        f"Source: {one.source}.",
    ]
    return "\n\n".join(parts)


def _anchor(title: str) -> str:
    """Give the anchor of a heading, as GitHub and most renderers make it."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def _with_denominator(indicators: Sequence[Indicator]) -> list[Indicator]:
    return [one for one in indicators if one.kind in ("ratio", "mean")]


def _evidence(title: str, indicators: Sequence[Indicator]) -> Any:
    def mine(expression: str) -> str:
        return ex.with_title(expression, indicators)

    where = f"{ex.OWN}, "
    columns = panels.Columns(title="Indicator", window="Window", basis="Basis")
    columns.add("Status", mine(ex.common(indicators, "status", where)), *panels.status_settings())
    divided = _with_denominator(indicators)
    if divided:
        columns.add(
            "Denominator", mine(ex.named(divided, "denominator", where)), style.setting("unit", "locale")
        )
    age = f"(time() - {ex.common(indicators, 'as_at_timestamp_seconds', where)})"
    columns.add("Age of data", mine(age), style.setting("unit", "s"), style.setting("decimals", 0))
    end = f"1000 * {ex.common(indicators, 'period_end_timestamp_seconds', where)}"
    columns.add("Period ends before", mine(end), style.setting("unit", "time:YYYY-MM-DD"))
    restated = f"1000 * {ex.common(indicators, 'restated_timestamp_seconds', where)}"
    columns.add("Restated", mine(restated), style.setting("unit", "dateTimeAsIso"))
    columns.add("Flags", mine(ex.flags_sum(indicators, where)), *panels.flag_settings())
    panel = panels.table_panel(
        f"{title}: evidence",
        "What stands behind each figure: its status, denominator, when its newest record arrived, the day its"
        " period ends before, when it was last restated, and its flags.",
    )
    columns.put(panel, hidden=("Time", "indicator", "org", "level"))
    return panel.override_by_name("Basis", panels.basis_setting()).sort_by([_sort("Indicator")])


def _members(title: str, indicators: Sequence[Indicator]) -> Any:
    def theirs(expression: str) -> str:
        return ex.with_member(ex.with_title(expression, indicators))

    columns = panels.Columns(
        name="Organisation", title="Indicator", window="Window", basis="Basis", org="Code", level="Level"
    )
    for unit, grafana_unit in style.UNITS.items():
        chosen = [one for one in indicators if one.unit == unit]
        if chosen:
            columns.add(
                f"Value, {'%' if unit == 'ratio' else unit}",
                theirs(ex.named(chosen, unit, "")),
                style.setting("unit", grafana_unit),
                style.setting("decimals", style.DECIMALS[unit]),
            )
    divided = _with_denominator(indicators)
    if divided:
        columns.add(
            "Denominator", theirs(ex.named(divided, "denominator", "")), style.setting("unit", "locale")
        )
    columns.add("Status", theirs(ex.common(indicators, "status", "")), *panels.status_settings())
    columns.add("Flags", theirs(ex.flags_sum(indicators, "")), *panels.flag_settings())
    age = f"(time() - {ex.common(indicators, 'as_at_timestamp_seconds', '')})"
    columns.add("Age of data", theirs(age), style.setting("unit", "s"), style.setting("decimals", 0))
    panel = panels.table_panel(
        f"{title}: member organisations",
        "The organisations below the chosen one, as they belong today: regions of England, ICBs of a region"
        " or cluster, places of an ICB and those in none, trusts and providers of a place. Choose a name to"
        " see that organisation's own board.",
    )
    columns.put(panel, hidden=("Time", "indicator"))
    drill = {
        "title": "Board of this organisation",
        "url": f"/d/{UID}?var-level=${{__data.fields.Level}}&var-organisation=${{__data.fields.Code}}"
        "&${datasource:queryparam}&${window:queryparam}&${basis:queryparam}&${__url_time_range}",
    }
    panel.override_by_name("Organisation", [style.setting("links", [drill])])
    panel.override_by_name("Basis", panels.basis_setting())
    return panel.sort_by([_sort("Indicator"), _sort("Organisation")])


def _sort(column: str) -> Any:
    return common_build.TableSortByFieldState().display_name(column).desc(False)


def _trend(one: Indicator) -> Any:
    panel = (
        panels.lines_panel(
            one.title,
            f"The value as it stood at each moment, and the threshold in force then. {one.definition}"
            f"\n\nSource: {one.source}.",
        )
        .unit(style.UNITS[one.unit])
        .decimals(style.DECIMALS[one.unit])
        .with_target(panels.range_query(ex.in_words(ex.value(one)), ref="A", legend="{{basis}} · {{window}}"))
        .with_target(
            panels.range_query(
                ex.in_words(ex.threshold(one)), ref="B", legend="threshold · {{basis}} · {{window}}"
            )
        )
        .links([panels.link("Definition and evidence", f"${{docs}}/indicators.md#{_anchor(one.title)}")])
    )
    panel.override_by_regexp("/^operational /", [style.colour_setting(style.SKY)])
    panel.override_by_regexp("/^official /", [style.colour_setting(style.PURPLE)])
    dashes = style.setting("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
    panel.override_by_regexp(f"/^{style.SIMULATED} /", [style.colour_setting(style.AMBER), dashes])
    dots = style.setting("custom.lineStyle", {"fill": "dot", "dash": [2, 6]})
    return panel.override_by_regexp("/^threshold /", [style.colour_setting(style.GREY), dots])


# --- trust -------------------------------------------------------------------------------------------------
