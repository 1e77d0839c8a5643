"""Rows: division, thresholds of their time, minimum denominators, and the gap between strata."""

from datetime import date
from typing import Any

import pytest
from making import MORNING

from schemas.outputs import Cell
from streams.assessment.rows import Calculator, Figures, Row, figure
from streams.catalogue import Catalogue
from streams.catalogue.model import facts_of
from streams.engine.families.returns import RTT_FACTS

CATALOGUE = Catalogue.shipped()


def figures(cells: Any, *, window: str = "month", start: date = date(2025, 9, 1), **other: Any) -> Figures:
    fields: dict[str, Any] = {
        "org": "RJ1",
        "level": "trust",
        "window": window,
        "start": start,
        "end": date(2025, 10, 1),
        "basis": "operational",
        "cells": {strata: Cell(*strata, list(facts)) for strata, facts in cells.items()},
        "flags": (),
        "as_at_ms": int(MORNING.timestamp() * 1000),
        "restated_ms": None,
    }
    return Figures(**fields | other)


def rows(indicator: str, of: Figures, stream: str | None = None) -> list[Row]:
    one = CATALOGUE.indicators[indicator]
    base = CATALOGUE.indicators[one.gap.of] if one.gap else one
    contribution = next(c for c in base.contributions if stream in (None, c.stream))
    return Calculator(CATALOGUE, one, contribution, facts_of(contribution.stream) or ()).rows(of)


def ed(attended: int, within: int) -> Any:
    return {("", ""): [attended, within, 0, 0, 0, 0, 0, 0, 0]}


@pytest.mark.parametrize(
    ("status", "value", "attended", "within"),
    [("ok", 0.78, 100, 78), ("breach", 0.77, 100, 77), ("not_judged", 1.0, 19, 19), ("no_value", None, 0, 0)],
)
def test_judged_against_the_threshold_of_its_time(
    status: str, value: float | None, attended: int, within: int
) -> None:
    """78 % in March 2026: equal meets it, below misses it, too few are not judged, none has no value."""
    (row,) = rows("ae_4h_all_types", figures(ed(attended, within), start=date(2026, 3, 1)))
    assert (status, value, 0.78) == (row.status, row.value, row.threshold)


@pytest.mark.parametrize(
    ("status", "threshold", "start"),
    [
        ("breach", 0.76, date(2024, 3, 1)),
        ("no_threshold", None, date(2024, 2, 1)),
        ("expired", None, date(2024, 4, 1)),
        ("expired", None, date(2025, 9, 1)),
        ("breach", 0.78, date(2026, 3, 1)),
        ("expired", None, date(2026, 4, 1)),
        ("breach", 0.82, date(2027, 3, 1)),
    ],
)
def test_thresholds_are_dated(status: str, threshold: float | None, start: date) -> None:
    """A period is judged by the threshold of its first day; a milestone judges from its month on."""
    (row,) = rows("ae_4h_all_types", figures(ed(100, 50), start=start))
    assert (status, threshold) == (row.status, row.threshold)


def test_lower_is_better_where_declared() -> None:
    """Occupancy of 92 % meets 92 %, 93 % does not."""
    start = date(2023, 5, 1)
    found = [
        rows(
            "ga_bed_occupancy", figures({("", ""): [1, 100, 0, occupied, 0, 0, 0]}, window="7d", start=start)
        )[0]
        for occupied in (92, 93)
    ]
    assert ["ok", "breach"] == [row.status for row in found]


def test_since_midnight_withholds_a_value_on_few() -> None:
    """At 00:30 three attendances are shown as a denominator without a percentage."""
    (row,) = rows("ae_4h_all_types", figures(ed(3, 3), window="since_midnight"))
    assert (None, 3, ("below_minimum",)) == (row.value, row.denominator, row.flags)


def test_official_figures_are_shown_however_small() -> None:
    """A published percentage of seven attendances is a published percentage, and not judged."""
    (row,) = rows("ae_4h_all_types", figures(ed(7, 7), basis="official", start=date(2026, 3, 1)))
    assert (1.0, ("below_minimum",), "not_judged") == (row.value, row.flags, row.status)


def rtt(within: int, total: int) -> list[int]:
    return dict(zip(RTT_FACTS, (1, total, within, 0, 0), strict=True)).values()  # type: ignore[return-value]


def test_gap_of_example_15_3() -> None:
    """60 % in the most deprived fifth and 66 % in the least: minus six points, without parts."""
    cells = {("", ""): list(rtt(1261, 2000))}
    for quintile, within in enumerate((600, 610, 630, 645, 660), 1):
        cells["imd_quintile", str(quintile)] = list(rtt(within, 1000))
    (row,) = rows("rtt_18w_imd_gap", figures(cells), "rtt_month")
    assert pytest.approx(-0.06) == row.value
    assert (None, None, "no_threshold") == (row.numerator, row.denominator, row.status)


def test_gap_without_a_quintile_has_no_value() -> None:
    """A missing stratum is no gap, not a gap of zero."""
    cells = {("", ""): list(rtt(1, 2)), ("imd_quintile", "1"): list(rtt(1, 2))}
    (row,) = rows("rtt_18w_imd_gap", figures(cells), "rtt_month")
    assert (None, ("partial", "no_value")) == (row.value, row.flags)


def test_a_blank_count_has_no_value_and_a_zero_has() -> None:
    """No return is not none: a count needs a report with a numerator."""
    stream = "measure:ae_dta_12h"
    blank, zero = (
        rows("ae_dta_12h", figures({("", ""): [1, known, 0, 0]}), stream)[0].value for known in (0, 1)
    )
    assert (None, 0) == (blank, zero)


def test_parts_are_shown_in_the_units_of_the_indicator() -> None:
    """Seconds become minutes: 220 of 240 planned minutes are 91.67 %."""
    names = facts_of("theatre_session") or ()
    seconds = {"capped_union_seconds": 13200, "planned_seconds": 14400}
    cells = {("", ""): [seconds.get(name, 0) for name in names]}
    (row,) = rows("theatre_capped_utilisation", figures(cells))
    assert (220, 240, "ok") == (row.numerator, row.denominator, row.status)
    assert pytest.approx(0.916667, abs=1e-6) == row.value


@pytest.mark.parametrize(
    ("expected", "value", "unit", "gap"),
    [
        ("74.8 %", 0.7478, "ratio", False),
        ("-6.0 points", -0.06, "ratio", True),
        ("44,648 patients", 44648, "patients", False),
        ("5.7 days", 5.6667, "days", False),
        ("no value", None, "days", False),
    ],
)
def test_values_as_people_write_them(expected: str, value: float | None, unit: str, gap: bool) -> None:
    """A page says per cent, points, patients; never a bare fraction."""
    assert expected == figure(value, unit, gap=gap)
