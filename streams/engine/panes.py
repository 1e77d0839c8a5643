"""Panes: sums of facts by civil day and stratum, for one organisation, site, stream and basis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import add, sub
from typing import Any, NamedTuple

from streams.engine.families import Cell, Facts, Histogram

Buckets = dict[int, int]
"""A sparse histogram: bucket to how many."""


States = dict[int, tuple[int, Facts | None]]
"""States of one kind by epoch second: version, and facts unless withdrawn. Never changed, but replaced."""


class SeriesKey(NamedTuple):
    """What one series of panes is about."""

    org: str
    site: str
    stream: str
    basis: str


class Tally:
    """A sum of facts, and the exact histograms that quantiles are read from. Both can be taken away again."""

    __slots__ = ("facts", "histograms")

    def __init__(self, facts: Iterable[int], histograms: Iterable[Buckets] = ()) -> None:
        self.facts = list(facts)
        self.histograms = list(histograms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and (self.facts, self.histograms) == (other.facts, other.histograms)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Tally({self.facts}, {self.histograms})"

    def copy(self) -> Tally:
        """Give another of the same content."""
        return Tally(self.facts, map(dict, self.histograms))

    def merge(self, other: Tally) -> None:
        """Add another sum of the same definition."""
        self.facts = list(map(add, self.facts, other.facts))
        for mine, theirs in zip(self.histograms, other.histograms, strict=True):
            for bucket, count in theirs.items():
                mine[bucket] = mine.get(bucket, 0) + count


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


class Series:
    """The panes of one key. Adding and taking away are exact: facts are whole numbers.

    Episodes are added to one cell of the product of their strata, and unstratified is the sum of all
    cells. Returns bring their own unstratified cell (`explicit`), which strata need not add up to. A day
    that has closed moves from `panes` to `totals`, where nothing changes it.

    What counts for now stands beside: `open` has what is kept of episodes that have not ended, by identity,
    and `opened_ms` when a record of one was last appended; `states` has those of the last day, by source
    and group.
    """

    __slots__ = (
        "_closed",
        "_lent",
        "_newest",
        "_quarters",
        "_recent",
        "_settled",
        "as_at_ms",
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
        self, key: SeriesKey, number: int = 0, *, explicit: bool, histograms: tuple[Histogram, ...] = ()
    ) -> None:
        self.key = key
        self.number = number  # in its partition
        self.explicit = explicit
        self.histograms = histograms
        self.panes: dict[int, Pane] = {}
        self._quarters: dict[int, Pane] = {}
        self._recent: dict[int, list[tuple[Cell, Facts]]] = {}  # of a quarter of an hour, not yet added to it
        self.restated_ms: dict[int, int] = {}
        self.as_at_ms: dict[int, int] = {}
        self.totals: dict[int, Total] = {}
        self.open: dict[str, Facts] = {}
        self.opened_ms = 0
        self.states: dict[tuple[str, str], States] = {}
        self._closed: dict[tuple[int, int], Stretch] = {}
        self._settled: dict[tuple[int, int], Stretch] = {}
        self.noted = (0, 0)  # the partition's turn in which its change was last noted, and of which day
        self._newest = 0
        self._lent: set[int] = set()  # days and quarters, which never meet, whose pane someone else reads

    @property
    def quarters(self) -> dict[int, Pane]:
        """The panes of the last quarters of an hour."""
        for quarter, added in self._recent.items():
            for cell, facts in added:
                self._add(self._quarters, quarter, cell, facts)
        self._recent.clear()
        return self._quarters

    @quarters.setter
    def quarters(self, panes: dict[int, Pane]) -> None:
        self._quarters = panes

    def lend(self) -> tuple[dict[int, Pane], dict[int, Pane]]:
        """Give the panes of days and of quarters as they are now; what changes later changes a copy."""
        quarters = self.quarters
        self._lent = {*self.panes, *quarters}
        return dict(self.panes), dict(quarters)

    def touch(self, day: int, append_ms: int) -> None:
        """Note when a day last changed."""
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

    def stretch(self, start: int, end: int) -> Stretch:
        """Sum the days [start, end), closed and open, by stratum; ("", "") is unstratified.

        What is given is shared with later callers: it must not be changed.
        """
        newest = self._newest
        if newest not in self.panes or not start <= newest < end:
            return self._settled_stretch(start, end)
        return self._with_open(self._settled_stretch(start, newest), (newest,))

    def _settled_stretch(self, start: int, end: int) -> Stretch:
        """Sum days before the newest; they seldom change, and then `touch` says so."""
        found = self._settled.get((start, end))
        if found is None:
            days: Sequence[int] = range(start, end)
            if len(days) > len(self.panes):
                days = [day for day in self.panes if start <= day < end]
            found = self._settled[start, end] = self._with_open(self._closed_stretch(start, end), days)
        return found

    def _closed_stretch(self, start: int, end: int) -> Stretch:
        """Sum closed days once: they stay as they are until the next day closes."""
        if not self.totals:
            return _NOTHING
        found = self._closed.get((start, end))
        if found is None:
            days = [day for day in self.totals if start <= day < end]
            found = _NOTHING
            if days:
                totals = [self.totals[day] for day in days]
                sums: Sums = {}
                self._sum((total.pane for total in totals), sums)
                found = Stretch(
                    sums,
                    first=min(days),
                    days=len(days),
                    as_at_ms=max(total.as_at_ms for total in totals),
                    restated_ms=max(total.restated_ms for total in totals),
                )
            self._closed[start, end] = found
        return found

    def _with_open(self, before: Stretch, days: Sequence[int]) -> Stretch:
        """Add open days to what came before them."""
        days = [day for day in days if day in self.panes]
        if not days:
            return before
        sums = {strata: tally.copy() for strata, tally in before.sums.items()}
        self._sum((self.panes[day] for day in days), sums)
        return Stretch(
            sums,
            first=before.first if before.days else min(days),
            days=before.days + len(days),
            as_at_ms=max(before.as_at_ms, *(self.as_at_ms[day] for day in days)),
            restated_ms=max(before.restated_ms, *(self.restated_ms.get(day, 0) for day in days)),
        )

    def recent_total(self, start: int, end: int) -> Sums:
        """Sum the quarters of an hour [start, end) by stratum."""
        sums: Sums = {}
        self._sum((pane for quarter, pane in self.quarters.items() if start <= quarter < end), sums)
        return sums

    def _sum(self, panes: Iterable[Pane], sums: Sums) -> None:
        for pane in panes:
            for cell, tally in pane.items():
                strata: Sequence[tuple[str, str]] = cell
                if not self.explicit or not cell:
                    strata = (("", ""), *cell)
                for stratum in strata:
                    total = sums.get(stratum)
                    if total is None:
                        sums[stratum] = tally.copy()
                    else:
                        total.merge(tally)

    def add(self, day: int, cell: Cell, facts: Facts) -> None:
        """Add an episode's facts to a cell of a day."""
        self._add(self.panes, day, cell, facts)

    def add_recent(self, quarter: int, cell: Cell, facts: Facts) -> None:
        """Add them to a quarter of an hour too: later, when it is asked for. Of a backlog most are not."""
        added = self._recent.get(quarter)
        if added is None:
            self._recent[quarter] = [(cell, facts)]
        else:
            added.append((cell, facts))

    def _add(self, panes: dict[int, Pane], at: int, cell: Cell, facts: Facts) -> None:
        pane = panes.get(at)
        if pane is None:
            pane = panes[at] = {}
        elif at in self._lent:
            pane = self._own(panes, at)
        tally = pane.get(cell)
        if tally is None:
            tally = pane[cell] = Tally(facts, ({} for _ in self.histograms))
        else:
            total = tally.facts
            for i, fact in enumerate(facts):
                if fact:
                    total[i] += fact
        for i, one in enumerate(self.histograms):
            if facts[one.counted]:
                buckets = tally.histograms[i]
                bucket = facts[one.measured] // one.width
                buckets[bucket] = buckets.get(bucket, 0) + 1

    def _own(self, panes: dict[int, Pane], at: int) -> Pane:
        """Put a copy in place of a pane that was lent."""
        self._lent.discard(at)
        pane = panes[at] = {cell: tally.copy() for cell, tally in panes[at].items()}
        return pane

    def take(self, panes: dict[int, Pane], at: int, cell: Cell, facts: Facts) -> None:
        """Take facts away again; a cell that holds nothing is dropped, so that its series ends."""
        pane = self._own(panes, at) if at in self._lent else panes[at]
        tally = pane[cell]
        tally.facts = list(map(sub, tally.facts, facts))
        for i, one in enumerate(self.histograms):
            if facts[one.counted]:
                buckets = tally.histograms[i]
                bucket = facts[one.measured] // one.width
                if buckets[bucket] == 1:
                    del buckets[bucket]
                else:
                    buckets[bucket] -= 1
        if not any(tally.facts):
            del pane[cell]
            if not pane:
                del panes[at]
