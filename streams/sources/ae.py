"""The official monthly A&E file of NHS England: attendances and emergency admissions by provider.

As published it varies: a byte order mark, UTF-16, title lines above the header, corrupted words in the
header, `"16,670"`, `80.00%`, `-` or a blank or `N/A` for nothing, a blank column of totals, rows that are
zero everywhere, a row TOTAL that would count everybody twice, providers that come and go. Columns are found
by what their headers say, never by position; percentages are not read, they are computed again.

The same figures come as the CSV of the collection, which adds nothing up; `ae_collection` reads that one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple

from streams.engine.calendar import LONDON
from streams.errors import SourceError
from streams.sources import ae_collection, tables
from streams.sources.ae_collection import Figures
from streams.sources.events import Event, event
from streams.sources.tables import CODE, MONTHS, month_after, names_a_sum, read_number

log = logging.getLogger(__name__)

SOURCE = "/ods/X24/ae-monthly"
PUBLICATION = "ae_attendances_monthly"
_TRUST_CODE_LENGTH = 3
_PERIOD = re.compile(rf"({'|'.join(MONTHS)})[^0-9a-z]*(20[0-9]{{2}})", re.IGNORECASE)


class Columns(NamedTuple):
    """Positions of the columns that are read."""

    code: int
    attendances: int
    within_4h: int
    over_4h: int
    dta_over_12h: int


_LAYOUT = Columns(code=0, attendances=6, within_4h=10, over_4h=14, dta_over_12h=26)
_LAYOUT_WIDTH = 27
"""Where the columns have stood in every month seen; used only when a header cannot be read."""


def load(path: Path, recorded: datetime | None = None) -> Iterator[Event]:
    """Turn one monthly file into events: per provider, the four-hour measure and the 12-hour waits.

    Args:
        path: the CSV as published; the month of a sheet is in its name, `April-2025-AE.csv`, or in a title
            line.
        recorded: when the figures became known; the period's end unless given.

    Raises:
        SourceError: naming file, line and column when it is not the file it claims to be.
    """
    rows = [row.cells for row in tables.rows(path)]
    header = next((i for i, row in enumerate(rows) if _is_header(row)), None)
    if header is None:
        raise SourceError(
            f"{path}: no header with a code and attendance columns: is this the monthly A&E provider CSV?"
        )
    found: Iterable[Figures]
    if ae_collection.is_header(rows[header]):
        start, found = ae_collection.read(path, is_booked_apart=ae_collection.is_booked_apart(rows[header]))
    else:
        columns = _columns(path, header + 1, rows[header], rows[header + 1 :])
        start, found = _month(path, rows[:header]), _figures(path, header, rows, columns)
    lines = _lines(path, found)
    period = (start, month_after(start))
    if not lines:
        raise SourceError(f"{path}: a header and no provider: a torn file? Fetch it again")
    closed = datetime.combine(period[1], time(), LONDON)
    for line in lines:  # only now: half a file must not get out before its end is found to be bad
        yield from _events(line, period, recorded or closed)


def _figures(path: Path, header: int, rows: list[list[str]], columns: Columns) -> Iterator[Figures]:
    """Give every provider's counts as they stand below the header."""
    labels = _labels(rows[header], columns)
    for number, row in enumerate(rows[header + 1 :], header + 2):
        if _is_total(row, columns, labels):
            continue
        code = _code(row, columns)
        if not code:
            if len(row) > max(columns) and _has_figures(row, columns):
                cell = row[columns.code].strip()
                log.warning(
                    "%s:%d: figures without an organisation code (%r) are left out", path, number, cell
                )
            continue
        if len(row) <= max(columns):
            raise SourceError(f"{path}:{number}: the row of {code} ends early: a torn file? Fetch it again")
        yield Figures(number, code, *(_count(path, number, row, column) for column in columns[1:]))


def _lines(path: Path, found: Iterable[Figures]) -> list[_Line]:
    """Complete and check every provider's counts; a line repeated counts once."""
    seen: dict[str, _Line] = {}
    for figures in found:
        line = _line(path, figures)
        earlier = seen.setdefault(line.code, line)
        if earlier is line:
            continue
        if earlier.figures != line.figures:
            raise SourceError(
                f"{path}:{line.number}: {line.code} stands already in line {earlier.number}, with other"
                " figures"
            )
        log.warning(
            "%s:%d: %s stands already in line %d with the same figures; passed over",
            *(path, line.number, line.code, earlier.number),
        )
    return list(seen.values())


def _is_header(row: list[str]) -> bool:
    cells = [_plain(cell) for cell in row]
    return (
        any("code" in cell for cell in cells[:3])
        and sum("attend" in cell or "hour" in cell for cell in cells) >= len(Columns._fields) - 1
    )


def _plain(cell: str) -> str:
    return " ".join(cell.lower().replace("&", "and").split())


def _columns(path: Path, line: int, header: list[str], body: list[list[str]]) -> Columns:
    """Find the columns by their headers, or, when words are corrupted, by the layout if the sums agree."""
    cells = [_plain(cell) for cell in header]
    while cells and not cells[-1]:
        cells.pop()

    def find(*needles: str, without: str = "hour") -> list[int]:
        return [
            i
            for i, cell in enumerate(cells)
            if all(needle in cell for needle in needles) and (without not in cell)
        ]

    found = (
        find("code"),
        find("total attend"),
        find("total attend", "<", without="percent"),
        find("total attend", ">", without="percent"),
        find(">12 hours", "decision to admit", without="percent"),
    )
    if all(len(one) == 1 for one in found):
        return Columns(*(one[0] for one in found))
    if len(cells) == _LAYOUT_WIDTH and _sums_agree(body):
        log.warning("%s:%d: the header is corrupted; columns taken by position, their sums agree", path, line)
        return _LAYOUT
    missing = [name for name, one in zip(Columns._fields, found, strict=True) if len(one) != 1]
    raise SourceError(f"{path}:{line}: cannot tell the columns for {', '.join(missing)} from the header")


def _sums_agree(body: list[list[str]]) -> bool:
    """Whether within and over four hours add up to the attendances in every row with a code and all three.

    Where the total is blank the attendances of the three types, left of it, stand in. At least one row
    must prove it.
    """
    proved = False
    for row in body:
        if len(row) < _LAYOUT_WIDTH or not CODE.fullmatch(row[_LAYOUT.code].strip().upper()):
            continue
        total, within, over = (read_number(row[column]) for column in _three(_LAYOUT))
        if total is None:
            types = [
                read_number(row[column]) for column in range(_LAYOUT.attendances - 3, _LAYOUT.attendances)
            ]
            total = sum(one or 0 for one in types) if types != [None] * len(types) else None
        if total is None or within is None or over is None:
            continue
        if within + over != total:
            return False
        proved = True
    return proved


def _month(path: Path, above: list[list[str]]) -> date:
    for text in (path.name, *(" ".join(row) for row in above)):
        if found := _PERIOD.search(text):
            return date(int(found[2]), MONTHS[found[1].lower()], 1)
    raise SourceError(
        f"{path}: no month in the name or above the header; name the file like April-2025-AE.csv"
    )


def _labels(header: list[str], columns: Columns) -> list[int]:
    """Give the columns of region and name; where the header does not say, the two after the code."""
    found = [
        i
        for i, cell in enumerate(header)
        if i not in columns and any(word in _plain(cell).split() for word in ("region", "parent", "name"))
    ]
    return found or [i for i in (columns.code + 1, columns.code + 2) if i not in columns]


def _is_total(row: list[str], columns: Columns, labels: list[int]) -> bool:
    """Whether the row sums the others; a region "NHS England London" is none, only the bare word is."""
    return any(names_a_sum(row[i]) for i in (columns.code, *labels) if i < len(row))


def _code(row: list[str], columns: Columns) -> str:
    """Give the organisation's code in upper case, or nothing; a word among the notes below is no code."""
    cell = row[columns.code].strip() if len(row) > columns.code else ""
    code = cell.upper()
    if not CODE.fullmatch(code):
        return ""
    if cell == code or _has_figures(row, columns):
        return code
    alone = sum(bool(one.strip()) for one in row) == 1
    is_word = code.isalpha() and len(code) > _TRUST_CODE_LENGTH
    return "" if alone or is_word else code


def _three(columns: Columns) -> tuple[int, int, int]:
    return columns.attendances, columns.within_4h, columns.over_4h


def _has_figures(row: list[str], columns: Columns) -> bool:
    return any(i < len(row) and read_number(row[i]) is not None for i in _three(columns))


def _count(path: Path, number: int, row: list[str], column: int) -> int | None:
    value = read_number(row[column])
    if value is None:
        return None
    if not (value >= 0 and value.is_integer()):
        raise SourceError(f"{path}:{number}: column {column + 1}: {row[column]!r} is not a count of people")
    return int(value)


class _Line(NamedTuple):
    """One provider's line of the file."""

    number: int
    code: str
    within: int | None
    attendances: int | None
    dta_over_12h: int | None
    over: int | None

    @property
    def figures(self) -> tuple[int | None, ...]:
        """What a repeated line must have in common."""
        return self[2:]


def _line(path: Path, figures: Figures) -> _Line:
    """Take a provider's counts; of the three that belong together one missing follows from the others."""
    number, code, *published, dta_over_12h = figures
    total, within, over = _completed(*published)
    if published != [None, None, None] and None in (total, within, over):
        log.warning(
            "%s:%d: %s: %s attendances, %s within and %s over four hours: what is missing cannot be derived",
            *(path, number, code, *("none" if one is None else one for one in published)),
        )
        total = within = over = None
    if total is not None and within is not None and over is not None and within + over != total:
        log.warning(
            "%s:%d: %s: %s within and %s over four hours are not %s in all; taken as published",
            *(path, number, code, within, over, total),
        )
    return _Line(number, code, within, total, dta_over_12h, over)


def _completed(
    total: int | None, within: int | None, over: int | None
) -> tuple[int | None, int | None, int | None]:
    """Derive the one that is missing; never below nought."""
    if total is None and within is not None and over is not None:
        total = within + over
    elif within is None and total is not None and over is not None and over <= total:
        within = total - over
    elif over is None and total is not None and within is not None and within <= total:
        over = total - within
    return total, within, over


def _events(line: _Line, period: tuple[date, date], recorded: datetime) -> Iterator[Event]:
    start, end = period
    figures = (
        ("ae_4h_all_types", line.within, line.attendances),
        ("ae_dta_12h", line.dta_over_12h, None),
    )
    for measure, numerator, denominator in figures:
        data = {
            "org": line.code,
            "version": int(recorded.timestamp() * 1_000_000),
            "measure": measure,
            "period_start": start.isoformat(),
            "period_end": end.isoformat(),
            "numerator": numerator,
            "publication": PUBLICATION,
        }
        if denominator is not None:
            data["denominator"] = denominator
        yield event(
            "measure.reported.v1",
            source=SOURCE,
            identifier=f"{measure}-{line.code}-{start:%Y-%m}-{data['version']}",
            time=datetime.combine(end, time(), LONDON),
            recorded=recorded,
            data=data,
        )
