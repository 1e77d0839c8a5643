"""The daily figures of the acute discharge situation report: discharges by 17:00, criteria to reside.

Three shapes, known by their headers: a table of discharges, a table of patients who do not meet the criteria
to reside, each by trust or by ICB, a row a day; and the long table of recent months, a row a figure, with
levels. What is blank is no value, and nothing is derived from the rest of its row: the share needs both its
counts as published. A total of nought is no return: hospitals that discharge nobody also count nobody who
is ready, in the same rows.

Tables by ICB are published apart from those by trust and do not add up to them exactly, so no sum holds them.
Under an ONS code (E54…) they are figures of an area; of an ICB (with a look-up, or published by ODS code)
they have names of their own, ending in `_icb`, since the ICB's figure by the ordinary name is that of its
trusts.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from streams.errors import SourceError
from streams.organisations import is_area
from streams.sources.events import Event
from streams.sources.reports import NO_CODE, About, Period, Publication, check_recorded, warn_of_no_code
from streams.sources.tables import Layout, Row, Table, plain

log = logging.getLogger(__name__)

TRUSTS = Publication("/ods/X24/acute-discharge-daily", "acute_discharge_daily")
ICBS = Publication("/ods/X24/acute-discharge-daily-icb", "acute_discharge_daily_icb")

_ONE_DAY = timedelta(days=1)
_DISCHARGED = {
    "date": "date|period",
    "by_17": "dischargedby1700",
    "after_17": "dischargedbetween1701(and)?2359",
    "total": "discharged(total)?|totaldischarged",
}
_CRITERIA = {"date": "date|period", "nctr": "(donot|nolonger)meet(the)?criteriatoreside"}
_TRUST = {"code": "(nhs)?(trust|provider|org)[0-9]{0,2}code"}
_ICB = {"code": "icb[0-9]{0,2}code"}
_NAME = {"name": "((trust|provider|org(anisation)?|icb)[0-9]{0,2})?name"}
_LONG = Layout(
    "the discharge situation report of a month",
    {
        "date": "period",
        "level": "level",
        "code": "org(anisation)?code",
        "metric": "metric",
        "value": "value",
    },
    _NAME,
)
_BY_TRUST = (
    Layout("a table of daily discharges by trust", _TRUST | _DISCHARGED, _NAME),
    Layout("a table of criteria to reside by trust", _TRUST | _CRITERIA, _NAME),
)
_BY_ICB = (
    Layout("one of discharges by ICB", _ICB | _DISCHARGED, _NAME),
    Layout("one of criteria to reside by ICB", _ICB | _CRITERIA, _NAME),
)
_METRICS = {
    "numberofpatientswhonolongermeetthecriteriatoreside": "nctr",
    "numberofpatientsdischarged": "total",
    "numberofpatientsdischargedby1700": "by_17",
    "numberofpatientsdischargedbetween1701and2359": "after_17",
}
_LEVELS = {"provider": False, "trust": False, "icb": True}
"""Levels that are read, and whether they are of ICBs; national and regional rows are sums of them."""


class _Whose(NamedTuple):
    """Whose figures of which day; rows without a code are told apart by name or line."""

    by_icb: bool
    code: str
    without_code: str
    day: date


_Figures = dict[str, int | None]


def load(
    path: Path, recorded: datetime | None = None, lookup: Mapping[str, str] | None = None
) -> Iterator[Event]:
    """Turn one file into events: discharges, those by 17:00, patients not meeting the criteria to reside.

    Args:
        path: the CSV as published.
        recorded: when the figures became known; each day's end unless given.
        lookup: ODS code of an ICB by the code that the file has.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    table = Table(path, *_BY_TRUST, *_BY_ICB, _LONG)
    found = _long(table) if table.layout is _LONG else _wide(table, table.layout in _BY_ICB)
    if not found:
        raise SourceError(f"{path}: a header and no figures: a torn file? Fetch it again")
    check_recorded(path, recorded, max(whose.day for whose in found) + _ONE_DAY)
    _doubt(path, found)
    without: Counter[tuple[bool, date]] = Counter()
    for whose, figures in found.items():
        code = whose.code
        if not code:
            without[whose.by_icb, whose.day] += 1
            code = f"{NO_CODE}{without[whose.by_icb, whose.day]}"
        yield from _events(whose, code, figures, recorded, lookup or {})
    warn_of_no_code(path, without.total())


def _wide(table: Table, by_icb: bool) -> dict[_Whose, _Figures]:
    """Read a table with a row a day."""
    names = [name for name in table.layout.columns if name not in ("code", "date")]
    found: dict[_Whose, _Figures] = {}
    lines: dict[_Whose, int] = {}
    for row in table:
        if table.is_sum(row, "code", "name"):
            continue
        code = table.code(row)
        whose = _Whose(by_icb, code, "" if code else str(row.line), table.day(row))
        figures = {name: table.count(row, name) for name in names}
        if found.setdefault(whose, figures) != figures:
            raise SourceError(
                f"{table.path}:{row.line}: {code} of {whose.day} stands already in line {lines[whose]},"
                " with other figures"
            )
        lines.setdefault(whose, row.line)
    return found


def _long(table: Table) -> dict[_Whose, _Figures]:
    """Read a table with a row a figure."""
    found: dict[_Whose, _Figures] = {}
    for row in table:
        metric = _METRICS.get(plain(table.text(row, "metric")))
        by_icb = _LEVELS.get(table.text(row, "level").lower())
        if metric is None or by_icb is None:
            continue
        figures = found.setdefault(_whose(table, row, by_icb), {})
        value = table.count(row, "value")
        if figures.setdefault(metric, value) != value:
            raise SourceError(
                f"{table.path}:{row.line}: {table.text(row, 'metric')!r} of {table.text(row, 'code')} stands"
                f" already for {table.day(row)}, with another figure"
            )
    return found


def _whose(table: Table, row: Row, by_icb: bool) -> _Whose:
    code = table.code(row)
    unnamed = table.text(row, "name") or "no name"
    return _Whose(by_icb, code, "" if code else unnamed, table.day(row))


def _doubt(path: Path, found: Mapping[_Whose, _Figures]) -> None:
    """Say where published counts contradict one another; they are taken as published."""
    contradicted = [
        f"{whose.code or 'no code'} of {whose.day}"
        for whose, figures in found.items()
        if _contradicts(figures.get("by_17"), figures.get("after_17"), figures.get("total"))
    ]
    if contradicted:
        log.warning(
            "%s: %d times the discharges by 17:00 and after are not the total, first %s; taken as published",
            *(path, len(contradicted), contradicted[0]),
        )


def _contradicts(early: int | None, late: int | None, total: int | None) -> bool:
    if early is None or total is None:
        return False
    return early > total or (late is not None and early + late != total)


def _events(
    whose: _Whose, code: str, figures: _Figures, recorded: datetime | None, lookup: Mapping[str, str]
) -> Iterator[Event]:
    org = lookup.get(code, code)
    suffix = "_icb" if whose.by_icb and not is_area(org) else ""
    period = Period(whose.day, whose.day + _ONE_DAY)
    about = About(ICBS if whose.by_icb else TRUSTS, org, period, recorded)
    total, early = figures.get("total"), figures.get("by_17")
    if "total" in figures:
        yield about.report(f"discharges{suffix}", total or None)
    if "by_17" in figures:
        share = (early, total) if early is not None and total else (None, None)
        yield about.report(f"discharged_before_17{suffix}", *share)
    if "nctr" in figures:
        yield about.report(f"nctr_patients{suffix}", figures["nctr"] or None)
