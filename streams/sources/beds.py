"""The monthly table of beds of the urgent and emergency care daily situation report, by trust.

Two figures of occupancy come of it, each under its own name. Occupied over available beds of the month is a
ratio of sums and is summed at every level. The published rate is the mean of the days' rates: another figure,
imported as it stands and in no sum. None occupied of none available is no value.

Two shapes, known by their headers: a row a trust and month, and the long table of recent months, a row a
figure, with levels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from streams.errors import SourceError
from streams.sources.events import Event
from streams.sources.reports import (
    NO_CODE,
    About,
    Amount,
    Period,
    Publication,
    check_recorded,
    warn_of_no_code,
)
from streams.sources.tables import Layout, Row, Table, month_after, plain

BEDS = Publication("/ods/X24/uec-beds-monthly", "uec_beds_monthly")

_GROUPS = {
    "ga_bed_occupancy": "adultg(eneral|and)?a(cute)?",
    "ga_bed_occupancy_all_ages": "g(eneral|and)?a(cute)?",
    "critical_care_occupancy": "adultcriticalcare",
}
"""Measures of occupancy, and how their columns begin."""
_MOST_OF_ALL = 2
"""A rate above this is in per cent, or no rate."""


def _columns(measure: str) -> dict[str, str]:
    group = _GROUPS[measure]
    return {
        f"{measure}:available": f"{group}bedsavail[a-z]*",
        f"{measure}:occupied": f"{group}bedsoccupied",
        f"{measure}:rate": f"{group}(beds)?occupancyrate",
    }


_FIGURES = {name: pattern for measure in _GROUPS for name, pattern in _columns(measure).items()}
"""What is read, `<measure>:<kind>`, and the pattern of its header, or of its name in the long table."""
_NAME = {"name": "((trust|provider|org(anisation)?)[0-9]{0,2})?name"}
_WIDE = Layout(
    "the monthly table of beds by trust",
    {
        "code": "(nhs)?((trust|org|provider)[0-9]{0,2})?code",
        "date": "date|period|month",
        **_columns("ga_bed_occupancy"),
    },
    _NAME | _FIGURES,
)
_LONG = Layout(
    "the long table of a month's beds",
    {"code": "org(anisation)?code", "date": "period", "level": "level", "metric": "metric", "value": "value"},
    _NAME,
)

_Figures = dict[str, Amount]


class _Whose(NamedTuple):
    """Whose beds of which month; trusts without a code are told apart by name or line."""

    code: str
    without_code: str
    start: date


def load(path: Path, recorded: datetime | None = None) -> Iterator[Event]:
    """Turn one table into events: by trust and month the beds, and the published mean of the days.

    Args:
        path: the CSV as published.
        recorded: when the figures became known; each month's end unless given.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    table = Table(path, _WIDE, _LONG)
    found = _wide(table) if table.layout is _WIDE else _long(table)
    if not found:
        raise SourceError(f"{path}: a header and no trust: a torn file? Fetch it again")
    check_recorded(path, recorded, month_after(max(whose.start for whose in found)))
    without: Counter[date] = Counter()
    for whose, figures in found.items():
        code = whose.code
        if not code:
            without[whose.start] += 1
            code = f"{NO_CODE}{without[whose.start]}"
        period = Period(whose.start, month_after(whose.start))
        yield from _events(About(BEDS, code, period, recorded), figures)
    warn_of_no_code(path, without.total())


def _wide(table: Table) -> dict[_Whose, _Figures]:
    """Read a table with a row a month."""
    names = [name for name in _FIGURES if table.has(name)]
    found: dict[_Whose, _Figures] = {}
    lines: dict[_Whose, int] = {}
    for row in table:
        if table.is_sum(row, "code", "name"):
            continue
        code = table.code(row)
        whose = _Whose(code, "" if code else str(row.line), table.month(row))
        figures = {name: _figure(table, row, name, name) for name in names}
        if found.setdefault(whose, figures) != figures:
            raise SourceError(
                f"{table.path}:{row.line}: {code} of {whose.start:%Y-%m} stands already in line"
                f" {lines[whose]}, with other figures"
            )
        lines.setdefault(whose, row.line)
    return found


def _long(table: Table) -> dict[_Whose, _Figures]:
    """Read a table with a row a figure: of its levels the providers, of which the others are sums."""
    found: dict[_Whose, _Figures] = {}
    for row in table:
        metric = plain(table.text(row, "metric"))
        name = next((one for one, pattern in _FIGURES.items() if re.fullmatch(pattern, metric)), None)
        if name is None or table.text(row, "level").lower() != "provider":
            continue
        code = table.code(row)
        whose = _Whose(code, "" if code else table.text(row, "name") or "no name", table.month(row))
        figure = _figure(table, row, "value", name)
        if found.setdefault(whose, {}).setdefault(name, figure) != figure:
            raise SourceError(
                f"{table.path}:{row.line}: {table.text(row, 'metric')!r} of {code} stands already for"
                f" {whose.start:%Y-%m}, with another figure"
            )
    return found


def _figure(table: Table, row: Row, column: str, name: str) -> Amount:
    """Read one cell as what `name` says: a number of beds, or a rate."""
    amount = table.amount(row, column)
    if amount is None:
        return None
    is_rate = name.endswith(":rate")
    if is_rate and table.text(row, column).endswith("%"):
        return f"{Decimal(amount) / 100:.6f}"
    if is_rate and not 0 <= Decimal(amount) <= _MOST_OF_ALL:
        raise table.wrong(row, column, "a rate of occupancy, 0.92 or 92%")
    if Decimal(amount) < 0:
        raise table.wrong(row, column, "a number of beds")
    return amount


def _events(about: About, figures: _Figures) -> Iterator[Event]:
    for measure in _GROUPS:
        if f"{measure}:available" in figures:
            occupied, available = figures.get(f"{measure}:occupied"), figures[f"{measure}:available"]
            known = occupied is not None and available is not None and Decimal(available) > 0
            yield about.report(measure, *((occupied, available) if known else (None, None)))
        if f"{measure}:rate" in figures:
            yield about.report(f"{measure}_published_mean", figures[f"{measure}:rate"])
