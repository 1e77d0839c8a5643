"""Rules that every board keeps; what a rule is for stands in docs/boards.md."""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser
import pytest
from four_purposes_scene import FOUR_PURPOSES

from grafana import style
from grafana.boards.four_purposes import shown
from grafana.build import DIRECTORY
from grafana.queries import defaults, panels, queries, substituted
from streams.catalogue import Catalogue

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PALETTE = {style.BLUE, style.AMBER, style.VERMILION, style.GREY, style.SKY, style.PURPLE}
WITH_DATA = ("stat", "table", "timeseries")

BOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(DIRECTORY.glob("*.json"))}
PANELS = [
    pytest.param(panel, id=f"{name}-{panel['id']}-{panel['title']}")
    for name, board in BOARDS.items()
    for panel in panels(board)
]
every_board = pytest.mark.parametrize("board", [pytest.param(one, id=name) for name, one in BOARDS.items()])
every_panel = pytest.mark.parametrize("panel", PANELS)


def _all_of(value: Any, key: str) -> list[Any]:
    """Give everything that stands under `key`, at any depth."""
    if isinstance(value, list):
        return [found for one in value for found in _all_of(one, key)]
    if isinstance(value, dict):
        here = [value[key]] if key in value else []
        return here + [found for one in value.values() for found in _all_of(one, key)]
    return []


@every_board
def test_board_has_a_uid_a_title_and_no_id(board: dict[str, Any]) -> None:
    """An id belongs to one Grafana's database; the uid is what links and provisioning go by."""
    assert {"id", "version", "iteration"}.isdisjoint(board)
    assert re.fullmatch(r"[a-z0-9-]{1,40}", board["uid"])
    assert board["title"]
    assert board["description"]
    assert board["timezone"] == "Europe/London"
    assert board["schemaVersion"] >= 36


@every_board
def test_panels_are_numbered_from_one(board: dict[str, Any]) -> None:
    """Grafana needs an id for each panel, rows included; ours are their places."""
    rows = [[one["id"], *(inside["id"] for inside in one.get("panels", ()))] for one in board["panels"]]
    numbers = [number for row in rows for number in row]
    assert list(range(1, len(numbers) + 1)) == numbers


@every_board
def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    """Two panels never share a cell of the grid, whether on the board or inside a collapsed row."""
    for group in (board["panels"], *(one["panels"] for one in board["panels"] if one.get("panels"))):
        taken: dict[tuple[int, int], str] = {}
        for panel in group:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            for cell in (
                (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
            ):
                assert cell not in taken, (panel["title"], taken[cell])
                taken[cell] = panel["title"]


@every_board
def test_rows_with_panels_are_collapsed(board: dict[str, Any]) -> None:
    """Grafana drops panels inside a row that is not collapsed."""
    for one in board["panels"]:
        if one["type"] == "row":
            assert bool(one["panels"]) == bool(one["collapsed"]), one["title"]


@every_board
def test_at_most_nine_panels_stand_open_in_a_row(board: dict[str, Any]) -> None:
    """More is not taken in at a glance; the rest stands in collapsed rows."""
    count = 0
    for one in board["panels"]:
        count = 0 if one["type"] == "row" else count + 1
        assert count <= 9, one["title"]


@every_board
def test_variables_say_what_they_are(board: dict[str, Any]) -> None:
    """Each variable has a description, those that can be seen a label, queries the chosen data source."""
    for one in board["templating"]["list"]:
        assert one["description"], one["name"]
        assert one.get("hide") == 2 or one["label"], one["name"]
        if one["type"] == "query":
            assert SOURCE == one["datasource"], one["name"]


@every_board
def test_basis_starts_without_simulated_figures(board: dict[str, Any]) -> None:
    """Who has not asked for simulated figures sees none, and who asks reads what they are."""
    (basis,) = [one for one in board["templating"]["list"] if one["name"] == "basis"]
    assert ["operational", "official"] == basis["current"]["value"]
    assert ["synthetic (SIMULATED)"] == [
        one["text"] for one in basis["options"] if one["value"] == "synthetic"
    ]


def test_opening_text_says_provisional_and_simulated() -> None:
    """The first thing on the board is how not to read it."""
    header = BOARDS["four-purposes"]["panels"][0]
    assert "text" == header["type"]
    assert (
        "Operational figures are provisional and unvalidated; synthetic figures are simulated."
        in header["options"]["content"]
    )


@every_panel
def test_panel_has_title_description_and_data_source_variable(panel: dict[str, Any]) -> None:
    """A board can be moved to another Prometheus, and a reader can always ask what a panel means."""
    assert panel["title"].strip()
    assert panel["description"].strip()
    assert SOURCE == panel["datasource"]
    assert all(SOURCE == target["datasource"] for target in panel.get("targets", ()))
    assert (panel["type"] in WITH_DATA) == bool(panel.get("targets"))


@every_panel
def test_panel_has_links_to_the_documentation(panel: dict[str, Any]) -> None:
    """From every figure there is a way to its definition."""
    if panel["type"] in WITH_DATA:
        assert any(link["url"].startswith("${docs}/") for link in panel["links"])


def test_cards_link_to_headings_that_exist() -> None:
    """docs/indicators.md has a heading for every indicator; the anchor is made from it as GitHub does."""
    text = (DIRECTORY.parents[1] / "docs" / "indicators.md").read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    urls = {link["url"] for panel in panels(FOUR_PURPOSES) for link in panel.get("links", ())}
    anchors = {url.partition("#")[2] for url in urls if "indicators.md#" in url}
    assert len(anchors) == len(shown(Catalogue.shipped()))
    assert anchors <= headings


@every_panel
def test_panel_has_a_unit(panel: dict[str, Any]) -> None:
    """A bare number is no figure; `none` is said, not left out."""
    if panel["type"] in WITH_DATA:
        assert panel["fieldConfig"]["defaults"]["unit"]


@every_panel
def test_targets_are_lettered_and_instant_or_ranged(panel: dict[str, Any]) -> None:
    """Only lines ask over a range; everything else asks for now."""
    targets = panel.get("targets", [])
    assert [chr(ord("A") + i) for i in range(len(targets))] == [one["refId"] for one in targets]
    for one in targets:
        assert (panel["type"] == "timeseries") == one["range"]
        assert (panel["type"] != "timeseries") == one["instant"]
        assert ("table" if panel["type"] == "table" else "time_series") == one["format"]


@every_panel
def test_missing_data_is_grey_text(panel: dict[str, Any]) -> None:
    """No data must never look good: null has a grey word, and an empty panel says so in grey."""
    if panel["type"] in WITH_DATA:
        drawn = panel["fieldConfig"]["defaults"]
        assert "no data" == drawn["noValue"]
        (null,) = [one["options"] for one in drawn["mappings"] if one["type"] == "special"]
        assert "null+nan" == null["match"]
        assert style.GREY == null["result"]["color"]
        assert null["result"]["text"]
        assert {"mode": "fixed", "fixedColor": style.GREY} == drawn["color"]


@every_panel
def test_thresholds_colour_nothing(panel: dict[str, Any]) -> None:
    """Colour follows the published status: a panel's own thresholds are one grey step."""
    for thresholds in _all_of(panel, "thresholds"):
        assert [{"color": style.GREY, "value": None}] == thresholds["steps"]
    assert [] == [mode for mode in _all_of(panel, "mode") if mode in ("thresholds", "continuous-GrYlRd")]


@every_panel
def test_colours_are_of_the_palette(panel: dict[str, Any]) -> None:
    """Okabe and Ito's colours and grey: no named green, no red."""
    colours = [one for one in _all_of(panel, "color") if isinstance(one, str)] + _all_of(panel, "fixedColor")
    assert set(colours) <= PALETTE


@every_panel
def test_colours_of_a_judgement_have_a_word(panel: dict[str, Any]) -> None:
    """Never colour alone: a card's colour is chosen by the word it shows; mapped colours map to text."""
    for mapped in _all_of(panel, "result"):
        assert mapped["text"]
    for options in _all_of(panel, "options"):
        if isinstance(options, dict):
            assert all(one["text"] for one in options.values() if isinstance(one, dict) and "color" in one)
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        coloured = any(one["id"] == "color" for one in override["properties"])
        assert not coloured or "byRegexp" == override["matcher"]["id"]


def test_card_takes_unit_and_colours_from_the_service() -> None:
    """The catalogue gives the unit; blue, amber and vermilion go by the words made from the status."""
    units = {
        "ratio": "percentunit",
        "days": "d",
        "minutes": "m",
        "patients": "suffix: patients",
        "cases": "suffix: cases",
        "per_100000": "suffix: per 100,000",
        "level": "prefix:level ",
    }
    cards = {one["title"]: one for one in panels(FOUR_PURPOSES) if one["type"] == "stat"}
    for indicator in shown(Catalogue.shipped()):
        card = cards[indicator.title]
        assert units[indicator.unit] == card["fieldConfig"]["defaults"]["unit"]
        assert "oversight_indicator_status" in card["targets"][0]["expr"]
        assert card["targets"][0]["legendFormat"].startswith("{{judged}} ")
        assert {"/^meets /": "#0072B2", "/^near /": "#E69F00", "/^misses /": "#D55E00"} == {
            one["matcher"]["options"]: one["properties"][0]["value"]["fixedColor"]
            for one in card["fieldConfig"]["overrides"]
        }
        assert indicator.definition in card["description"]
        assert indicator.source in card["description"]


@every_board
def test_overrides_name_columns_that_exist(board: dict[str, Any]) -> None:
    """A renamed column keeps its unit and its colours."""
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        (organised,) = [one["options"] for one in panel["transformations"] if one["id"] == "organize"]
        titles = organised["renameByName"].values()
        for override in panel["fieldConfig"]["overrides"]:
            assert override["matcher"]["options"] in titles, panel["title"]
        for column in panel["options"].get("sortBy", ()):
            assert column["displayName"] in titles, panel["title"]


@every_board
def test_joined_tables_never_rest_on_one_query(board: dict[str, Any]) -> None:
    """Grafana says "Value #A" only when two queries answer: the age of data does, and another."""
    for panel in panels(board):
        if panel["type"] == "table" and len(panel["targets"]) > 1:
            always = [one for one in panel["targets"] if "_timestamp_seconds" in one["expr"]]
            values = [one for one in panel["targets"] if "__name__" in one["expr"]]
            assert len(always) >= 2 or (always and values), panel["title"]


@every_board
def test_queries_are_promql(board: dict[str, Any]) -> None:
    """Every query parses once its variables are put in; none is left over."""
    for query in queries(board, {}):
        promql_parser.parse(query.expr)
        assert not re.search(r"\$(?!1\b)", query.expr), query


@every_board
def test_rates_go_by_the_rate_interval(board: dict[str, Any]) -> None:
    """A fixed range breaks when the scrape interval changes."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            ranges = re.findall(r"\[([^\]]+)\]", target["expr"])
            assert set(ranges) <= {"$__rate_interval"}, panel["title"]
            for counter in re.findall(r"\b(?:rate|increase|irate)\(([^)]*)", target["expr"]):
                assert counter.endswith("[$__rate_interval]"), panel["title"]


def test_variables_are_put_in_as_grafana_does() -> None:
    """One value as it is, several as alternatives; `$1` is left to PromQL, an unknown name an error."""
    given = {"level": "icb", "basis": ["operational", "official"], "one": ["official"]}

    assert 'a{l="icb", b=~"(operational|official)", c="official", d="$1"}' == substituted(
        'a{l="$level", b=~"${basis:regex}", c="${one}", d="$1"}', given
    )
    with pytest.raises(KeyError, match="nobody"):
        substituted("$nobody", given)


def test_defaults_are_what_the_board_opens_with() -> None:
    """England by month, without simulated figures; a publisher is silent after a day."""
    assert {
        "level": "england",
        "organisation": "england",
        "window": "month",
        "basis": ["operational", "official"],
        "silent": "86400",
    } == defaults(FOUR_PURPOSES)
