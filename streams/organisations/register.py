"""The register in memory: which ICB and region an organisation belonged to, on any civil day.

Figures are stamped with the code as published and rolled up by the membership valid at the event's time
(domain §11.3); history is never rewritten. How the tables came about: docs/organisations.md.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from streams.organisations import _tables
from streams.organisations._records import Membership, Organisation, Parents, Succession

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = [
    "ENGLAND",
    "UNMAPPED",
    "Membership",
    "Organisation",
    "Parents",
    "Register",
    "Succession",
]

UNMAPPED: Final = "unmapped"
"""The bucket, at ICB and region level, of what has no known parent on the day: seen, never dropped."""

ENGLAND: Final = "england"
"""The one organisation of the level `england`."""

_NOWHERE: Final = Parents(icb=UNMAPPED, region=UNMAPPED, assumed=False)
_SPOKEN: Final = {UNMAPPED: "Unmapped organisations", ENGLAND: "England"}


class Register:
    """Organisations and their dated memberships; immutable once made."""

    __slots__ = ("_change_days", "_memberships", "_organisations", "_successions", "_timelines")

    def __init__(
        self,
        organisations: Iterable[Organisation],
        memberships: Iterable[Membership],
        successions: Iterable[Succession] = (),
    ) -> None:
        self._organisations = {o.code: o for o in sorted(organisations, key=lambda o: o.code)}
        self._memberships = tuple(memberships)
        self._successions = tuple(successions)
        self._timelines = _timelines(self._organisations, self._memberships)
        self._change_days = _change_days(self._timelines)

    @classmethod
    def shipped(cls) -> Register:
        """The register that is part of this package."""
        return cls._from(files("streams.organisations").joinpath("data"))

    @classmethod
    def from_directory(cls, path: Path) -> Register:
        """A register from tables of the same form as the shipped ones.

        Raises:
            ConfigurationError: A table is missing, torn or contradictory; says file, line and column.
        """
        return cls._from(path)

    @classmethod
    def _from(cls, directory: Traversable) -> Register:
        tables = _tables.read(directory)
        return cls(tables.organisations, tables.memberships, tables.successions)

    def organisation(self, code: str) -> Organisation | None:
        """The organisation of that code, or None."""
        return self._organisations.get(code)

    def level(self, code: str) -> str:
        """`trust`, `provider`, `icb`, `region` or `england`; a code nobody knows is a `provider`."""
        if code == ENGLAND:
            return ENGLAND
        organisation = self._organisations.get(code)
        return "provider" if organisation is None else organisation.kind

    def parents(self, code: str, day: date) -> Parents:
        """ICB and region of a code on a civil day (Europe/London); `unmapped` where nothing is known.

        An ICB is its own ICB while it exists; a region is its own region and has no ICB.
        """
        timeline = self._timelines.get(code)
        if timeline is None:
            return _NOWHERE
        starts, parents = timeline
        return parents[bisect_right(starts, day) - 1]

    def is_active(self, code: str, day: date) -> bool:
        """Whether an organisation existed on that day; a code nobody knows, and `unmapped`, always do."""
        organisation = self._organisations.get(code)
        return organisation is None or organisation.is_active(day)

    def change_days(self) -> tuple[date, ...]:
        """The sorted civil days from which any organisation has another ICB or region than before."""
        return self._change_days

    def succession(self, code: str) -> tuple[Succession, ...]:
        """Every succession that the code takes part in, as predecessor or as successor."""
        return tuple(s for s in self._successions if code in (s.predecessor, s.successor))

    def name(self, code: str) -> str:
        """The name to show; the code itself where no name is known."""
        organisation = self._organisations.get(code)
        return _SPOKEN.get(code, code) if organisation is None else organisation.name

    def all(self) -> Iterator[Organisation]:
        """Every organisation, by code."""
        return iter(self._organisations.values())

    def memberships(self) -> Iterator[Membership]:
        """Every dated membership, as the table has them."""
        return iter(self._memberships)


_Timeline = tuple[tuple[date, ...], tuple[Parents, ...]]


def _timelines(
    organisations: dict[str, Organisation], memberships: tuple[Membership, ...]
) -> dict[str, _Timeline]:
    """Per code the days something changes, and what holds from each on; the first is date.min.

    starts    min ............ 2025-07-01 ............ 2026-04-01 .....
    parents   QMJ Y56 assumed  QMJ Y56                 Z9B2Z Y56
    """
    spans: dict[str, list[Membership]] = {code: [] for code in organisations}
    for membership in memberships:
        spans[membership.child].append(membership)
    resolver = _Resolver(organisations, spans)
    return {code: resolver.timeline(code) for code in organisations}


class _Resolver:
    """Answers from the tables themselves, day by day; the timelines are made of its answers."""

    def __init__(self, organisations: dict[str, Organisation], spans: dict[str, list[Membership]]) -> None:
        self._organisations = organisations
        self._spans = spans

    def timeline(self, code: str) -> _Timeline:
        starts: list[date] = []
        parents: list[Parents] = []
        for day in sorted({date.min} | self._cuts(code)):
            holds = self._at(code, day)
            if not parents or parents[-1] != holds:
                starts.append(day)
                parents.append(holds)
        return tuple(starts), tuple(parents)

    def _cuts(self, code: str) -> set[date]:
        """Every day on which the answer for a code may change."""
        organisation = self._organisations[code]
        bounds = [organisation.valid_from, organisation.valid_to] if organisation.kind == "icb" else []
        above: set[date] = set()
        for membership in self._spans[code]:
            bounds += [membership.valid_from, membership.valid_to]
            if membership.role == "icb":
                above |= self._cuts(membership.parent)
        return above | {day for day in bounds if day is not None}

    def _at(self, code: str, day: date) -> Parents:
        organisation = self._organisations[code]
        if organisation.kind == "region":
            return Parents(icb=UNMAPPED, region=code, assumed=False)
        if organisation.kind == "icb" and not organisation.is_active(day):
            return _NOWHERE
        own, own_assumed = self._held(code, "region", day)
        if organisation.kind == "icb":
            return Parents(icb=code, region=own, assumed=own_assumed)
        icb, icb_assumed = self._held(code, "icb", day)
        if icb == UNMAPPED:
            return Parents(icb=UNMAPPED, region=own, assumed=own_assumed)
        above = self._at(icb, day)
        if above.region == UNMAPPED:
            return Parents(icb=icb, region=own, assumed=icb_assumed or own_assumed)
        return Parents(icb=icb, region=above.region, assumed=icb_assumed or above.assumed)

    def _held(self, code: str, role: str, day: date) -> tuple[str, bool]:
        """The parent in that role on that day, and whether it is assumed."""
        for membership in self._spans[code]:
            if membership.role == role and membership.holds(day):
                return membership.parent, membership.assumed
        return UNMAPPED, False


def _change_days(timelines: dict[str, _Timeline]) -> tuple[date, ...]:
    days: set[date] = set()
    for starts, parents in timelines.values():
        for index in range(1, len(starts)):
            before, after = parents[index - 1], parents[index]
            if (before.icb, before.region) != (after.icb, after.region):
                days.add(starts[index])
    return tuple(sorted(days))
