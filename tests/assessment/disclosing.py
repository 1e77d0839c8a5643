"""What tests of suppression share: boards of made-up counts, and an attacker who solves what is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from schemas.outputs import Cell, OrganisationSnapshot, Part, Position, SeriesFacts, WindowFacts
from streams.assessment import Board, Row
from streams.assessment.suppression import SHOWN_FROM_8, Rule
from streams.catalogue import Catalogue
from streams.engine.families import FAMILIES
from streams.organisations import Register

CATALOGUE = Catalogue.shipped()
REGISTER = Register.shipped()
ED = FAMILIES["ed_attendance"]
START, END = date(2026, 5, 1), date(2026, 6, 1)

Count = tuple[int, int]
"""Attended, and of those within four hours."""
Table = Mapping[str, Count]
"""By quintile, or `unknown`."""


def facts(attended: int, within: int) -> list[int]:
    """Give a vector of attendances."""
    named = {"attended": attended, "within_4h": within}
    return [named.get(name, 0) for name in ED.facts]


def cells(table: Table, *, dimension: str = "imd_quintile") -> list[Cell]:
    """Give the cells of a table, and its total."""
    nothing: list[dict[int, int]] = [{}]
    histograms = nothing if dimension == "imd_quintile" else []
    total = [sum(amounts) for amounts in zip(*table.values(), strict=True)]
    found = [
        Cell(dimension, value, facts(*count), histograms) for value, count in table.items() if any(count)
    ]
    return [Cell("", "", facts(*total), nothing), *found]


def snapshot(org: str, tables: Mapping[str | None, Table], **other: Any) -> OrganisationSnapshot:
    """Give a trust's snapshot of May, by site."""
    window = other.pop("window", "month")
    start, end = other.pop("period", (START, END))
    series = [
        SeriesFacts(
            ED.name,
            ED.definition,
            "operational",
            site,
            [WindowFacts(window, start, end, [Part(start, cells(table, **other))], 1)],
        )
        for site, table in tables.items()
    ]
    return OrganisationSnapshot(Position("oversight.events", "t", 0, 1, 1), org, series)


def board(snapshots: Iterable[OrganisationSnapshot], rule: Rule = SHOWN_FROM_8) -> Board:
    """Give a board of snapshots."""
    made = Board(CATALOGUE, REGISTER, rule=rule)
    for one in snapshots:
        made.apply(one)
    return made


def rows(of: Board, indicator: str = "ae_4h_all_types") -> dict[tuple[str, str, str], Row]:
    """Give an indicator's rows by level, organisation and stratum."""
    return {
        (row.level, row.org, next(iter(row.strata.values()), "")): row
        for row in of.rows()
        if row.indicator == indicator
    }


def hidden(of: Board, level: str = "trust", org: str = "RJ1") -> set[str]:
    """Give the quintiles that an organisation does not show."""
    return {
        value
        for (at, code, value), row in rows(of).items()
        if (at, code) == (level, org) and "suppressed" in row.flags
    }


Equation = dict[Any, int]
"""What is added up, each so many times, comes to a number that is known."""


def told(equations: Sequence[Equation]) -> set[Any]:
    """Give the unknowns that a system of equations determines: Gauss and Jordan, in fractions.

    Only which ones, so that the right-hand sides do not matter: an unknown is determined when some row says
    it alone.
    """
    rows: list[dict[Any, Fraction]] = []
    for equation in equations:
        new = {name: Fraction(times) for name, times in equation.items() if times}
        for row in rows:
            pivot = next(iter(row))
            if pivot in new:
                new = _less(new, row, new[pivot] / row[pivot])
        if not new:
            continue
        pivot = next(iter(new))
        rows = [_less(row, new, row[pivot] / new[pivot]) if pivot in row else row for row in rows]
        rows.append(new)
    return {next(iter(row)) for row in rows if len(row) == 1}


def _less(one: dict[Any, Fraction], other: dict[Any, Fraction], times: Fraction) -> dict[Any, Fraction]:
    """Give one equation less another so many times, its pivot first."""
    found = dict(one)
    for name, amount in other.items():
        left = found.get(name, Fraction(0)) - times * amount
        if left:
            found[name] = left
        else:
            found.pop(name, None)
    return found
