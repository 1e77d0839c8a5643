"""The register held against newer official files: what opened, closed, moved, was renamed; the new tables.

    tables now ──┬─► changes, to be read before anything is written
    ODS files ───┘  └─► tables from the files' day on; what holds before that day stays as it is

ODS files bear no date: they are taken to hold from the day that is given. What they lack is kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from streams.errors import SourceError
from streams.organisations import _tables
from streams.organisations._names import tidy
from streams.organisations._official import IcbRow, TrustRow, is_icb_list, read_icbs, read_trusts
from streams.organisations._records import Kind, Membership, Organisation, Role, Succession
from streams.organisations._tables import Tables
from streams.organisations.register import UNMAPPED, shipped_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

ChangeKind = Literal["opened", "closed", "reopened", "redated", "renamed", "moved", "absent", "disagrees"]

_ODS: Final = "ods-"
_TABLES: Final = (_tables.ORGANISATIONS, _tables.MEMBERSHIPS, _tables.SUCCESSIONS)


class Change(NamedTuple):
    """One difference: from `day` on it is `after` where it was `before`.

    `absent` and `disagrees` change nothing: a trust that the file lacks, and one that it puts into another
    region than that of its ICB.
    """

    kind: ChangeKind
    code: str
    name: str
    before: str
    after: str
    day: date | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What files of a day change, and the tables that come of it."""

    day: date
    changes: tuple[Change, ...]
    tables: Tables

    def counts(self) -> dict[str, int]:
        """How many changes there are of each kind."""
        return dict(sorted(Counter(one.kind for one in self.changes).items()))

    def write(self, directory: Path) -> None:
        """Write the tables, once they have been read back without complaint.

        Raises:
            ConfigurationError: They contradict each other.
        """
        content = _tables.render_all(self.tables, ())
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=directory) as temporary:
            new = Path(temporary)
            for name in _TABLES:
                (new / name).write_text(content[name], encoding="utf-8", newline="\n")
            _tables.read(new)
            for name in _TABLES:
                (new / name).replace(directory / name)


def refresh(
    directory: Path | None, files: Sequence[Path], day: date, successions: Path | None = None
) -> Refreshed:
    """Hold the register against an ODS trust file, a list of ICBs, or both.

    Args:
        directory: the tables in use; None for the shipped ones.
        files: as published, in any order.
        day: from which on they hold.
        successions: a table of the form of succession.csv, for ICBs that end or begin.

    Raises:
        SourceError: A file is torn, or not what the register is made of; says file and line.
        ConfigurationError: The tables in use, or the successions, cannot be used.
    """
    base = _tables.read(shipped_tables() if directory is None else directory)
    trusts: tuple[Path, Mapping[str, TrustRow]] | None = None
    icbs: tuple[Path, Mapping[str, IcbRow]] | None = None
    for path in files:
        if is_icb_list(path):
            _once(icbs, path, "list of ICBs")
            icbs = (path, read_icbs(path))
        else:
            _once(trusts, path, "ODS trust file")
            trusts = (path, read_trusts(path))
    known = max((one.source for one in base.memberships if one.source.startswith(_ODS)), default="")
    if known > f"{_ODS}{day}":
        raise SourceError(
            f"the register knows ODS as of {known.removeprefix(_ODS)}, and the files are of {day}: what has"
            " been is not rewritten; give newer files, or their day with --at"
        )
    return _Refresh(base, day, trusts, icbs, successions).run()


def _once(known: object, path: Path, what: str) -> None:
    if known is not None:
        raise SourceError(f"{path} is a second {what}: give one of a day")


class _Refresh:
    """Holds what the steps share: the tables as they become, and the changes found so far."""

    def __init__(
        self,
        base: Tables,
        day: date,
        trusts: tuple[Path, Mapping[str, TrustRow]] | None,
        icbs: tuple[Path, Mapping[str, IcbRow]] | None,
        successions: Path | None,
    ) -> None:
        self._base = base
        self._day = day
        self._trust_file, self._trusts = trusts or (Path(), {})
        self._icb_file, self._icbs = icbs or (Path(), {})
        self._succession_file = successions
        self._organisations = {one.code: one for one in base.organisations}
        self._memberships = list(base.memberships)
        self._successions: tuple[Succession, ...] = ()
        self._changes: list[Change] = []

    def run(self) -> Refreshed:
        closed = self._list_icbs() if self._icbs else []
        if self._succession_file is not None:
            tables = replace(self._base, organisations=tuple(self._organisations.values()))
            self._successions = _tables.read_successions(self._succession_file, tables)
        self._note_successions()
        if self._trusts:
            self._place_icbs()
            self._list_trusts()
        for icb in closed:
            self._follow(icb)
        tables = Tables(
            tuple(self._organisations.values()),
            tuple(self._memberships),
            self._base.successions + self._successions,
        )
        return Refreshed(self._day, tuple(self._changes), tables)

    def _note(
        self, kind: ChangeKind, code: str, move: tuple[str, str], day: date | None, note: str = ""
    ) -> None:
        name = self._organisations[code].name
        self._changes.append(Change(kind, code, name, *move, day, note))

    def _list_icbs(self) -> list[str]:
        """Begin and end ICBs as the list has them; give those that end."""
        for row in self._icbs.values():
            known = self._organisations.get(row.code)
            if known is None:
                self._organisations[row.code] = Organisation(row.code, tidy(row.name), "icb", self._day, None)
                self._note("opened", row.code, ("", "icb"), self._day)
            elif known.kind != "icb" or not known.is_active(self._day):
                raise SourceError(
                    f"{self._icb_file}, line {row.line}: {row.code} is no ICB on {self._day} by the register"
                    f" ({known.kind}, {known.valid_from} to {known.valid_to}); is the list of that day?"
                )
            else:
                self._rename(known, tidy(row.name))
        closed = [
            one.code
            for one in self._organisations.values()
            if one.kind == "icb" and one.is_active(self._day) and one.code not in self._icbs
        ]
        for code in closed:
            self._organisations[code] = replace(self._organisations[code], valid_to=self._day)
            self._note("closed", code, ("icb", ""), self._day)
            self._end(code, "region", self._day)
        return closed

    def _note_successions(self) -> None:
        """Say of ICBs that begin or end what they come from or went into."""
        known = (*self._base.successions, *self._successions)
        for number, one in enumerate(self._changes):
            if one.kind == "opened":
                others = [s.predecessor for s in known if s.successor == one.code]
                note = f"from {', '.join(others)}" if others else "of which ICBs is not known: --successions"
            elif one.kind == "closed":
                others = [s.successor for s in known if s.predecessor == one.code]
                note = (
                    f"into {', '.join(others)}" if others else "into which ICBs is not known: --successions"
                )
            else:
                continue
            self._changes[number] = one._replace(note=note)

    def _rename(self, known: Organisation, name: str) -> None:
        if known.name != name:
            self._organisations[known.code] = replace(known, name=name)
            self._note("renamed", known.code, (known.name, name), None, "ODS gives no date")

    def _place_icbs(self) -> None:
        """Put every ICB into the region of most of its trusts."""
        votes: dict[str, Counter[str]] = {}
        for row in self._trusts.values():
            if row.in_england:
                self._require_icb(row)
                votes.setdefault(row.icb, Counter())[row.region] += 1
        for one in list(self._organisations.values()):
            if one.kind != "icb" or not one.is_active(self._day):
                continue
            if one.code in votes:
                counted = votes[one.code]
                region = min(counted, key=lambda code: (-counted[code], code))
                self._move(one.code, "region", region, self._day)
            elif self._held(one.code, "region", self._day) is None:
                raise SourceError(
                    f"{self._trust_file} has no trust in the ICB {one.code}: its region is not known"
                )

    def _require_icb(self, row: TrustRow) -> None:
        known = self._organisations.get(row.icb)
        if known is None or known.kind != "icb" or not known.is_active(self._day):
            raise SourceError(
                f"{self._trust_file}, line {row.line}, column 4: {row.icb!r}, the ICB of {row.code}, is not"
                f" one on {self._day}; give the list of ICBs too, or the day of the file with --at"
            )

    def _list_trusts(self) -> None:
        for row in self._trusts.values():
            if row.in_england:
                self._take(row)
        for one in list(self._organisations.values()):
            if one.kind == "trust" and one.is_active(self._day) and one.code not in self._trusts:
                self._note("absent", one.code, ("", ""), None, "not in the file; kept as it was")

    def _take(self, row: TrustRow) -> None:
        known = self._organisations.get(row.code)
        if known is None:
            self._organisations[row.code] = Organisation(
                row.code, tidy(row.name), "trust", row.opened, row.ends
            )
            self._note("opened", row.code, ("", row.icb), row.opened)
            self._memberships += self._first_memberships(row)
        else:
            self._rename(known, tidy(row.name))
            self._date(row)
            self._move(row.code, "icb", row.icb, max(self._day, row.opened or self._day))
        region = self._held(row.icb, "region", self._day)
        if region != row.region:
            note = "a trust lies in the region of its ICB"
            self._note("disagrees", row.code, (row.region, region or UNMAPPED), self._day, note)

    def _first_memberships(self, row: TrustRow) -> Iterable[Membership]:
        """A trust that is new to the register: before the file's day its ICB is assumed."""
        begins = self._organisations[row.icb].valid_from
        start = max((day for day in (row.opened, begins) if day is not None), default=None)
        stated = self._day if start is None else max(start, self._day)
        source = f"{_ODS}{self._day}"
        if start is None or start < self._day:
            yield Membership(row.code, row.icb, "icb", start, stated, assumed=True, source=source)
        yield Membership(row.code, row.icb, "icb", stated, None, assumed=False, source=source)

    def _date(self, row: TrustRow) -> None:
        """Take kind and dates of a trust that is known."""
        known = self._organisations[row.code]
        kind: Kind = "trust"
        new = replace(known, kind=kind, valid_from=row.opened, valid_to=row.ends)
        if new == known:
            return
        self._organisations[row.code] = new
        if known.kind != new.kind:
            self._note("moved", row.code, (known.kind, new.kind), None, "what it is")
        if known.valid_from != new.valid_from:
            move = (str(known.valid_from or ""), str(new.valid_from or ""))
            self._note("redated", row.code, move, row.opened)
        if known.valid_to != new.valid_to:
            done: ChangeKind = "reopened" if new.valid_to is None else "closed"
            move = (str(known.valid_to or "open"), str(new.valid_to or "open"))
            self._note(done, row.code, move, row.ends)

    def _held(self, code: str, role: Role, day: date) -> str | None:
        return next(
            (
                one.parent
                for one in self._memberships
                if (one.child, one.role) == (code, role) and one.holds(day)
            ),
            None,
        )

    def _end(self, code: str, role: Role, day: date) -> None:
        """End what a code belongs to in a role; what would have begun later is dropped."""
        kept = []
        for one in self._memberships:
            if (one.child, one.role) != (code, role) or (one.valid_to is not None and one.valid_to <= day):
                kept.append(one)
            elif one.valid_from is None or one.valid_from < day:
                kept.append(replace(one, valid_to=day))
        self._memberships = kept

    def _move(self, code: str, role: Role, parent: str, day: date) -> None:
        before = self._held(code, role, day)
        if before == parent:
            return
        self._end(code, role, day)
        if role == "icb":
            self._end(code, "region", day)
        source = f"{_ODS}{self._day}"
        self._memberships.append(Membership(code, parent, role, day, None, assumed=False, source=source))
        if before is None and self._organisations[code].valid_from == day:
            return  # it has just begun, which is said already
        followed = any(
            (one.predecessor, one.successor) == (before, parent)
            for one in (*self._base.successions, *self._successions)
        )
        note = "by succession" if followed else "ODS gives no date: from the day of the file"
        self._note("moved", code, (before or UNMAPPED, parent), day, note)

    def _follow(self, icb: str) -> None:
        """Whoever is still in an ICB that ends goes to the one that took over the whole of it, or nowhere."""
        successors = [one for one in (*self._base.successions, *self._successions) if one.predecessor == icb]
        regions = {self._held(one.successor, "region", self._day) for one in successors}
        for one in [m for m in self._memberships if (m.parent, m.role) == (icb, "icb")]:
            if one.valid_to is not None and one.valid_to <= self._day:
                continue
            self._end(one.child, "icb", self._day)
            parent: str | None = None
            role: Role = "icb"
            if len(successors) == 1 and successors[0].kind == "merger":
                parent = successors[0].successor
            elif len(regions) == 1:
                (parent,), role = regions, "region"
            if parent is not None:
                self._end(one.child, "region", self._day)
                self._memberships.append(
                    Membership(one.child, parent, role, self._day, None, assumed=True, source="succession")
                )
            after = parent if parent is not None and role == "icb" else UNMAPPED
            note = (
                "assumed: the whole ICB went there" if role == "icb" and parent else "no file says where to"
            )
            self._note("moved", one.child, (icb, after), self._day, note)
