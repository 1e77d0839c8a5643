"""The monthly table of beds of the urgent and emergency care daily situation report, by trust.

Two figures of occupancy come of it, each under its own name. Occupied over available beds of the month is a
ratio of sums and is summed at every level. The published rate is the mean of the days' rates: another figure,
imported as it stands and in no sum. None occupied of none available is no value.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from streams.errors import SourceError
from streams.sources.events import Event
from streams.sources.reports import NO_CODE, About, Amount, Period, Publication, check_recorded
from streams.sources.tables import Layout, Row, Table, month_after

log = logging.getLogger(__name__)

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


_LAYOUT = Layout(
    "the monthly table of beds by trust",
    {
        "code": "(nhs)?((trust|org|provider)[0-9]{0,2})?code",
        "date": "date|period|month",
        **_columns("ga_bed_occupancy"),
    },
    {
        "name": "((trust|provider|org)[0-9]{0,2})?name",
        **_columns("ga_bed_occupancy_all_ages"),
        **_columns("critical_care_occupancy"),
    },
)


class _Beds(NamedTuple):
    """Beds of one group of one trust in one month, and the rate as published."""

    occupied: Amount
    available: Amount
    rate: Amount


_Line = dict[str, _Beds]
_Key = tuple[str, date]


def load(path: Path, recorded: datetime | None = None) -> Iterator[Event]:
    """Turn one table into events: by trust and month the beds, and the published mean of the days.

    Args:
        path: the CSV as published.
        recorded: when the figures became known; each month's end unless given.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    table = Table(path, _LAYOUT)
    found = _lines(table)
    if not found:
        raise SourceError(f"{path}: a header and no trust: a torn file? Fetch it again")
    check_recorded(path, recorded, month_after(max(start for _, start in found)))
    for (code, start), line in found.items():
        yield from _events(code, Period(start, month_after(start)), line, recorded)


def _lines(table: Table) -> dict[_Key, _Line]:
    found: dict[_Key, _Line] = {}
    numbers: dict[_Key, int] = {}
    without: Counter[date] = Counter()
    for row in table:
        if table.is_sum(row, "code", "name"):
            continue
        start = table.month(row)
        code = table.code(row)
        if not code:
            without[start] += 1
            code = f"{NO_CODE}{without[start]}"
        line = {name: _beds(table, row, name) for name in _GROUPS if table.has(f"{name}:available")}
        if found.setdefault((code, start), line) != line:
            raise SourceError(
                f"{table.path}:{row.line}: {code} of {start:%Y-%m} stands already in line"
                f" {numbers[code, start]}, with other figures"
            )
        numbers.setdefault((code, start), row.line)
    if without:
        log.warning(
            "%s: %d rows have no organisation's code; they are counted as %s1 and so on, unmapped",
            *(table.path, without.total(), NO_CODE),
        )
    return found


def _beds(table: Table, row: Row, measure: str) -> _Beds:
    occupied = _number_of_beds(table, row, f"{measure}:occupied")
    available = _number_of_beds(table, row, f"{measure}:available")
    return _Beds(occupied, available, _rate(table, row, f"{measure}:rate"))


def _number_of_beds(table: Table, row: Row, column: str) -> Amount:
    amount = table.amount(row, column)
    if amount is not None and Decimal(amount) < 0:
        raise table.wrong(row, column, "a number of beds")
    return amount


def _rate(table: Table, row: Row, column: str) -> Amount:
    amount = table.amount(row, column)
    if amount is None:
        return None
    if table.text(row, column).endswith("%"):
        return f"{Decimal(amount) / 100:.6f}"
    if not 0 <= Decimal(amount) <= _MOST_OF_ALL:
        raise table.wrong(row, column, "a rate of occupancy, 0.92 or 92%")
    return amount


def _events(code: str, period: Period, line: _Line, recorded: datetime | None) -> Iterator[Event]:
    about = About(BEDS, code, period, recorded)
    for measure, beds in line.items():
        known = beds.occupied is not None and beds.available is not None and Decimal(beds.available) > 0
        occupied, available = (beds.occupied, beds.available) if known else (None, None)
        yield about.report(measure, occupied, available)
        yield about.report(f"{measure}_published_mean", beds.rate)
