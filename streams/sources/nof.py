"""The quarterly CSV of the NHS Oversight Framework: imported as published, never recomputed.

A row is a metric of a trust: its value, the median and quartiles of trusts of its type, and its rank among
them. They become one reported figure with its peers, `nof_of0023` for OF0023, in the publication's own units,
and are in no sum. Which metrics are kept is declared in the catalogue. The period is the quarter that the
file is of: some metrics are of a year or a plan, and what the file says of that is the event's subject.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from streams.engine.calendar import civil_date, day_number
from streams.engine.windows import tumbling
from streams.errors import SourceError
from streams.sources.events import Event
from streams.sources.reports import About, Amount, Period, Publication, check_recorded
from streams.sources.tables import Layout, Row, Table, month, plain

log = logging.getLogger(__name__)

NOF = Publication("/ods/X24/nof-quarterly", "nhs_oversight_framework")

_LAYOUT = Layout(
    "the quarterly CSV of the NHS Oversight Framework",
    {
        "code": "trustcode",
        "metric": "metricid",
        "date": "reportingdate",
        "units": "units",
        "value": "value",
        "median": "medianvalue",
        "lower_quartile": "lowerquartile",
        "upper_quartile": "upperquartile",
        "rank": "rank",
    },
    {"quarter": "quarter"},
)
_PEERS = ("median", "lower_quartile", "upper_quartile", "rank")
_METRIC = re.compile(r"[A-Z]{2}[0-9]{4}[A-Z0-9]?")
_QUARTER = re.compile(r"q([1-4])[^0-9a-z]*(?:20)?([0-9]{2})[^0-9]+(?:20)?([0-9]{2})(?![0-9])", re.IGNORECASE)
_MONTHS_A_QUARTER, _FIRST_MONTH = 3, 4


class _Line(NamedTuple):
    """One metric of one trust."""

    line: int
    reported: str
    value: Amount
    peers: Mapping[str, Amount]


_Key = tuple[str, str, date, str]
"""Trust, metric, first day of the quarter, units."""


def load(
    path: Path, recorded: datetime | None = None, declared: Collection[str] | None = None
) -> Iterator[Event]:
    """Turn one file into events: by trust and metric what was published.

    Args:
        path: the CSV as published.
        recorded: when the figures became known; the quarter's end unless given.
        declared: measures of the catalogue; a metric that is not among them is left out, and said to be.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    table = Table(path, _LAYOUT)
    found = _lines(table)
    if not found:
        raise SourceError(f"{path}: a header and no trust: a torn file? Fetch it again")
    periods = {start: _quarter_from(start) for start in {key[2] for key in found}}
    check_recorded(path, recorded, max(period.end for period in periods.values()))
    left_out: Counter[str] = Counter()
    units = _chosen_units(table, found)
    for (code, metric, start, unit), line in found.items():
        measure = f"nof_{metric.lower()}"
        if unit != units[metric]:
            left_out[f"{metric} in {unit}"] += 1
        elif declared is not None and measure not in declared:
            left_out[metric] += 1
        else:
            about = About(NOF, code, periods[start], recorded)
            subject = f"{metric}/{'_'.join(line.reported.split())}"
            yield about.report(measure, line.value, peers=line.peers, subject=subject)
    if left_out:
        shown = ", ".join(f"{name} ({count} rows)" for name, count in sorted(left_out.items()))
        log.warning("%s: left out, not declared as [[published]] in the catalogue: %s", path, shown)


def _lines(table: Table) -> dict[_Key, _Line]:
    fallback = None if table.has("quarter") else _quarter(table.path.name)
    rows = list(table)
    if rows and not table.has("quarter") and fallback is None:
        fallback = _latest_quarter(table, rows)
    found: dict[_Key, _Line] = {}
    for row in rows:
        metric = table.text(row, "metric").upper()
        if not _METRIC.fullmatch(metric):
            raise table.wrong(row, "metric", "a metric such as OF0023")
        code = table.code(row)
        if not code:
            raise table.wrong(row, "code", "a trust's code")
        start = fallback or _quarter(table.text(row, "quarter"))
        if start is None:
            raise table.wrong(row, "quarter", "a quarter such as Q3 2025/26")
        key = (code, metric, start, plain(table.text(row, "units")))
        peers = {name: amount for name in _PEERS if (amount := table.amount(row, name)) is not None}
        line = _Line(row.line, table.text(row, "date"), table.amount(row, "value"), peers)
        other = found.setdefault(key, line)
        if other[1:] != line[1:]:
            raise SourceError(
                f"{table.path}:{row.line}: {metric} of {code} stands already in line {other.line}, with other"
                " figures"
            )
    return found


def _chosen_units(table: Table, found: Collection[_Key]) -> dict[str, str]:
    """Give the units in which each metric is taken: of a rate and a count of the same, the rate."""
    units: dict[str, set[str]] = {}
    for _, metric, _, unit in found:
        units.setdefault(metric, set()).add(unit)
    chosen = {}
    for metric, those in units.items():
        rates = [unit for unit in those if len(those) == 1 or unit.startswith("rate")]
        if len(rates) != 1:
            raise SourceError(
                f"{table.path}: metric {metric} is in {' and in '.join(sorted(those))}: which is the rate?"
            )
        chosen[metric] = rates[0]
    return chosen


def _quarter(text: str) -> date | None:
    """Read a quarter of the financial year: `Q3 2025/26`, or `q3-25-26` in a name."""
    found = _QUARTER.search(text)
    if found is None or (int(found[2]) + 1) % 100 != int(found[3]):
        return None
    months = _FIRST_MONTH - 1 + _MONTHS_A_QUARTER * (int(found[1]) - 1)
    return date(2000 + int(found[2]) + months // 12, months % 12 + 1, 1)


def _latest_quarter(table: Table, rows: list[Row]) -> date:
    """Give the latest quarter that any metric is of: the one the file is of."""
    months = [start for row in rows if (start := month(table.text(row, "date"))) is not None]
    if not months:
        raise SourceError(
            f"{table.path}: no column Quarter, and no reporting date is a month: name the file like"
            " nof-acute-q3-25-26.csv"
        )
    return civil_date(tumbling("quarter", day_number(max(months))).start)


def _quarter_from(start: date) -> Period:
    return Period(start, civil_date(tumbling("quarter", day_number(start)).end))
