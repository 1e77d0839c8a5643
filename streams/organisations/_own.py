"""An operator's own tables, added to the register: what no official file says.

Neighbourhoods, places and clusters with their members, providers that stand in no file, and what trusts
merged into. One member has one parent of a kind at a time, and a place lies in one ICB, that of its members:
otherwise a figure would count twice, or the parts of an ICB would not add up to it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from streams.organisations import _tables
from streams.organisations._records import ENDING, ROLL_UPS, Membership, Organisation, Succession
from streams.organisations._timelines import UNMAPPED, Timelines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from streams.organisations._tables import Row, Tables

_UNITS: Final = ("neighbourhood", "place")


def add_own(base: Tables, directory: Path) -> Tables:
    """Give the tables with an operator's added.

    Raises:
        ConfigurationError: A table of the directory is torn or contradicts itself or the register; says
            file, line and column.
    """
    own, lines = _tables.read_own(directory, base)
    ended = {one.predecessor: one.day for one in own.successions if one.kind in ENDING}
    together = _tables.Tables(
        tuple(
            replace(one, valid_to=ended[one.code]) if one.valid_to is None and one.code in ended else one
            for one in (*base.organisations, *own.organisations)
        ),
        base.memberships + own.memberships,
        base.successions + own.successions,
    )
    _Check(together, lines).check(own.memberships)
    return together


class _Check:
    """Holds an operator's memberships against everything else."""

    def __init__(self, tables: Tables, lines: Mapping[Membership | Succession, Row]) -> None:
        self._organisations = {one.code: one for one in tables.organisations}
        self._memberships = tables.memberships
        self._lines = lines

    def check(self, own: Iterable[Membership]) -> None:
        own = list(own)
        for one in own:
            self._within(one, self._organisations[one.parent], "parent")
            if self._organisations[one.child].kind in ROLL_UPS:
                self._within(one, self._organisations[one.child], "child")
            if one.role in _UNITS:
                self._one_unit(one, own)
        timelines = Timelines(self._organisations, [m for m in self._memberships if not self._places(m)])
        above = Timelines(self._organisations, [m for m in self._memberships if self._unit_above(m)])
        for one in own:
            if self._places(one):
                self._same_icb(one, timelines, above)

    def _within(self, one: Membership, organisation: Organisation, column: str) -> None:
        """Nobody belongs to a unit before it begins or after it ends."""
        row, code = self._lines[one], organisation.code
        begins, ends = organisation.valid_from, organisation.valid_to
        if begins is not None and (one.valid_from is None or one.valid_from < begins):
            row.refuse("valid_from", f"{column} {code} begins on {begins}: begin this membership then")
        if ends is not None and (one.valid_to is None or one.valid_to > ends):
            row.refuse("valid_to", f"{column} {code} ends on {ends}: end this membership then")

    def _one_unit(self, one: Membership, own: Iterable[Membership]) -> None:
        """Who is in a neighbourhood is in its place already."""
        row = self._lines[one]
        for other in own:
            if other.child != one.child or other.role == one.role or self._lines[other].line > row.line:
                continue
            day = max(other.valid_from or date.min, one.valid_from or date.min)
            if other.role in _UNITS and one.holds(day) and other.holds(day):
                row.refuse(
                    "role",
                    f"{one.child} is in {other.role} {other.parent} at that time (line"
                    f" {self._lines[other].line}); put it into the smaller unit alone, which lies in the"
                    " larger one",
                )

    def _places(self, one: Membership) -> bool:
        """Whether a membership puts an organisation that reports into a neighbourhood or a place."""
        return one.role in _UNITS and self._organisations[one.child].kind not in ROLL_UPS

    def _unit_above(self, one: Membership) -> bool:
        return self._organisations[one.child].kind in ROLL_UPS

    def _same_icb(self, one: Membership, own: Timelines, above: Timelines) -> None:
        """On every day of a membership the unit lies in an ICB, and the member in no other one."""
        for day in _days_of(one, {*own.starts(one.child), *above.starts(one.parent)}):
            icb, units = own.at(one.child, day), above.at(one.parent, day)
            assert icb is not None  # noqa: S101 - both codes are in the tables
            assert units is not None  # noqa: S101
            when = "always" if day == date.min else f"on {day}"
            if units.icb == UNMAPPED:
                self._lines[one].refuse(
                    "parent", f"{one.parent} lies in no ICB {when}: give it one, or dates"
                )
            if icb.icb not in (UNMAPPED, units.icb):
                self._lines[one].refuse(
                    "parent",
                    f"{one.child} belongs to ICB {icb.icb} {when}, but {one.parent} lies in ICB {units.icb}:"
                    " give the membership dates, or another parent",
                )


def _days_of(one: Membership, starts: Iterable[date]) -> Iterator[date]:
    """Give the first day of a membership and every day in it on which something else changes."""
    first = one.valid_from or date.min
    yield first
    yield from sorted(day for day in starts if day > first and one.holds(day))
