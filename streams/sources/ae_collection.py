"""The CSV of the monthly A&E collection (MSitAE): attendances by type, booked ones apart, nothing added up.

Attendances and those over four hours are the sums of what the row has; within four hours follows from them.
Booked appointments are taken to be counted apart from the other attendances of a type, not among them. That
rests on how public code reads these files and was not tried on a file with any; a warning says that they were
added. Files before August 2020 have none. The month stands in the rows: `MSitAE-APRIL-2025`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from streams.errors import SourceError
from streams.sources.tables import Layout, Row, Table, plain

log = logging.getLogger(__name__)


class Figures(NamedTuple):
    """One provider's counts as published, and the line of the file."""

    number: int
    code: str
    attendances: int | None
    within_4h: int | None
    over_4h: int | None
    dta_over_12h: int | None


_ATTENDED = "(?:numberof)?aeattendances"
_OVER = "(?:numberof)?attendancesover4h(?:ou)?rs"
_BOOKED = "bookedappointments"
_TYPES = {"type 1": "type1", "type 2": "type2", "other": "other(?:ae)?department"}
_LABELS = {"parent": "parentorg(?:anisation)?", "name": "org(?:anisation)?name"}
_PLAIN = {
    "period": "period",
    "code": "org(?:anisation)?code",
    **{f"attended, {one}": _ATTENDED + pattern for one, pattern in _TYPES.items()},
    **{f"over, {one}": _OVER + pattern for one, pattern in _TYPES.items()},
    "dta_over_12h": "patientswhohavewaited12h(?:ou)?r?sfromdtatoadmission",
}
_BOOKED_APART = {
    f"{what}, booked {one}": start + _BOOKED + pattern
    for what, start in (("attended", _ATTENDED), ("over", _OVER))
    for one, pattern in _TYPES.items()
}
_NAME = "the CSV of the monthly A&E collection"
_LAYOUT = Layout(_NAME, _PLAIN, _LABELS)
_LAYOUT_WITH_BOOKED = Layout(_NAME, _PLAIN | _BOOKED_APART, _LABELS)


def is_header(header: Sequence[str]) -> bool:
    """Whether a header is of this file."""
    return any(re.fullmatch(_PLAIN["attended, type 1"], plain(cell)) for cell in header)


def is_booked_apart(header: Sequence[str]) -> bool:
    """Whether a file has booked appointments, and so needs all of their columns."""
    return any(_BOOKED in plain(cell) for cell in header)


def read(path: Path, *, is_booked_apart: bool) -> tuple[date, list[Figures]]:
    """Give the month of a file and every provider's counts.

    Args:
        path: the CSV as published.
        is_booked_apart: whether booked appointments have columns of their own.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    table = Table(path, _LAYOUT_WITH_BOOKED if is_booked_apart else _LAYOUT)
    booked_kinds = [f"booked {one}" for one in _TYPES] if is_booked_apart else []
    start: date | None = None
    found = []
    booked = 0
    for row in table:
        if table.is_sum(row, "period", "code", "parent", "name"):
            continue
        code = table.code(row)
        if not code:
            log.warning("%s:%d: figures without an organisation code are left out", path, row.line)
            continue
        month = table.month(row, "period")
        if start not in (None, month):
            raise table.wrong(row, "period", f"the month of the rows before, {start:%Y-%m}")
        start = month
        attended, over = _added(table, row, [*_TYPES, *booked_kinds])
        booked += sum(table.count(row, f"attended, {one}") or 0 for one in booked_kinds)
        found.append(Figures(row.line, code, attended, None, over, table.count(row, "dta_over_12h")))
    if start is None:
        raise SourceError(f"{path}: a header and no provider: a torn file? Fetch it again")
    if booked:
        log.warning(
            "%s: %d attendances by booked appointment are added to those of the three types, as separate:"
            " compare a total with the published one",
            path,
            booked,
        )
    return start, found


def _added(table: Table, row: Row, kinds: Sequence[str]) -> tuple[int | None, int | None]:
    """Add up a row: attendances, and those over four hours.

    A type that is blank in both is one that the provider has not; blank in one of them, that sum is unknown.
    """
    pairs = [(table.count(row, f"attended, {one}"), table.count(row, f"over, {one}")) for one in kinds]
    there = [pair for pair in pairs if pair != (None, None)]
    return _sum([pair[0] for pair in there]), _sum([pair[1] for pair in there])


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
