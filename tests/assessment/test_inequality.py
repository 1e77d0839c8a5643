"""Inequality: gaps, slopes and what is said of them, against the domain's example and other calculations."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import duckdb
import pytest
from disclosing import CATALOGUE, END, START, Table, board, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.assessment import Board, Row
from streams.assessment.inequality import Group, narrowed_unimproved, slope
from streams.catalogue import Catalogue
from streams.errors import ConfigurationError

EXAMPLE = [Group(value, 1000.0) for value in (60.0, 61.0, 63.0, 64.5, 66.0)]
"""Domain §15.3, per cent within 18 weeks, equal populations."""


def test_slope_of_example_15_3() -> None:
    """Points .1 to .9; means .5 and 62.9; 3.1 over .4 is 7.75, from 59.025 to 66.775: 1.1313 times."""
    line = slope(EXAMPLE)
    assert line is not None
    assert (7.75, 59.025) == pytest.approx((line.rise, line.intercept))
    assert 1.1313 == pytest.approx(line.end / line.intercept, abs=5e-5)


def test_the_middle_of_a_share() -> None:
    """The first of a share of .12 lies at .06 (the help text of the package has a slip there: 0.6).

    Two groups of .12 and .88 would lie at .06 and .56; with three more of nothing there is no slope.
    """
    values = (1.0, 2.0, 3.0, 4.0, 5.0)
    shares = (0.12, 0.28, 0.2, 0.2, 0.2)
    middles = (0.06, 0.26, 0.5, 0.7, 0.9)
    mean_x = sum(w * x for w, x in zip(shares, middles, strict=True))
    mean_y = sum(w * y for w, y in zip(shares, values, strict=True))
    above = sum(w * (x - mean_x) * (y - mean_y) for w, x, y in zip(shares, middles, values, strict=True))
    below = sum(w * (x - mean_x) ** 2 for w, x in zip(shares, middles, strict=True))
    line = slope([Group(y, w) for y, w in zip(values, shares, strict=True)])
    assert line is not None
    assert above / below == pytest.approx(line.rise)


@pytest.mark.parametrize(
    "groups",
    [
        EXAMPLE[:4],
        [*EXAMPLE[:4], Group(66.0, 0.0)],
        [*EXAMPLE[:4], Group(66.0, None)],
        [*EXAMPLE[:4], Group(None, 1000.0)],
    ],
)
def test_no_slope_without_its_conditions(groups: list[Group]) -> None:
    """Five groups, and everybody in each of them."""
    assert slope(groups) is None


SQL = """
with told as (
    select ord, value, population, population / sum(population) over () as share,
        sum(population) over (order by ord) / sum(population) over ()
            - population / sum(population) over () / 2 as middle
    from (select unnest(range(len(?::double[]))) as ord, unnest(?::double[]) as value,
        unnest(?::double[]) as population)
), sums as (
    select sum(share * middle) as x, sum(share * value) as y, sum(share * middle * value) as xy,
        sum(share * middle * middle) as xx from told
)
select (xy - x * y) / (xx - x * x) as index, y - x * (xy - x * y) / (xx - x * x) from sums
"""


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.integers(1, 100_000)).map(lambda drawn: Group(drawn[0], drawn[1])),
        min_size=5,
        max_size=10,
    )
)
@settings(max_examples=100, deadline=None)
def test_slope_by_sql(groups: list[Group]) -> None:
    """DuckDB gives the same line by sums of squares."""
    values = [one.value for one in groups]
    populations = [one.population for one in groups]
    found = duckdb.execute(SQL, [values, values, populations]).fetchone()
    line = slope(groups)
    assert found is not None
    assert line is not None
    for mine, theirs in zip((line.rise, line.intercept), found, strict=True):
        assert math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-6)


@given(st.floats(-50, 50), st.floats(0, 100), st.lists(st.integers(1, 1000), min_size=5, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_straight_line_is_found_again(rise: float, start: float, populations: list[int]) -> None:
    """Where values lie on a line over the middles, the line is that one, whatever the weights."""
    total, before, groups = sum(populations), 0.0, []
    for population in populations:
        share = population / total
        groups.append(Group(start + rise * (before + share / 2), population))
        before += share
    line = slope(groups)
    assert line is not None
    assert math.isclose(rise, line.rise, abs_tol=1e-6)
    assert math.isclose(start, line.intercept, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("expected", "now", "before", "indicator"),
    [
        (True, (0.60, 0.64), (0.60, 0.66), "rtt_18w"),  # the least deprived became worse, the most stayed
        (True, (0.59, 0.62), (0.60, 0.66), "rtt_18w"),  # everybody worse
        (False, (0.61, 0.66), (0.60, 0.66), "rtt_18w"),  # the most deprived did better
        (False, (0.60, 0.67), (0.60, 0.66), "rtt_18w"),  # wider
        (False, (0.60, 0.66), (0.60, 0.66), "rtt_18w"),  # the same
        (True, (0.30, 0.28), (0.30, 0.25), "drd_delayed"),  # lower is better here
        (False, (0.29, 0.28), (0.30, 0.25), "drd_delayed"),
        (True, (0.60, 0.61), (0.60, 0.55), "rtt_18w"),  # turned round: nearer, and no better
    ],
)
def test_a_gap_that_narrows_for_the_wrong_reason(
    expected: bool, now: tuple[float, float], before: tuple[float, float], indicator: str
) -> None:
    """Smaller than before while the most deprived fifth did not improve."""
    assert expected == narrowed_unimproved(CATALOGUE.indicators[indicator], now, before)


def quintiles(*within: int, attended: int = 1000) -> Table:
    return {str(number): (attended, count) for number, count in enumerate(within, 1)}


MAY = quintiles(600, 610, 630, 645, 660)
JUNE = (date(2026, 6, 1), date(2026, 7, 1))


def closed(of: Board, name: str, org: str = "RJ1") -> list[Row]:
    found = [row for row in of.all_periods() if row.indicator == f"ae_4h_all_types_imd_{name}"]
    return [row for row in found if row.org == org]


def test_the_figures_of_a_closed_month() -> None:
    """All four, of example 15.3: -6 points, 0.9091, a slope of 7.75 points from 59.025 %, 1.1313."""
    on = board([snapshot("RJ1", {None: MAY})])
    found = {name: closed(on, name)[0] for name in ("gap", "relative_gap", "sii", "rii")}
    assert {"gap": -0.06, "relative_gap": 0.9091, "sii": 0.0775, "rii": 1.1313} == pytest.approx(
        {name: row.value for name, row in found.items()}, abs=5e-5
    )
    assert (0.66775, 0.59025) == pytest.approx((found["rii"].numerator, found["rii"].denominator))
    assert {"imd_quintile": 1.0} == found["gap"].coded


def test_no_slope_on_a_tick() -> None:
    """The current figures have gaps and no slope: a month that goes on is not worked out."""
    on = board([snapshot("RJ1", {None: MAY})])
    prefix = "ae_4h_all_types_imd_"
    kinds = {row.indicator.removeprefix(prefix) for row in on.rows() if row.indicator.startswith(prefix)}
    assert {"gap", "relative_gap"} == kinds


@pytest.mark.parametrize(
    ("flags", "june"),
    [
        (("narrowed_unimproved",), quintiles(600, 610, 630, 640, 640)),
        ((), quintiles(610, 610, 630, 640, 660)),
        ((), quintiles(600, 610, 630, 640, 670)),
        (("suppressed",), quintiles(600, 610, 630, 640, 4)),
    ],
)
def test_a_month_is_compared_with_the_one_before(flags: tuple[str, ...], june: Table) -> None:
    """Quintile 1 stayed at 60 % while quintile 5 fell from 66 to 64 %: narrower, and nobody is better off."""
    window = snapshot("RJ1", {None: MAY}).series[0].windows[0]
    both = snapshot("RJ1", {None: june}, period=JUNE)
    both.series[0].windows.insert(0, window)
    rows = closed(board([both]), "gap")
    assert [(START, END), JUNE] == [(row.period_start, row.period_end) for row in rows]
    assert [(), flags] == [row.flags for row in rows]


def test_a_month_whose_predecessor_is_hidden_is_not_compared() -> None:
    """The mark would tell something of what is not shown."""
    window = snapshot("RJ1", {None: quintiles(600, 610, 630, 645, 996)}).series[0].windows[0]
    both = snapshot("RJ1", {None: quintiles(600, 610, 630, 640, 640)}, period=JUNE)
    both.series[0].windows.insert(0, window)
    may, june = closed(board([both]), "gap")
    assert (("suppressed",), ()) == (may.flags, june.flags)


def test_a_slope_needs_every_quintile() -> None:
    """Nobody of quintile 4: no value, and not a slope of four."""
    four = {value: count for value, count in MAY.items() if value != "4"}
    (row,) = closed(board([snapshot("RJ1", {None: four})]), "sii")
    assert (None, ("partial", "no_value")) == (row.value, row.flags)


ENTRY = """
[[indicator]]
id = "x_share"
title = "X"
purpose = "outcomes_and_access"
horizon = "today"
direction = "lower"
unit = "ratio"
windows = ["month"]
strata = ["sex"]
definition = "x over y"
source = "here"
[[indicator.from]]
stream = "ed_attendance"
numerator = "over_12h"
denominator = "attended"

[[inequality]]
of = "x_share"
dimension = "sex"
name = "sex"
words = "sex"
groups = ["female", "male"]
windows = ["month"]
source = "here"
"""


def test_two_groups_have_gaps_and_no_slope(tmp_path: Any) -> None:
    """An entry declares what its groups can carry."""
    (tmp_path / "local.toml").write_text(ENTRY)
    found = Catalogue.from_directory(tmp_path).indicators
    assert ["x_share", "x_share_sex_gap", "x_share_sex_relative_gap"] == list(found)
    assert "towards_zero" == found["x_share_sex_gap"].direction


@pytest.mark.parametrize(
    ("said", "old", "new"),
    [
        ("local.toml:19: inequality: 'y_share' is no indicator", 'of = "x_share"', 'of = "y_share"'),
        ("is not stratified by age_band; it has sex", 'dimension = "sex"', 'dimension = "age_band"'),
        ("local.toml:23: inequality here: groups", 'groups = ["female", "male"]', 'groups = ["female"]'),
    ],
)
def test_a_wrong_entry_is_told_what(tmp_path: Any, said: str, old: str, new: str) -> None:
    """The error names the file, the indicator and what is wrong."""
    (tmp_path / "local.toml").write_text(ENTRY.replace(old, new))
    with pytest.raises(ConfigurationError, match=r"local\.toml") as error:
        Catalogue.from_directory(tmp_path)
    assert said in str(error.value)
