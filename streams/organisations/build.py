"""Build the register's tables from the official files; run it again and nothing changes.

    python -m streams.organisations.build \
        --trusts etr_2025-07.csv@2025-07-01 --trusts etr_2026-04.csv@2026-04-01 \
        --icbs42 icb42_2025.csv --icbs36 icb36_2026-04.csv --mapping System-Mapping.csv \
        --out streams/organisations/data

The rules are in docs/organisations.md; what the files do not agree on goes to conflicts.csv.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.errors import OversightError, SourceError
from streams.organisations import _tables
from streams.organisations._names import tidy
from streams.organisations._official import (
    REGIONS,
    IcbRow,
    MappedRow,
    TrustRow,
    read_icbs,
    read_mapping,
    read_trusts,
)
from streams.organisations._records import Membership, Organisation, Role, Succession

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ICB_CHANGE: Final = date(2026, 4, 1)
"""42 ICBs before this day, 36 from it on."""

SUCCESSIONS: Final = tuple(
    Succession(predecessor, successor, ICB_CHANGE, kind)
    for successor, kind, predecessors in (
        ("S1Y5D", "merger", ("QHG", "QUE")),
        ("S1Y5D", "split", ("QM7",)),
        ("D7T5G", "merger", ("QH8",)),
        ("D7T5G", "split", ("QM7", "QJG")),
        ("T6Y0W", "merger", ("QMM",)),
        ("T6Y0W", "split", ("QJG",)),
        ("S0E4D", "merger", ("QU9",)),
        ("S0E4D", "split", ("QNQ",)),
        ("S9B9J", "merger", ("QXU", "QNX")),
        ("S9B9J", "split", ("QNQ",)),
        ("Z9B2Z", "merger", ("QMJ", "QRV")),
        ("QRL", "split", ("QNQ",)),
        ("QRL", "footprint", ("QRL",)),
    )
    for predecessor in predecessors
)
"""Domain §11.3, after NHSBSA (10 April 2026) and the ODS files; only the ICBs have published successors."""

_MAPPING: Final = "system-mapping"
_SUCCESSION: Final = "succession"


class Conflict(NamedTuple):
    """One thing the files do not agree on, or leave open, and what was taken."""

    code: str
    subject: str
    ods: str
    mapping: str
    taken: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An ODS trust file and the day it was true."""

    day: date
    trusts: Mapping[str, TrustRow]

    @property
    def source(self) -> str:
        """How the tables name this file."""
        return f"ods-{self.day}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything the register is built from; `snapshots` in order of time."""

    snapshots: tuple[Snapshot, ...]
    icbs_before: Mapping[str, IcbRow]
    icbs_after: Mapping[str, IcbRow]
    mapping: Sequence[MappedRow]


class _Known(NamedTuple):
    """From `day` on a file says that the parent is this one."""

    day: date
    parent: str
    source: str


def build(sources: Sources) -> tuple[_tables.Tables, tuple[Conflict, ...]]:
    """The tables and the conflicts.

    Raises:
        SourceError: The files contradict the table of ICB successions, or name an ICB nobody lists.
    """
    return _Builder(sources).build()


class _Builder:
    """Holds what the steps share: the files, the ICBs, the conflicts found so far."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._conflicts: list[Conflict] = []
        self._icbs = self._list_icbs()
        self._icb_regions: dict[str, list[Membership]] = {}

    def build(self) -> tuple[_tables.Tables, tuple[Conflict, ...]]:
        self._check_successions()
        for code in sorted(self._icbs):
            self._icb_regions[code] = self._place_icb(code)
        trusts = self._list_trusts()
        memberships = [m for rows in self._icb_regions.values() for m in rows]
        for code in trusts:
            memberships += self._place_trust(code)
        providers, placed = self._add_mapped(trusts)
        memberships += placed
        regions = [Organisation(code, name, "region", None, None) for code, name in REGIONS.items()]
        organisations = [*regions, *self._icbs.values(), *trusts.values(), *providers]
        tables = _tables.Tables(tuple(organisations), tuple(memberships), SUCCESSIONS)
        return tables, tuple(self._conflicts)

    def _list_icbs(self) -> dict[str, Organisation]:
        before, after = self._sources.icbs_before, self._sources.icbs_after
        return {
            code: Organisation(
                code,
                tidy((after.get(code) or before[code]).name),
                "icb",
                None if code in before else ICB_CHANGE,
                None if code in after else ICB_CHANGE,
            )
            for code in {**before, **after}
        }

    def _check_successions(self) -> None:
        before, after = set(self._sources.icbs_before), set(self._sources.icbs_after)
        abolished = {s.predecessor for s in SUCCESSIONS} - after
        created = {s.successor for s in SUCCESSIONS} - before
        for what, listed, files in (
            ("abolished", abolished, before - after),
            ("created", created, after - before),
        ):
            if listed != files:
                raise SourceError(
                    f"the ICBs {what} on {ICB_CHANGE} are {sorted(files)} by the files, but {sorted(listed)} "
                    f"by the table of successions in streams/organisations/build.py; correct the table"
                )

    def _place_icb(self, code: str) -> list[Membership]:
        """An ICB's region is that of the majority of its trusts."""
        known = []
        for snapshot in self._sources.snapshots:
            if not self._icbs[code].is_active(snapshot.day):
                continue
            votes = Counter(t.region for t in snapshot.trusts.values() if t.icb == code and t.in_england)
            listed = self._sources.icbs_before[code].region if code in self._sources.icbs_before else ""
            if not votes and not listed:
                raise SourceError(f"no file says which region the ICB {code} lies in; add its region")
            taken = min(votes, key=lambda region: (-votes[region], region)) if votes else listed
            if len(votes) > 1 or (listed and listed != taken):
                counts = ", ".join(f"{region} {count} trusts" for region, count in sorted(votes.items()))
                reason = "the region of the majority of the ICB's trusts"
                self._conflicts.append(
                    Conflict(code, "region", f"{counts} ({snapshot.day})", listed, taken, reason)
                )
            known.append(_Known(snapshot.day, taken, snapshot.source))
        if not known:
            raise SourceError(
                f"no trust file is of a day on which the ICB {code} exists; give one more --trusts"
            )
        organisation = self._icbs[code]
        return _spans(code, "region", known, organisation.valid_from, organisation.valid_to)

    def _list_trusts(self) -> dict[str, Organisation]:
        trusts: dict[str, Organisation] = {}
        for code in sorted({code for s in self._sources.snapshots for code in s.trusts}):
            rows = [(s.day, s.trusts[code]) for s in self._sources.snapshots if code in s.trusts]
            if not all(row.in_england for _, row in rows):
                continue
            latest = rows[-1][1]
            trusts[code] = Organisation(code, tidy(latest.name), "trust", latest.opened, latest.ends)
            if len({tidy(row.name) for _, row in rows}) > 1:
                said = "; ".join(f"{tidy(row.name)} ({day})" for day, row in rows)
                reason = "renamed between the two files, no date given: the newest name stands for all days"
                self._conflicts.append(Conflict(code, "name", said, "", tidy(latest.name), reason))
        return trusts

    def _place_trust(self, code: str) -> list[Membership]:
        snapshots = self._sources.snapshots
        seen = [(s, s.trusts[code]) for s in snapshots if code in s.trusts]
        opened = seen[0][1].opened
        start = opened if seen[0][0] is not snapshots[0] and opened and opened > snapshots[0].day else None
        known = []
        for snapshot, row in seen:
            self._require_icb(row.icb, snapshot.day, f"the trust {code} in the ODS file of {snapshot.day}")
            above = self._region_of(row.icb, snapshot.day)
            if above != row.region:
                reason = "a trust lies in the region of its ICB"
                self._conflicts.append(Conflict(code, "region", row.region, "", above, reason))
            known.append(_Known(max(snapshot.day, start or date.min), row.icb, snapshot.source))
        self._note_undated(code, known)
        return [row for span in _spans(code, "icb", known, start, None) for row in self._within_icb(span)]

    def _note_undated(self, code: str, known: list[_Known]) -> None:
        for older, newer in pairwise(known):
            followed = {s.successor for s in SUCCESSIONS if s.predecessor == older.parent}
            if newer.parent in {older.parent, *followed}:
                continue
            said = f"{older.parent} on {older.day}; {newer.parent} on {newer.day}"
            taken = f"{older.parent} until {newer.day}; {newer.parent} from then"
            reason = "ODS gives no date for the change and no succession explains it"
            self._conflicts.append(Conflict(code, "icb change", said, self._mapped(code), taken, reason))

    def _add_mapped(self, trusts: Mapping[str, Organisation]) -> tuple[list[Organisation], list[Membership]]:
        providers: dict[str, Organisation] = {}
        placed: list[Membership] = []
        first = self._sources.snapshots[0]
        for row in self._sources.mapping:
            self._require_icb(row.icb, first.day, f"{row.code} in the mapping")
            if row.region != self._region_of(row.icb, first.day):
                above = self._region_of(row.icb, first.day)
                self._conflicts.append(
                    Conflict(row.code, "region", above, row.region, above, "the region of its ICB")
                )
            if row.written != row.code:
                reason = "an ODS code is upper case without blanks, and the A&E files have it so"
                self._conflicts.append(Conflict(row.code, "code", "", repr(row.written), row.code, reason))
            if row.code in trusts:
                said = first.trusts.get(row.code)
                if said is not None and said.icb != row.icb:
                    self._conflicts.append(
                        Conflict(row.code, "icb", said.icb, row.icb, said.icb, "ODS decides")
                    )
            elif row.code in providers:
                same = any(m.parent == row.icb for m in placed if m.child == row.code)
                reason = "the same row twice" if same else "two ICBs: the first one stands"
                self._conflicts.append(
                    Conflict(row.code, "repeated", "", f"stands twice ({row.icb})", "once", reason)
                )
            else:
                providers[row.code] = Organisation(row.code, tidy(row.name), "provider", None, None)
                known = [_Known(first.day, row.icb, _MAPPING)]
                for span in _spans(row.code, "icb", known, None, None):
                    placed += self._within_icb(span)
        return list(providers.values()), placed

    def _within_icb(self, span: Membership) -> list[Membership]:
        """Cut a membership to the days its ICB existed; what lies outside follows the succession."""
        icb = self._icbs[span.parent]
        pieces = []
        start, end = span.valid_from, span.valid_to
        if icb.valid_from is not None and (start is None or start < icb.valid_from):
            pieces += self._follow(
                span, [s for s in SUCCESSIONS if s.successor == icb.code], start, icb.valid_from
            )
            start = icb.valid_from
        if icb.valid_to is not None and (end is None or end > icb.valid_to):
            pieces += self._follow(
                span, [s for s in SUCCESSIONS if s.predecessor == icb.code], icb.valid_to, end
            )
            end = icb.valid_to
        if start is None or end is None or start < end:
            pieces.append(Membership(span.child, icb.code, "icb", start, end, span.assumed, span.source))
        return pieces

    def _follow(
        self, span: Membership, candidates: Sequence[Succession], start: date | None, end: date | None
    ) -> list[Membership]:
        """The one ICB that stands for the other, or else the region if all candidates lie in one."""
        parent: str
        role: Role
        forward = span.parent in {s.predecessor for s in candidates}
        codes = [s.successor if forward else s.predecessor for s in candidates]
        day = ICB_CHANGE if forward else ICB_CHANGE - timedelta(days=1)
        regions = {self._region_of(code, day) for code in codes}
        if len(candidates) == 1 and candidates[0].kind == "merger":
            (parent,), role = codes, "icb"
        elif len(regions) == 1:
            (parent,), role = regions, "region"
        else:
            parent, role = "", "icb"
        if forward and (role == "region" or not parent):
            reason = "the ICB was split and no file says to which successor"
            taken = f"no ICB; region {parent}" if parent else "no ICB, no region"
            said = f"{span.parent} became {', '.join(codes)}"
            self._conflicts.append(
                Conflict(span.child, "succession", said, self._mapped(span.child), taken, reason)
            )
        if not parent:
            return []
        return [Membership(span.child, parent, role, start, end, assumed=True, source=_SUCCESSION)]

    def _region_of(self, icb: str, day: date) -> str:
        return next((m.parent for m in self._icb_regions[icb] if m.holds(day)), "")

    def _mapped(self, code: str) -> str:
        return next((row.icb for row in self._sources.mapping if row.code == code), "")

    def _require_icb(self, icb: str, day: date, where: str) -> None:
        if icb not in self._icbs or not self._icbs[icb].is_active(day):
            raise SourceError(f"{icb!r}, the ICB of {where}, is not an ICB on {day}; give the lists of ICBs")


def _spans(
    child: str, role: Role, known: Iterable[_Known], start: date | None, end: date | None
) -> list[Membership]:
    """Memberships from what is known when; the first reaches back to `start`, assumed.

    known        2025-07-01 QMJ        2026-04-01 Z9B2Z
    result  ...QMJ assumed | QMJ ............ | Z9B2Z ...
    """
    changes: list[_Known] = []
    for entry in known:
        if not changes or changes[-1].parent != entry.parent:
            changes.append(entry)
    ends = [entry.day for entry in changes[1:]] + [end]
    first = changes[0]
    spans = []
    if start is None or start < first.day:
        spans.append(Membership(child, first.parent, role, start, first.day, True, first.source))
    for entry, until in zip(changes, ends, strict=True):
        spans.append(Membership(child, entry.parent, role, entry.day, until, False, entry.source))
    return spans


def _dated(argument: str) -> tuple[Path, date]:
    file, separator, day = argument.rpartition("@")
    if not separator or not file:
        raise argparse.ArgumentTypeError(f"{argument!r} is not FILE@YYYY-MM-DD")
    try:
        return Path(file), date.fromisoformat(day)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{day!r} in {argument!r} is not a date YYYY-MM-DD") from error


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m streams.organisations.build",
        description="Build the dated organisation register from the official files.",
    )
    parser.add_argument(
        "--trusts",
        type=_dated,
        action="append",
        required=True,
        metavar="FILE@DAY",
        help="an ODS trust file and the day it was true; give it once for each file",
    )
    parser.add_argument(
        "--icbs42", type=Path, required=True, metavar="FILE", help=f"ICBs before {ICB_CHANGE}"
    )
    parser.add_argument("--icbs36", type=Path, required=True, metavar="FILE", help=f"ICBs from {ICB_CHANGE}")
    parser.add_argument("--mapping", type=Path, required=True, metavar="FILE", help="System-Mapping.csv")
    parser.add_argument("--out", type=Path, required=True, metavar="DIRECTORY", help="where the tables go")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Build the tables; 0 when they stand, 1 with one line of explanation when they cannot be built."""
    arguments = _arguments().parse_args(argv)
    try:
        tables, conflicts = build(
            Sources(
                snapshots=tuple(
                    Snapshot(day, read_trusts(path))
                    for path, day in sorted(arguments.trusts, key=lambda entry: entry[1])
                ),
                icbs_before=read_icbs(arguments.icbs42),
                icbs_after=read_icbs(arguments.icbs36),
                mapping=read_mapping(arguments.mapping),
            )
        )
        written = _tables.render_all(tables, conflicts)
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            (arguments.out / name).write_text(content, encoding="utf-8", newline="\n")
        _tables.read(arguments.out)
    except OversightError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    kinds = Counter(organisation.kind for organisation in tables.organisations)
    summary = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    sys.stdout.write(
        f"{summary}; {len(tables.memberships)} memberships, {len(tables.successions)} successions, "
        f"{len(conflicts)} conflicts\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
