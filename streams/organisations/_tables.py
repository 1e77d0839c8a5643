"""The register's tables on disk: reading them strictly, writing them so that a difference can be read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from streams.errors import ConfigurationError
from streams.organisations._codes import is_code, is_council
from streams.organisations._records import (
    CHILDREN,
    ENDING,
    KINDS,
    ROLES,
    SUCCESSION_KINDS,
    Kind,
    Membership,
    Organisation,
    Succession,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

_Name = TypeVar("_Name", bound=str)

ORGANISATIONS: Final = "organisations.csv"
MEMBERSHIPS: Final = "memberships.csv"
SUCCESSIONS: Final = "succession.csv"
CONFLICTS: Final = "conflicts.csv"
RESPONSIBILITIES: Final = "responsibilities.toml"
_OWN_FILES: Final = (ORGANISATIONS, MEMBERSHIPS, SUCCESSIONS, RESPONSIBILITIES)

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    ORGANISATIONS: ("code", "name", "kind", "valid_from", "valid_to"),
    MEMBERSHIPS: ("child", "parent", "role", "valid_from", "valid_to", "assumed", "source"),
    SUCCESSIONS: ("predecessor", "successor", "date", "kind"),
    CONFLICTS: ("code", "subject", "ods", "mapping", "taken", "reason"),
}

_REMEDY: Final = "rebuild the tables with `python -m streams.organisations.build`, or correct this line"
_OWN_REMEDY: Final = "correct this line"
_OWN_KINDS: Final[tuple[Kind, ...]] = tuple(kind for kind in KINDS if kind not in ("icb", "region"))
"""What an operator may add; ICBs and regions come from the official lists."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The three tables a register is made of, checked against each other."""

    organisations: tuple[Organisation, ...] = ()
    memberships: tuple[Membership, ...] = ()
    successions: tuple[Succession, ...] = ()


class Row:
    """One line of a table, which knows where it stands for the sake of its errors."""

    __slots__ = ("_cells", "_remedy", "file", "line")

    def __init__(self, file: str, line: int, cells: Mapping[str, str], remedy: str) -> None:
        self.file = file
        self.line = line
        self._cells = cells
        self._remedy = remedy

    def refuse(self, column: str, problem: str) -> NoReturn:
        """Raise ConfigurationError that names file, line and column."""
        raise ConfigurationError(f"{self.file}, line {self.line}, column {column}: {problem}; {self._remedy}")

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
    return _Reader(directory, Tables(), own=False).read()[0]


def read_own(directory: Path, base: Tables) -> tuple[Tables, Mapping[Membership | Succession, Row]]:
    """Read an operator's own tables, whichever of the three there are, which add to others.

    Returns:
        What they add, and the line of each membership and succession.

    Raises:
        ConfigurationError: A table is torn, or contradicts itself or what it adds to; or the directory
            holds a table of another name.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{directory} is not a directory; OVERSIGHT_ORGANISATIONS names it")
    for path in sorted(directory.iterdir()):
        if path.suffix.lower() in (".csv", ".toml") and path.name not in _OWN_FILES:
            raise ConfigurationError(
                f"{path} is none of {', '.join(_OWN_FILES)}, and nobody would read it; rename or remove it"
            )
    return _Reader(directory, base, own=True).read()


def read_successions(path: Path, base: Tables) -> tuple[Succession, ...]:
    """Read one table of successions between organisations that are known.

    Raises:
        ConfigurationError: It cannot be read, is torn or contradicts what it adds to.
    """
    reader = _Reader(path.parent, base, own=True, successions=path.name)
    return reader.read_successions(optional=False)


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


class _Reader:
    """Reads the tables of one directory, each held against what is known before it."""

    def __init__(
        self, directory: Traversable, base: Tables, *, own: bool, successions: str = SUCCESSIONS
    ) -> None:
        self._directory = directory
        self._base = base
        self._own = own
        self._successions = successions
        self._known = {one.code: one for one in base.organisations}
        self._lines: dict[Membership | Succession, Row] = {}

    def read(self) -> tuple[Tables, Mapping[Membership | Succession, Row]]:
        organisations = self._read_organisations()
        self._known |= {one.code: one for one in organisations}
        memberships = self._read_memberships()
        return Tables(organisations, memberships, self.read_successions()), self._lines

    def _rows(self, table: str, columns: Sequence[str], *, optional: bool = True) -> list[Row]:
        file = str(self._directory.joinpath(table)) if self._own else table
        remedy = _OWN_REMEDY if self._own else _REMEDY
        try:
            content = (
                self._directory.joinpath(table).read_bytes().decode("utf-8-sig" if self._own else "utf-8")
            )
        except FileNotFoundError as error:
            if self._own and optional:
                return []
            raise ConfigurationError(
                f"{file} of the organisation register cannot be read: there is no such file; {remedy}"
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"{file} of the organisation register cannot be read ({error}); {remedy}"
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{file}, byte {error.start}: not UTF-8; {remedy}") from error
        return _parsed(file, content.replace("\r\n", "\n") if self._own else content, columns, remedy)

    def _read_organisations(self) -> tuple[Organisation, ...]:
        lines: dict[str, int] = {}
        found = []
        for row in self._rows(ORGANISATIONS, COLUMNS[ORGANISATIONS]):
            code = row.text("code")
            if code in lines:
                row.refuse("code", f"{code} already stands in line {lines[code]}")
            if code in self._known:
                row.refuse("code", f"{code} is {self._known[code].name} in the register already")
            if not is_code(code):
                row.refuse("code", f"{code!r} is not 3 to 10 capital letters and digits, as events have it")
            lines[code] = row.line
            kind = row.choice("kind", _OWN_KINDS if self._own else KINDS)
            if (kind == "council") != is_council(code):
                row.refuse("kind", f"{code} is {'not ' if kind == 'council' else ''}the code of a council")
            found.append(Organisation(code, row.text("name"), kind, *row.span()))
        return tuple(found)

    def _read_memberships(self) -> tuple[Membership, ...]:
        by_child: dict[tuple[str, str], list[tuple[Membership, Row | None]]] = {}
        for one in self._base.memberships:
            by_child.setdefault((one.child, one.role), []).append((one, None))
        found = []
        for row in self._rows(MEMBERSHIPS, COLUMNS[MEMBERSHIPS]):
            one = self._membership(row)
            by_child.setdefault((one.child, one.role), []).append((one, row))
            self._lines[one] = row
            found.append(one)
        for entries in by_child.values():
            entries.sort(key=lambda entry: entry[0].valid_from or date.min)
            for (earlier, earlier_row), (later, later_row) in pairwise(entries):
                if earlier.valid_to is None or (later.valid_from or date.min) < earlier.valid_to:
                    _refuse_overlap(earlier, earlier_row, later, later_row)
        return tuple(found)

    def _membership(self, row: Row) -> Membership:
        child, parent, role = row.text("child"), row.text("parent"), row.choice("role", ROLES)
        for column, code in (("child", child), ("parent", parent)):
            if code not in self._known:
                register = " nor in the register" if self._own else ""
                row.refuse(column, f"{code} is not in {ORGANISATIONS}{register}")
        known = self._known
        if known[parent].kind != role:
            row.refuse("parent", f"{parent} is of kind {known[parent].kind}, but the role is {role}")
        if known[child].kind not in CHILDREN[role]:
            row.refuse(
                "child", f"{child} is of kind {known[child].kind} and cannot belong to {role} {parent}"
            )
        valid_from, valid_to = row.span()
        return Membership(
            child, parent, role, valid_from, valid_to, row.boolean("assumed"), row.text("source")
        )

    def read_successions(self, *, optional: bool = True) -> tuple[Succession, ...]:
        ended: dict[str, str] = {
            one.predecessor: "in the register" for one in self._base.successions if one.kind in ENDING
        }
        found = []
        for row in self._rows(self._successions, COLUMNS[SUCCESSIONS], optional=optional):
            for column in ("predecessor", "successor"):
                if row.text(column) not in self._known:
                    row.refuse(column, f"{row.text(column)} is not in {ORGANISATIONS}")
            one = Succession(
                row.text("predecessor"),
                row.text("successor"),
                row.day("date"),
                row.choice("kind", SUCCESSION_KINDS),
            )
            if one.kind in ENDING:
                self._check_end(one, row, ended)
            if one in self._base.successions or one in self._lines:
                row.refuse("predecessor", f"{one.predecessor} to {one.successor} is known already")
            self._lines[one] = row
            found.append(one)
        self._check_successors(found)
        return tuple(found)

    def _check_successors(self, found: Sequence[Succession]) -> None:
        """Whoever takes over is there on that day, and does not go over itself."""
        ends = {one.predecessor: one.day for one in (*self._base.successions, *found) if one.kind in ENDING}
        for one in found:
            if one.kind == "footprint":
                continue
            successor = self._known[one.successor]
            begins, end = successor.valid_from, ends.get(one.successor, successor.valid_to)
            if begins is not None and one.day < begins:
                self._lines[one].refuse("date", f"{one.successor} begins on {begins}, after {one.day}")
            if end is not None and end <= one.day:
                self._lines[one].refuse(
                    "successor", f"{one.successor} ends on {end} itself: name the one that goes on"
                )

    def _check_end(self, one: Succession, row: Row, ended: dict[str, str]) -> None:
        """Whoever goes over as a whole ends on that day, and once."""
        if one.predecessor == one.successor:
            row.refuse("successor", f"{one.successor} cannot succeed itself by {one.kind}")
        if one.predecessor in ended:
            row.refuse("predecessor", f"{one.predecessor} has ended already, {ended[one.predecessor]}")
        ended[one.predecessor] = f"in line {row.line}"
        end = self._known[one.predecessor].valid_to
        if end not in (None, one.day):
            row.refuse("date", f"{one.predecessor} ended on {end} by the register, not on {one.day}")


def _refuse_overlap(
    earlier: Membership, earlier_row: Row | None, later: Membership, later_row: Row | None
) -> None:
    row, other, other_row = later_row, earlier, earlier_row
    if row is None:
        row, other, other_row = earlier_row, later, later_row
    assert row is not None  # noqa: S101 - the register's own memberships never overlap
    where = "the register" if other_row is None else f"line {other_row.line}"
    row.refuse(
        "valid_from",
        f"{later.child} overlaps with {where}, which has it in {other.role} {other.parent}"
        f" from {other.valid_from or 'always'} to {other.valid_to or 'further notice'}",
    )


def _parsed(file: str, content: str, columns: Sequence[str], remedy: str) -> list[Row]:
    if not content.endswith("\n"):
        line = content.count("\n") + 1
        raise ConfigurationError(
            f"{file}, line {line}: the file ends inside a line, so it is torn or incomplete; {remedy}"
        )
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = next(reader)
        _check_header(file, header, columns, remedy)
        rows = []
        for cells in reader:
            if len(cells) != len(header):
                last = header[min(len(cells), len(header)) - 1]
                raise ConfigurationError(
                    f"{file}, line {reader.line_num}, column {last}: the line has {len(cells)} fields "
                    f"instead of {len(header)}; {remedy}"
                )
            rows.append(Row(file, reader.line_num, dict(zip(header, cells, strict=True)), remedy))
    except csv.Error as error:
        raise ConfigurationError(f"{file}, line {reader.line_num}: {error}; {remedy}") from error
    return rows


def _check_header(file: str, header: list[str], expected: Sequence[str], remedy: str) -> None:
    for column in header:
        if column not in expected:
            raise ConfigurationError(
                f"{file}, line 1, column {column}: not a column of this table, which has "
                f"{', '.join(expected)}; {remedy}"
            )
    for column in expected:
        if header.count(column) != 1:
            raise ConfigurationError(
                f"{file}, line 1, column {column}: stands {header.count(column)} times instead of once; "
                f"{remedy}"
            )
