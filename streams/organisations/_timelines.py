"""Where every organisation belonged, day by day, worked out once from the tables."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from streams.organisations._codes import is_area
from streams.organisations._records import ROLL_UPS, Membership, Organisation, Parents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

UNMAPPED: Final = "unmapped"
"""The bucket, at ICB and region level, of what has no known parent on the day: seen, never dropped."""

ENGLAND: Final = "england"
"""The one organisation of the level `england`."""

NOWHERE: Final = Parents(icb=UNMAPPED, region=UNMAPPED, assumed=False)
"""Where a code belongs that nobody knows."""

_Timeline = tuple[tuple[date, ...], tuple[Parents, ...]]
_Counts = tuple[tuple[str, str], ...]


def counted(level: str, code: str, parents: Parents) -> _Counts:
    """Level and code of everything that a fact of a code counts in, itself included.

    A council's figures are of its residents, who are counted once more where they are treated: they stand
    by themselves. So do those of an ICB's area, which holds the organisations in it once more.
    """
    if level in ("council", ENGLAND) or is_area(code):
        return ((level, code),)
    units = parents.units
    own = () if (level, code) in units else ((level, code),)
    return (*own, *units, (ENGLAND, ENGLAND))


class Timelines:
    """Per code the days something changes, and what holds from each on; the first is date.min.

    starts    min ............ 2025-07-01 ............ 2026-04-01 .....
    parents   QMJ Y56 assumed  QMJ Y56                 Z9B2Z Y56
    """

    def __init__(self, organisations: Mapping[str, Organisation], memberships: Iterable[Membership]) -> None:
        spans: dict[str, list[Membership]] = {code: [] for code in organisations}
        for membership in memberships:
            spans[membership.child].append(membership)
        resolver = _Resolver(organisations, spans)
        self._of: dict[str, _Timeline] = {code: resolver.timeline(code) for code in organisations}
        self._counts: dict[str, tuple[_Counts, ...]] = {
            code: tuple(counted(organisations[code].kind, code, one) for one in parents)
            for code, (_, parents) in self._of.items()
        }

    def at(self, code: str, day: date) -> Parents | None:
        """Where a code belongs on a day; None for a code that the tables do not have."""
        timeline = self._of.get(code)
        if timeline is None:
            return None
        starts, parents = timeline
        return parents[bisect_right(starts, day) - 1]

    def counts(self, code: str, day: date) -> _Counts | None:
        """What `counted` gives for a code on a day, worked out once; None for a code that is not there."""
        counts = self._counts.get(code)
        return None if counts is None else counts[bisect_right(self._of[code][0], day) - 1]

    def changes(self) -> Iterator[tuple[str, date, Parents, Parents]]:
        """Every real change: code, day, before and after. The end of an assumption is none."""
        for code, (starts, parents) in self._of.items():
            for index in range(1, len(starts)):
                before, after = parents[index - 1], parents[index]
                if before.units != after.units:
                    yield code, starts[index], before, after

    def change_days(self) -> tuple[date, ...]:
        """The sorted days of all changes."""
        return tuple(sorted({day for _, day, _, _ in self.changes()}))

    def starts(self, code: str) -> tuple[date, ...]:
        """The days from which another line of a code's timeline holds; the first is date.min."""
        return self._of[code][0]


class _Resolver:
    """Answers from the tables themselves, day by day; the timelines are made of its answers."""

    def __init__(self, organisations: Mapping[str, Organisation], spans: dict[str, list[Membership]]) -> None:
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
        rolls_up = organisation.kind in ROLL_UPS
        bounds = [organisation.valid_from, organisation.valid_to] if rolls_up else []
        above: set[date] = set()
        for membership in self._spans[code]:
            bounds += [membership.valid_from, membership.valid_to]
            above |= self._cuts(membership.parent)
        return above | {day for day in bounds if day is not None}

    def _at(self, code: str, day: date) -> Parents:
        organisation = self._organisations[code]
        kind = organisation.kind
        if kind == "region":
            return replace(NOWHERE, region=code)
        if kind in ROLL_UPS and not organisation.is_active(day):
            return NOWHERE
        if kind == "cluster":
            return replace(NOWHERE, cluster=code)
        if kind == "icb":
            return self._of_icb(code, day)
        found = self._within_icb(code, day)
        for unit in ("neighbourhood", "place"):
            parent, assumed = self._held(code, unit, day)
            if parent is not None:
                # The ICB is the same, or none of its own is known: `_own` holds the tables to it.
                above = self._at(parent, day)
                found = replace(above, assumed=found.assumed or above.assumed or assumed)
                break
        if kind == "neighbourhood":
            return replace(found, neighbourhood=code)
        return replace(found, place=code) if kind == "place" else found

    def _of_icb(self, code: str, day: date) -> Parents:
        region, assumed = self._held(code, "region", day)
        cluster, cluster_assumed = self._held(code, "cluster", day)
        return Parents(code, region or UNMAPPED, assumed or cluster_assumed, cluster=cluster)

    def _within_icb(self, code: str, day: date) -> Parents:
        """What its own membership of an ICB says, or of a region where it has no ICB."""
        own, own_assumed = self._held(code, "region", day)
        own = own or UNMAPPED
        icb, icb_assumed = self._held(code, "icb", day)
        if icb is None:
            return Parents(icb=UNMAPPED, region=own, assumed=own_assumed)
        above = self._at(icb, day)
        if above.region == UNMAPPED:
            return replace(above, icb=icb, region=own, assumed=icb_assumed or own_assumed)
        return replace(above, icb=icb, assumed=icb_assumed or above.assumed)

    def _held(self, code: str, role: str, day: date) -> tuple[str | None, bool]:
        """The parent in that role on that day, and whether it is assumed."""
        for membership in self._spans[code]:
            if membership.role == role and membership.holds(day):
                return membership.parent, membership.assumed
        return None, False
