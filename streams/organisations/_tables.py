"""The register's tables on disk: reading them strictly, writing them so that a difference can be read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from streams.errors import ConfigurationError
from streams.organisations._records import (
    KINDS,
    ROLES,
    SUCCESSION_KINDS,
    Membership,
    Organisation,
    Succession,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.resources.abc import Traversable

_Name = TypeVar("_Name", bound=str)

ORGANISATIONS: Final = "organisations.csv"
MEMBERSHIPS: Final = "memberships.csv"
SUCCESSIONS: Final = "succession.csv"
CONFLICTS: Final = "conflicts.csv"

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    ORGANISATIONS: ("code", "name", "kind", "valid_from", "valid_to"),
    MEMBERSHIPS: ("child", "parent", "role", "valid_from", "valid_to", "assumed", "source"),
    SUCCESSIONS: ("predecessor", "successor", "date", "kind"),
    CONFLICTS: ("code", "subject", "ods", "mapping", "taken", "reason"),
}

_REMEDY: Final = "rebuild the tables with `python -m streams.organisations.build`, or correct this line"


@dataclass(frozen=True, slots=True)
class Tables:
    """The three tables a register is made of, checked against each other."""

    organisations: tuple[Organisation, ...]
    memberships: tuple[Membership, ...]
    successions: tuple[Succession, ...]


class Row:
    """One line of a table, which knows where it stands for the sake of its errors."""

    __slots__ = ("_cells", "_file", "line")

    def __init__(self, file: str, line: int, cells: Mapping[str, str]) -> None:
        self._file = file
        self.line = line
        self._cells = cells

    def refuse(self, column: str, problem: str) -> NoReturn:
        """Raise ConfigurationError that names file, line and column."""
        raise ConfigurationError(f"{self._file}, line {self.line}, column {column}: {problem}; {_REMEDY}")

    def text(self, column: str) -> str:
        """A text that may not be blank."""
        value = self._cells[column]
        if not value or value != value.strip():
            self.refuse(column, f"{value!r} is blank or has blanks at its ends")
        return value

    def choice(self, column: str, allowed: Sequence[_Name]) -> _Name:
        """One of the allowed words."""
        value = self._cells[column]
        if value not in allowed:
            self.refuse(column, f"{value!r} is not one of {', '.join(allowed)}")
        return next(word for word in allowed if word == value)

    def boolean(self, column: str) -> bool:
        """`true` or `false`, nothing else."""
        return self.choice(column, ("true", "false")) == "true"

    def day(self, column: str) -> date:
        """A civil date, YYYY-MM-DD."""
        value = self._cells[column]
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            self.refuse(column, f"{value!r} is not a date of the form YYYY-MM-DD")
        return day

    def bound(self, column: str) -> date | None:
        """A civil date, or nothing for unbounded."""
        return self.day(column) if self._cells[column] else None

    def span(self) -> tuple[date | None, date | None]:
        """`valid_from` and `valid_to` (exclusive), in this order in time."""
        valid_from, valid_to = self.bound("valid_from"), self.bound("valid_to")
        if valid_from is not None and valid_to is not None and valid_from >= valid_to:
            self.refuse("valid_to", f"{valid_to} is not after valid_from {valid_from}")
        return valid_from, valid_to


def read(directory: Traversable) -> Tables:
    """Read the three tables.

    Raises:
        ConfigurationError: A table is missing, torn or contradicts itself or another table.
    """
    organisations = _organisations(directory)
    known = {organisation.code: organisation for organisation in organisations}
    return Tables(
        organisations=organisations,
        memberships=_memberships(directory, known),
        successions=_successions(directory, known),
    )


def render(table: str, records: Iterable[Sequence[str]]) -> str:
    """One table as text, sorted, one record a line."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS[table])
    writer.writerows(sorted(tuple(record) for record in records))
    return buffer.getvalue()


def render_all(tables: Tables, conflicts: Iterable[Sequence[str]]) -> dict[str, str]:
    """Every table as text, by file name."""
    return {
        ORGANISATIONS: render(
            ORGANISATIONS,
            ((o.code, o.name, o.kind, _iso(o.valid_from), _iso(o.valid_to)) for o in tables.organisations),
        ),
        MEMBERSHIPS: render(
            MEMBERSHIPS,
            (
                (
                    m.child,
                    m.parent,
                    m.role,
                    _iso(m.valid_from),
                    _iso(m.valid_to),
                    "true" if m.assumed else "false",
                    m.source,
                )
                for m in tables.memberships
            ),
        ),
        SUCCESSIONS: render(
            SUCCESSIONS,
            ((s.predecessor, s.successor, s.day.isoformat(), s.kind) for s in tables.successions),
        ),
        CONFLICTS: render(CONFLICTS, conflicts),
    }


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _rows(directory: Traversable, table: str) -> list[Row]:
    try:
        content = directory.joinpath(table).read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{table} of the organisation register cannot be read ({error}); {_REMEDY}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{table}, byte {error.start}: not UTF-8; {_REMEDY}") from error
    if not content.endswith("\n"):
        line = content.count("\n") + 1
        raise ConfigurationError(
            f"{table}, line {line}: the file ends inside a line, so it is torn or incomplete; {_REMEDY}"
        )
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = next(reader)
        _check_header(table, header)
        rows = []
        for cells in reader:
            if len(cells) != len(header):
                last = header[min(len(cells), len(header)) - 1]
                raise ConfigurationError(
                    f"{table}, line {reader.line_num}, column {last}: the line has {len(cells)} fields "
                    f"instead of {len(header)}; {_REMEDY}"
                )
            rows.append(Row(table, reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise ConfigurationError(f"{table}, line {reader.line_num}: {error}; {_REMEDY}") from error
    return rows


def _check_header(table: str, header: list[str]) -> None:
    expected = COLUMNS[table]
    for column in header:
        if column not in expected:
            raise ConfigurationError(
                f"{table}, line 1, column {column}: not a column of this table, which has "
                f"{', '.join(expected)}; {_REMEDY}"
            )
    for column in expected:
        if header.count(column) != 1:
            raise ConfigurationError(
                f"{table}, line 1, column {column}: stands {header.count(column)} times instead of once; "
                f"{_REMEDY}"
            )


def _organisations(directory: Traversable) -> tuple[Organisation, ...]:
    lines: dict[str, int] = {}
    found = []
    for row in _rows(directory, ORGANISATIONS):
        code = row.text("code")
        if code in lines:
            row.refuse("code", f"{code} already stands in line {lines[code]}")
        lines[code] = row.line
        valid_from, valid_to = row.span()
        found.append(Organisation(code, row.text("name"), row.choice("kind", KINDS), valid_from, valid_to))
    return tuple(found)


def _memberships(directory: Traversable, known: Mapping[str, Organisation]) -> tuple[Membership, ...]:
    by_child: dict[tuple[str, str], list[tuple[Membership, Row]]] = {}
    found = []
    for row in _rows(directory, MEMBERSHIPS):
        child, parent, role = row.text("child"), row.text("parent"), row.choice("role", ROLES)
        if child not in known:
            row.refuse("child", f"{child} is not in {ORGANISATIONS}")
        if parent not in known:
            row.refuse("parent", f"{parent} is not in {ORGANISATIONS}")
        if known[parent].kind != role:
            row.refuse("parent", f"{parent} is of kind {known[parent].kind}, but the role is {role}")
        if known[child].kind in ("region", role):
            row.refuse(
                "child", f"{child} is of kind {known[child].kind} and cannot belong to {role} {parent}"
            )
        valid_from, valid_to = row.span()
        membership = Membership(
            child, parent, role, valid_from, valid_to, row.boolean("assumed"), row.text("source")
        )
        by_child.setdefault((child, role), []).append((membership, row))
        found.append(membership)
    for entries in by_child.values():
        entries.sort(key=lambda entry: entry[0].valid_from or date.min)
        for (earlier, earlier_row), (later, later_row) in pairwise(entries):
            if earlier.valid_to is None or (later.valid_from or date.min) < earlier.valid_to:
                later_row.refuse("valid_from", f"{later.child} overlaps with line {earlier_row.line}")
    return tuple(found)


def _successions(directory: Traversable, known: Mapping[str, Organisation]) -> tuple[Succession, ...]:
    found = []
    for row in _rows(directory, SUCCESSIONS):
        for column in ("predecessor", "successor"):
            if row.text(column) not in known:
                row.refuse(column, f"{row.text(column)} is not in {ORGANISATIONS}")
        found.append(
            Succession(
                row.text("predecessor"),
                row.text("successor"),
                row.day("date"),
                row.choice("kind", SUCCESSION_KINDS),
            )
        )
    return tuple(found)
