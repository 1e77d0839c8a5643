"""Every query of the board, asked of a real Prometheus that has scraped a worker's page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from four_purposes_scene import FOUR_PURPOSES, ICB, REGION, served

from grafana.boards.four_purposes import shown
from grafana.queries import defaults, queries, substituted
from streams.assessment.rows import FLAGS
from streams.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import PrometheusFactory

    from streams.local import Prometheus

_SCRAPED_WITHIN_SECONDS = 30

QKK = {"level": "icb", "organisation": ICB}
TITLES = {one.id: one.title for one in Catalogue.shipped().indicators.values()}


@pytest.fixture(scope="session")
def scraped(prometheus_factory: PrometheusFactory) -> Iterator[Prometheus]:
    """Prometheus with the figures of `scene`, scraped over HTTP as in deployment.

    The page is scraped as two pods, so that a query which adds what two workers say shows it.
    """
    with served() as address:
        prometheus = prometheus_factory(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs: [{job_name: oversight, static_configs: [\n"
            f"  {{targets: ['{address}'], labels: {{pod: one}}}},\n"
            f"  {{targets: ['{address}'], labels: {{pod: two}}}},\n"
            "]}]\n"
        )
        ends_at = time.monotonic() + _SCRAPED_WITHIN_SECONDS
        while len(prometheus.query("oversight_serving")) < 2:
            problems = [target["lastError"] for target in prometheus.targets()]
            assert time.monotonic() < ends_at, f"nothing was scraped: {problems}"
            time.sleep(0.2)
        yield prometheus
        prometheus.stop()


def _cards(
    prometheus: Prometheus, board: dict[str, Any], variables: dict[str, Any], indicator: str
) -> dict[str, float]:
    """Give a card's values by its name: "misses · operational · month · flags: 1"."""
    (query,) = [one for one in queries(board, variables) if one.panel == TITLES[indicator] and not one.ranged]
    return {
        "{judged} · {basis} · {window} · flags: {flags}".format(**one["metric"]): float(one["value"][1])
        for one in prometheus.query(query.expr)
    }


def _table(
    prometheus: Prometheus, board: dict[str, Any], variables: dict[str, Any], panel: str
) -> dict[tuple[str, ...], dict[str, float]]:
    """Give a table as `merge` makes it: by (organisation, indicator, window, basis), its columns."""
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    shapes: set[frozenset[str]] = set()
    (made,) = [
        one
        for row in board["panels"]
        for one in (row, *row.get("panels", ()))
        if one["title"] == panel and one["type"] == "table"
    ]
    renamed = made["transformations"][1]["options"]["renameByName"]
    for query in queries(board, variables):
        if query.panel == panel:
            for one in prometheus.query(query.expr):
                labels = one["metric"]
                shapes.add(frozenset(labels))
                key = (labels.get("name", ""), labels["title"], labels["window"], labels["basis"])
                rows.setdefault(key, {})[renamed[f"Value #{query.ref}"]] = float(one["value"][1])
    assert len(shapes) < 2, f"`merge` joins only rows with the same labels: {shapes}"
    return rows


@pytest.mark.parametrize(
    "variables",
    [
        {"level": "england", "organisation": "england"},
        {"level": "region", "organisation": REGION, "window": "7d"},
        QKK | {"window": "12m", "basis": ["operational", "official", "synthetic"]},
        {"level": "trust", "organisation": "RJ1", "window": "since_midnight", "basis": ["synthetic"]},
        {"level": "icb", "organisation": "nobody"},
    ],
    ids=lambda one: "-".join(map(str, one.values())),
)
def test_every_query_is_answered(scraped: Prometheus, variables: dict[str, Any]) -> None:
    """No query is refused, whatever is chosen, and none gives the same labels twice."""
    now = time.time()
    for query in queries(FOUR_PURPOSES, variables):
        scraped.query(query.expr)
        if query.ranged:
            span = {"start": f"{now - 60:.0f}", "end": f"{now:.0f}", "step": "15"}
            scraped.get("query_range", query=query.expr, **span)


@pytest.mark.parametrize(
    "variables",
    [{"level": "england", "organisation": "england"}, {"level": "region", "organisation": REGION}, QKK],
    ids=["england", "region", "icb"],
)
def test_every_indicator_has_a_value(scraped: Prometheus, variables: dict[str, Any]) -> None:
    """With events for the four purposes no card, and no line, of the board is empty at a declared level."""
    cards = {one.title for one in shown(Catalogue.shipped()) if variables["level"] in one.levels}
    empty = [
        query.panel
        for query in queries(FOUR_PURPOSES, variables)
        if query.panel in cards and query.ref == "A" and not scraped.query(query.expr)
    ]
    assert [] == empty


@pytest.mark.parametrize(
    ("indicator", "expected"),
    [
        (
            "ae_4h_all_types",
            {
                "misses · operational · month · flags: 1": 45 / 60,
                "misses · official · month · flags: none": 0.74,
            },
        ),
        ("ae_dta_12h", {"not judged · operational · month · flags: 1": 4}),
        ("amb_handover_over_45m", {"misses · operational · month · flags: 1": 10 / 40}),
        ("amb_handover_mean", {"not judged · operational · month · flags: 1": 30}),
        ("rtt_18w", {"misses · operational · month · flags: none": 0.6}),
        ("rtt_18w_imd_gap", {"not judged · operational · month · flags: none": -0.1}),
        ("hypertension_control", {"not judged · operational · quarter · flags: none": 0.7}),
        ("theatre_capped_utilisation", {"misses · operational · month · flags: 1": 12 / 16}),
        ("drd_mean_delay_delayed_only", {"not judged · operational · month · flags: 2": 2}),
        ("finance_ytd_variance", {"not judged · operational · month · flags: none": -0.005}),
        ("core20_recruitment", {"not judged · operational · month · flags: none": 0.2}),
    ],
)
def test_card_shows_value_judgement_basis_window_and_flags(
    scraped: Prometheus, indicator: str, expected: dict[str, float]
) -> None:
    """The ICB's figures, worked by hand from the two trusts' events; a survey by quarter says so."""
    assert pytest.approx(expected) == _cards(scraped, FOUR_PURPOSES, QKK, indicator)


def test_card_of_a_trust_that_meets(scraped: Prometheus) -> None:
    """27 of 30 within four hours meets 78 %."""
    rj1 = {"level": "trust", "organisation": "RJ1", "basis": ["operational"]}
    assert {"meets · operational · month · flags: 1": 0.9} == _cards(
        scraped, FOUR_PURPOSES, rj1, "ae_4h_all_types"
    )


def test_simulated_figures_are_shown_on_request_and_say_so(scraped: Prometheus) -> None:
    """Synthetic figures stand apart, under their own name."""
    chosen = QKK | {"basis": ["synthetic"]}
    assert {"misses · SIMULATED · month · flags: 1": 0.5} == _cards(
        scraped, FOUR_PURPOSES, chosen, "ae_4h_all_types"
    )


def test_declared_window_without_data_is_empty_and_not_replaced(scraped: Prometheus) -> None:
    """Nobody came since midnight: no figure of another window may stand in for it."""
    chosen = QKK | {"window": "since_midnight"}
    assert {} == _cards(scraped, FOUR_PURPOSES, chosen, "ae_4h_all_types")
    assert {"misses · operational · month · flags: none": 0.6} == _cards(
        scraped, FOUR_PURPOSES, chosen, "rtt_18w"
    )


def test_evidence_has_status_denominator_ages_and_flags(scraped: Prometheus) -> None:
    """What stands behind a figure is read off one row."""
    rows = _table(scraped, FOUR_PURPOSES, QKK, "Productivity and value: evidence")

    delayed_only = rows["", TITLES["drd_mean_delay_delayed_only"], "month", "operational"]
    flags = list(FLAGS)
    assert 2 ** flags.index("to_date") + 2 ** flags.index("below_minimum") == delayed_only["Flags"]
    assert 12 == delayed_only["Denominator"]
    assert "Status" not in delayed_only
    theatre = rows["", TITLES["theatre_capped_utilisation"], "month", "operational"]
    assert 2 == theatre["Status"]
    assert 960 == theatre["Denominator"]
    assert 1000 * 1_769_904_000 == theatre["Period ends before"]
    assert theatre["Age of data"] > 0
    assert {"28d"} == {window for _, title, window, _ in rows if title == TITLES["weekend_discharge_ratio"]}
    assert {"day"} == {window for _, title, window, _ in rows if title == TITLES["los_21plus_patients"]}


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        (QKK, {"Guy's and St Thomas' NHS Foundation Trust", "King's College Hospital NHS Foundation Trust"}),
        (
            {"level": "region", "organisation": REGION},
            {"NHS South East London Integrated Care Board"},
        ),
        ({"level": "england", "organisation": "england"}, {"London"}),
        ({"level": "trust", "organisation": "RJ1"}, set()),
        ({"level": "region", "organisation": ICB}, set()),
    ],
    ids=["icb", "region", "england", "trust", "an ICB's code at another level"],
)
def test_members_are_the_organisations_one_level_below(
    scraped: Prometheus, variables: dict[str, Any], names: set[str]
) -> None:
    """Regions of England, ICBs of a region, trusts of an ICB; nothing below a trust."""
    rows = _table(scraped, FOUR_PURPOSES, variables, "Outcomes and access: member organisations")
    assert names == {name for name, *_ in rows}


def test_members_have_value_denominator_status_and_flags(scraped: Prometheus) -> None:
    """One trust meets the four-hour threshold and one does not; minutes have their own column."""
    rows = _table(scraped, FOUR_PURPOSES, QKK, "Outcomes and access: member organisations")

    guys, kings = "Guy's and St Thomas' NHS Foundation Trust", "King's College Hospital NHS Foundation Trust"
    of = (TITLES["ae_4h_all_types"], "month", "operational")
    to_date = 2 ** list(FLAGS).index("to_date")
    age = rows[guys, *of].pop("Age of data"), rows[kings, *of].pop("Age of data")
    assert {"Value, %": 0.9, "Denominator": 30, "Status": 0, "Flags": to_date} == rows[guys, *of]
    assert {"Value, %": 0.6, "Denominator": 30, "Status": 2, "Flags": to_date} == rows[kings, *of]
    assert min(age) > 0
    assert 30 == rows[guys, TITLES["amb_handover_mean"], "month", "operational"]["Value, minutes"]


def test_trust_panels_say_what_there_is_to_know(scraped: Prometheus) -> None:
    """Flags, silent publishers, refused and late records, and whether anybody serves."""
    found = {
        (query.panel, query.ref): [
            (one["metric"].get("flag", one["metric"].get("basis", "")), float(one["value"][1]))
            for one in scraped.query(query.expr)
        ]
        for query in queries(FOUR_PURPOSES, QKK)
    }

    assert [("", 1)] == found["Service", "A"]
    assert [("", 0)] == found["Service", "B"]
    assert [("", 2)] == found["Refused and late records", "A"], "one a worker"
    assert [("", 2)] == found["Refused and late records", "B"], "one a worker"
    assert [("", 5)] == found["Publishers silent", "A"]
    assert [("", 5)] == found["Publishers silent", "B"]
    assert {"operational", "official"} == {basis for basis, _ in found["Figures, by basis", "A"]}
    assert {"to_date", "below_minimum", "partial"} <= {flag for flag, _ in found["Flags present", "A"]}


def test_organisations_can_be_chosen_by_name(scraped: Prometheus) -> None:
    """The list of organisations is what has figures at the level, with names to read."""
    (variable,) = [one for one in FOUR_PURPOSES["templating"]["list"] if one["name"] == "organisation"]
    query = variable["query"]["query"].removeprefix("query_result(").removesuffix(")")
    expression = substituted(query, defaults(FOUR_PURPOSES) | {"level": "trust"})

    assert [
        {"name": "Guy's and St Thomas' NHS Foundation Trust", "org": "RJ1"},
        {"name": "King's College Hospital NHS Foundation Trust", "org": "RJZ"},
        {"name": "West Midlands Ambulance Service University NHS Foundation Trust", "org": "RYA"},
    ] == sorted((one["metric"] for one in scraped.query(expression)), key=lambda one: one["org"])
