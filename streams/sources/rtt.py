"""The full extract of referral to treatment waiting times: incomplete pathways by provider and week waited.

A row is of a provider, a commissioner, a part of the pathway and a treatment function. Only incomplete
pathways are read, and of each provider and commissioner either the row of all functions (C_999) or, where
there is none, the functions: never both. Commissioners are added up, those outside England (NONC) too. Rows
that sum providers or commissioners are left out.
"""

from __future__ import annotations

import logging
import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime
from operator import add
from pathlib import Path

from schemas.rtt import WEEK_BANDS
from streams.errors import SourceError
from streams.sources.events import Event
from streams.sources.reports import About, Period, Publication, check_recorded
from streams.sources.tables import Layout, Row, Table, month_after, plain

log = logging.getLogger(__name__)

RTT = Publication("/ods/X24/rtt-monthly", "rtt_full_extract")

_ALL_FUNCTIONS = re.compile("c?999|total|all.*")
"""What the row of all treatment functions is called, in its code or its name, as letters and digits."""
_INCOMPLETE = "incompletepathways"
_LAST = WEEK_BANDS - 1
_BANDS = tuple(f"over {weeks} weeks" for weeks in range(WEEK_BANDS))
_LAYOUT = Layout(
    "the full extract of RTT waiting times, of April 2021 or later",
    {
        "period": "period",
        "provider": "providerorgcode",
        "commissioner": "commissionerorgcode",
        "part": "rttpartdescription",
        "function": "treatmentfunctioncode",
        **{
            name: f"gt0*{weeks}weekssum1" if weeks == _LAST else f"gt0*{weeks}to0*{weeks + 1}weekssum1"
            for weeks, name in enumerate(_BANDS)
        },
        "total": "totalall",
    },
    {"function_name": "treatmentfunction(name)?"},
)

_Bands = list[int]
_Place = tuple[str, str]


def load(path: Path, recorded: datetime | None = None) -> Iterator[Event]:
    """Turn one month's extract into events: a census of each provider.

    Args:
        path: the CSV as published, or the .zip that holds it.
        recorded: when the figures became known; the month's end unless given.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    table = Table(path, _LAYOUT)
    reader = _Reader(table)
    for row in table:
        reader.read(row)
    if reader.month is None or not reader.whole | reader.functions:
        raise SourceError(f"{path}: a header and no incomplete pathways: a torn file? Fetch it again")
    if lines := reader.contradicted:
        log.warning(
            "%s:%d: the weeks do not add up to the total, here and in %d more rows; the weeks are taken",
            *(path, lines[0], len(lines) - 1),
        )
    start = reader.month
    period = Period(start, month_after(start))
    check_recorded(path, recorded, period.end)
    census = start.replace(day=monthrange(start.year, start.month)[1])
    for provider, bands in sorted(reader.by_provider().items()):
        data = {"cadence": "month", "census_date": census.isoformat(), "bands": bands}
        yield About(RTT, provider, period, recorded).event("rtt.census.reported.v1", "rtt", data)


class _Reader:
    """Adds rows up by provider and commissioner.

    Attributes:
        month: the month of all rows; None before the first.
        whole: the rows of all treatment functions.
        functions: the sums of the functions.
        contradicted: lines whose weeks do not add up to their total.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.month: date | None = None
        self.whole: dict[_Place, _Bands] = {}
        self.functions: dict[_Place, _Bands] = {}
        self.contradicted: list[int] = []
        self._seen: set[tuple[str, str, str]] = set()

    def read(self, row: Row) -> None:
        """Take a row; all but incomplete pathways are passed over."""
        table = self._table
        if plain(table.text(row, "part")) != _INCOMPLETE or table.is_sum(row, "provider", "commissioner"):
            return
        month = table.month(row, "period")
        if self.month not in (None, month):
            raise table.wrong(row, "period", f"the month of the rows before, {self.month:%Y-%m}")
        self.month = month
        place = self._code(row, "provider"), self._code(row, "commissioner")
        function = plain(table.text(row, "function"))
        if (*place, function) in self._seen:
            raise SourceError(
                f"{table.path}:{row.line}: {place[0]} for {place[1]}, {table.text(row, 'function')}, stands"
                " already above: two months or two copies in one file?"
            )
        self._seen.add((*place, function))
        bands = self._bands(row)
        named = (function, plain(table.text(row, "function_name")))
        if any(_ALL_FUNCTIONS.fullmatch(one) for one in named):
            self.whole[place] = bands
        else:
            before = self.functions.get(place)
            self.functions[place] = bands if before is None else list(map(add, before, bands))

    def _code(self, row: Row, name: str) -> str:
        code = self._table.code(row, name)
        if not code:
            raise self._table.wrong(row, name, "an organisation's code: is the row a sum of others?")
        return code

    def _bands(self, row: Row) -> _Bands:
        table = self._table
        bands = [count or 0 for count in table.counts(row, _BANDS)]
        total = table.count(row, "total")
        if total is not None and total != sum(bands):
            self.contradicted.append(row.line)
        return bands

    def by_provider(self) -> dict[str, _Bands]:
        """Give the week bands of each provider, over its commissioners."""
        found: dict[str, _Bands] = {}
        for (provider, _), bands in (self.functions | self.whole).items():
            before = found.get(provider)
            found[provider] = bands if before is None else list(map(add, before, bands))
        return found
