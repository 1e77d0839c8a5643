"""Panes: sums of facts by civil day and stratum, for one organisation, site, stream and basis.

An episode of which several things are known (quintile 1, female) is noted once, as it is. Before a day is
read, or holds many of them, they are *spread*: each value gets the facts in a cell of its own, and the cell
of none is lessened so that the sum of all cells stays what it was.

    quintile 1, female: f   becomes   (quintile 1): f    (female): f    (): -f

So a pane holds a cell a value, not one a combination, and everything that is read of it is exact: the whole
is the sum of all cells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from streams.engine.families import Cell, Facts, Histogram
from streams.engine.families.strata import DEPRIVATION, UNKNOWN, UNSTRATIFIED
from streams.engine.tally import Buckets, Tally, packed, packed_all

SPREAD_AT = 128
"""Episodes of a day that are noted before they are spread: many at once cost less, and none much memory."""

States = dict[int, tuple[int, Facts | None]]
"""States of one kind by epoch second: version, and facts unless withdrawn. Never changed, but replaced."""


class SeriesKey(NamedTuple):
    """What one series of panes is about."""

    org: str
    site: str
    stream: str
    basis: str


Pane = dict[Cell, Tally]
Sums = dict[tuple[str, str], Tally]


class Total(NamedTuple):
    """A day that has closed: its pane changes no more."""

    pane: Pane
    as_at_ms: int
    restated_ms: int


class Stretch(NamedTuple):
    """What a stretch of days holds: sums by stratum, the first day, how many days, and when they changed."""

    sums: Sums
    first: int
    days: int
    as_at_ms: int
    restated_ms: int


_NOTHING = Stretch({}, 0, 0, 0, 0)


def merge(pane: Pane, cell: Cell, tally: Tally, times: int = 1, counted: int = 1) -> None:
    """Add to a cell, which may have to be made; one that holds nothing is dropped."""
    total = pane.get(cell)
    if total is None:
        total = pane[cell] = Tally(0, tally.size, [{} for _ in tally.histograms])
    total.merge(tally, times, counted)
    if not total:
        del pane[cell]


@cache
def _cell_of(pair: tuple[str, str]) -> Cell:
    """Give the cell of one value, the same object in every pane."""
    return (pair,)


class Series:
    """The panes of one key. Adding and taking away are exact: facts are whole numbers.

    Unstratified is the sum of all cells; returns bring their own unstratified cell (`explicit`), which strata
    need not add up to. A day that has closed moves from `panes` to `totals`, where nothing changes it.
    Quarters of an hour are not broken down.

    What counts for now stands beside: `open` has what is kept of episodes that have not ended, by identity,
    and `opened_ms` when a record of one was last appended; `states` has those of the last day, by source
    and group.
    """

    __slots__ = (
        "_closed",
        "_fresh",
        "_latest",
        "_lent",
        "_newest",
        "_quarters",
        "_recent",
        "_settled",
        "as_at_ms",
        "dimensions",
        "explicit",
        "histograms",
        "key",
        "noted",
        "number",
        "open",
        "opened_ms",
        "panes",
        "restated_ms",
        "states",
        "totals",
    )

    def __init__(
        self,
        key: SeriesKey,
        number: int = 0,
        *,
        explicit: bool,
        histograms: tuple[Histogram, ...] = (),
        dimensions: tuple[str, ...] = (),
    ) -> None:
        self.key = key
        self.number = number  # in its partition
        self.explicit = explicit
        self.histograms = histograms
        self.dimensions = dimensions
        self.panes: dict[int, Pane] = {}
        self._quarters: dict[int, Pane] = {}
        self._recent: dict[int, list[Facts]] = {}  # of a quarter of an hour, not yet added to it
        self.restated_ms: dict[int, int] = {}
        self.as_at_ms: dict[int, int] = {}
        self.totals: dict[int, Total] = {}
        self.open: dict[str, Facts] = {}
        self.opened_ms = 0
        self.states: dict[tuple[str, str], States] = {}
        self._fresh: dict[int, list[tuple[Cell, Facts]]] = {}
        self._closed: dict[tuple[int, int], tuple[Pane, Stretch]] = {}
        self._settled: dict[tuple[int, int], Stretch] = {}
        self._latest: Stretch | None = None  # the newest day
        self.noted = (0, 0)  # the partition's turn in which its change was last noted, and of which day
        self._newest = 0
        self._lent: set[int] = set()  # days and quarters, which never meet, whose pane someone else reads

    @property
    def quarters(self) -> dict[int, Pane]:
        """The panes of the last quarters of an hour."""
        for quarter, added in self._recent.items():
            for facts in added:
                self._add(self._quarters, quarter, UNSTRATIFIED, facts)
        self._recent.clear()
        return self._quarters

    @quarters.setter
    def quarters(self, panes: dict[int, Pane]) -> None:
        self._quarters = panes

    def lend(self) -> tuple[dict[int, Pane], dict[int, Pane]]:
        """Give the panes of days and of quarters as they are now; what changes later changes a copy."""
        self.spread()
        quarters = self.quarters
        self._lent = {*self.panes, *quarters}
        return dict(self.panes), dict(quarters)

    def touch(self, day: int, append_ms: int) -> None:
        """Note when a day last changed."""
        self._latest = None
        if day != self._newest:
            self._newest = max(day, self._newest)
            self._settled.clear()
        if append_ms > self.as_at_ms.get(day, 0):
            self.as_at_ms[day] = append_ms

    def restate(self, day: int, append_ms: int) -> None:
        """Note that a day whose figure was already published has changed."""
        if append_ms > self.restated_ms.get(day, 0):
            self.restated_ms[day] = append_ms

    def close_before(self, day: int, closed_through: int) -> Iterator[int]:
        """Close the days before `day`; give those that nobody has closed before.

        A day up to `closed_through` has a total already, from when it closed the first time. Reading the
        log again from the middle may find less of it, so that what was read again is dropped.
        """
        for old in sorted(one for one in self.as_at_ms if one < day):
            self._spread(old)
            pane = self.panes.pop(old, None)
            as_at, restated = self.as_at_ms.pop(old), self.restated_ms.pop(old, 0)
            if pane and old > closed_through:
                self.totals[old] = Total(pane, as_at, restated)
                yield old
        self._closed.clear()
        self._settled.clear()

    def restore(self, day: int, total: Total) -> None:
        """Take back a day that has closed."""
        self.totals[day] = total
        self._closed.clear()
        self._settled.clear()

    def forget_before(self, day: int) -> None:
        """Drop the totals of the days before `day`."""
        for old in [one for one in self.totals if one < day]:
            del self.totals[old]

    def forget_quarters(self, first: int, before: int) -> None:
        """Drop the quarters of an hour before `before`; there are none before `first`."""
        kept: tuple[dict[int, Any], ...] = (self._quarters, self._recent)
        for quarters in kept:
            gone: Iterable[int] = range(first, before)
            if len(quarters) < before - first:
                gone = [one for one in quarters if one < before]
            for old in gone:
                quarters.pop(old, None)

    def stretch(self, start: int, end: int, dimensions: Collection[str] | None = None) -> Stretch:
        """Sum the days [start, end), closed and open, by stratum; ("", "") is unstratified.

        Args:
            start: the first day.
            end: the day after the last.
            dimensions: which strata of episodes are wanted; all of them unless given. Returns give all.
        """
        newest = self._newest
        wanted = None if self.explicit or dimensions is None else {"", *dimensions}
        if newest not in self.panes or not start <= newest < end:
            return _of(wanted, self._settled_stretch(start, end))
        before = self._settled_stretch(start, newest)
        if self._latest is None:
            self._latest = self._stretch(self._open({}, (newest,)), 1, newest, (newest,))
        return _of(wanted, before, self._latest)

    def _settled_stretch(self, start: int, end: int) -> Stretch:
        """Sum days before the newest; they seldom change, and then `touch` says so."""
        found = self._settled.get((start, end))
        if found is None:
            pane, before = self._closed_stretch(start, end)
            days = [day for day in self.panes if start <= day < end]
            found = before
            if days:
                own = {cell: tally.copy() for cell, tally in pane.items()}
                after = self._stretch(self._open(own, days), len(days), min(days), days)
                found = (
                    after
                    if not before.days
                    else after._replace(
                        first=before.first,
                        days=before.days + after.days,
                        as_at_ms=max(before.as_at_ms, after.as_at_ms),
                        restated_ms=max(before.restated_ms, after.restated_ms),
                    )
                )
            self._settled[start, end] = found
        return found

    def _closed_stretch(self, start: int, end: int) -> tuple[Pane, Stretch]:
        """Sum closed days once: they stay as they are until the next day closes."""
        if not self.totals:
            return {}, _NOTHING
        found = self._closed.get((start, end))
        if found is None:
            days = [day for day in self.totals if start <= day < end]
            found = {}, _NOTHING
            if days:
                totals = [self.totals[day] for day in days]
                pane: Pane = {}
                for total in totals:
                    _merge_all(pane, total.pane)
                stretch = Stretch(
                    self._sums(pane),
                    first=min(days),
                    days=len(days),
                    as_at_ms=max(total.as_at_ms for total in totals),
                    restated_ms=max(total.restated_ms for total in totals),
                )
                found = pane, stretch
            self._closed[start, end] = found
        return found

    def _open(self, pane: Pane, days: Collection[int]) -> Pane:
        """Add open days to a pane."""
        for day in days:
            self._spread(day)
            _merge_all(pane, self.panes.get(day, {}))
        return pane

    def _stretch(self, pane: Pane, count: int, first: int, days: Collection[int]) -> Stretch:
        """Give a stretch that ends with open days."""
        return Stretch(
            self._sums(pane),
            first,
            count,
            as_at_ms=max(self.as_at_ms[day] for day in days),
            restated_ms=max(self.restated_ms.get(day, 0) for day in days),
        )

    def recent_total(self, start: int, end: int) -> Sums:
        """Sum the quarters of an hour [start, end); they are unstratified."""
        pane: Pane = {}
        for quarter, one in self.quarters.items():
            if start <= quarter < end:
                _merge_all(pane, one)
        whole = pane.get(UNSTRATIFIED)
        return {("", ""): whole} if whole else {}

    def _sums(self, pane: Pane) -> Sums:
        """Give the whole, each value, and of each dimension what is unknown.

        Histograms are of the whole and by deprivation.
        """
        if self.explicit:
            return {(cell[0] if cell else ("", "")): tally.copy() for cell, tally in pane.items()}
        if not pane:
            return {}
        size = next(iter(pane.values())).size
        whole = Tally(0, size, [{} for _ in self.histograms])
        unknown = {name: Tally(0, size, [{} for _ in self.histograms]) for name in self.dimensions}
        sums: Sums = {}
        for cell, tally in pane.items():
            whole.merge(tally)
            for pair in cell:
                if pair[0] in unknown:
                    counted = pair[0] == DEPRIVATION
                    sums[pair] = Tally(tally.vector, size, map(dict, tally.histograms) if counted else ())
                    unknown[pair[0]].merge(tally, -1, -counted)
        if not whole:
            return {}
        for name, rest in unknown.items():
            rest.merge(whole, 1, int(name == DEPRIVATION))
            if name != DEPRIVATION:
                rest.histograms = []
            if rest:
                sums[name, UNKNOWN] = rest
        return {("", ""): whole, **sums}

    def add(self, day: int, cell: Cell, facts: Facts) -> None:
        """Add an episode's facts to a day, whatever is known of it."""
        if len(cell) <= 1:
            self._add(self.panes, day, cell, facts)
            return
        fresh = self._fresh.get(day)
        if fresh is None:
            fresh = self._fresh[day] = []
            if day not in self.panes:
                self.panes[day] = {}
        fresh.append((cell, facts))
        if len(fresh) >= SPREAD_AT:
            self._spread(day)

    def add_recent(self, quarter: int, facts: Facts) -> None:
        """Add them to a quarter of an hour too: later, when it is asked for. Of a backlog most are not."""
        added = self._recent.get(quarter)
        if added is None:
            self._recent[quarter] = [facts]
        else:
            added.append(facts)

    def _add(self, panes: dict[int, Pane], at: int, cell: Cell, facts: Facts) -> None:
        pane = panes.get(at)
        if pane is None:
            pane = panes[at] = {}
        elif at in self._lent:
            pane = self._own(panes, at)
        tally = self._tally(pane, cell, len(facts))
        tally.vector += packed(facts)
        self._count(tally, facts)

    def _tally(self, pane: Pane, cell: Cell, size: int) -> Tally:
        """Give the tally of a cell, made if there is none."""
        tally = pane.get(cell)
        if tally is None:
            tally = pane[cell] = Tally(0, size, [{} for _ in self.histograms])
        return tally

    def _own(self, panes: dict[int, Pane], at: int) -> Pane:
        """Put a copy in place of a pane that was lent."""
        self._lent.discard(at)
        pane = panes[at] = {cell: tally.copy() for cell, tally in panes[at].items()}
        return pane

    def spread(self) -> None:
        """Spread what was noted of every day."""
        for day in list(self._fresh):
            self._spread(day)

    def _spread(self, day: int) -> None:
        """Spread what was noted of a day."""
        fresh = self._fresh.pop(day, None)
        if not fresh:
            return
        pane = self._own(self.panes, day) if day in self._lent else self.panes[day]
        size = len(fresh[0][1])
        added = packed_all([facts for _, facts in fresh])
        vectors: defaultdict[tuple[str, str], int] = defaultdict(int)
        for (cell, _), vector in zip(fresh, added, strict=True):
            for pair in cell:
                vectors[pair] += vector
        sums = {_cell_of(pair): vector for pair, vector in vectors.items()}
        sums[UNSTRATIFIED] = sum(added) - sum(vectors.values())
        for cell, vector in sums.items():
            self._tally(pane, cell, size).vector += vector
        self._count_all(pane, fresh)
        for cell in sums:
            if not pane[cell]:
                del pane[cell]

    def _count_all(self, pane: Pane, fresh: Collection[tuple[Cell, Facts]]) -> None:
        """Count what was noted of a day in the histograms of its pane, as `_count` does one by one.

        Written out, since a call or a list more an episode takes up to half of the gain away (decision 13);
        `take` counts by `_count`, and what it takes away must leave nothing.
        """
        for place, (_, counted, measured, width) in enumerate(self.histograms):
            by_first: dict[tuple[str, str], Buckets] = {}
            for cell, facts in fresh:
                if facts[counted]:
                    buckets = by_first.get(cell[0])
                    if buckets is None:
                        buckets = by_first[cell[0]] = pane[_measured(cell)].histograms[place]
                    bucket = facts[measured] // width
                    buckets[bucket] = buckets.get(bucket, 0) + 1

    def _count(self, tally: Tally, facts: Facts) -> None:
        """Count an episode in the histograms of a tally."""
        for one, buckets in zip(self.histograms, tally.histograms, strict=True):
            if facts[one.counted]:
                bucket = facts[one.measured] // one.width
                buckets[bucket] = buckets.get(bucket, 0) + 1

    def take(self, panes: dict[int, Pane], at: int, cell: Cell, facts: Facts) -> None:
        """Take facts away again; a pane that holds nothing is dropped, so that its series ends."""
        if panes is self.panes:
            self._spread(at)
        pane = self._own(panes, at) if at in self._lent else panes[at]
        tally = Tally.of(facts, [{} for _ in self.histograms])
        self._count(tally, facts)
        if len(cell) <= 1:
            merge(pane, cell, tally, -1, -1)
        else:
            measured = _measured(cell)
            for one in map(_cell_of, cell):
                merge(pane, one, tally, -1, -int(one == measured))
            merge(pane, UNSTRATIFIED, tally, len(cell) - 1, -int(measured == UNSTRATIFIED))
        if not pane:
            del panes[at]


def _measured(cell: Cell) -> Cell:
    """Give the cell that has the histograms of an episode: that of its deprivation, which stands first."""
    return _cell_of(cell[0]) if cell[0][0] == DEPRIVATION else UNSTRATIFIED


def _of(dimensions: Collection[str] | None, first: Stretch, *more: Stretch) -> Stretch:
    """Put stretches together, of some dimensions or all; one alone is shared with other callers."""
    whole = [one for one in (first, *more) if one.days]
    if not whole:
        return _NOTHING
    sums: Sums = {}
    for one in whole:
        for pair, tally in one.sums.items():
            if dimensions is None or pair[0] in dimensions:
                mine = sums.get(pair)
                if mine is None:
                    sums[pair] = tally.copy() if len(whole) > 1 else tally
                else:
                    mine.merge(tally)
    return Stretch(
        sums,
        first=whole[0].first,
        days=sum(one.days for one in whole),
        as_at_ms=max(one.as_at_ms for one in whole),
        restated_ms=max(one.restated_ms for one in whole),
    )


def _merge_all(pane: Pane, other: Pane) -> None:
    """Add every cell of another pane."""
    for cell, tally in other.items():
        mine = pane.get(cell)
        if mine is None:
            pane[cell] = tally.copy()
        else:
            mine.merge(tally)
