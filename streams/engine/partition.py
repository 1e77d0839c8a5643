"""The state of one input partition: what is held, by identity, and the series it adds up to.

Inside the correction horizon the state depends on the set of newest versions, never on their order.
Two records of one identity and version with other content are a publisher's fault; the greater content
is kept, in any order, and the clash is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple, Protocol
from weakref import ReferenceType, ref

from schemas.fast import Address
from streams.engine.calendar import SECONDS_A_QUARTER, day_of_quarter, local_day, midnight
from streams.engine.families import FAMILIES, Cell, Facts
from streams.engine.families.strata import UNSTRATIFIED
from streams.engine.held import OPEN, Held, pack, pack_parts, unpack
from streams.engine.now import CURRENT_SECONDS, newest, placed, since, still_current
from streams.engine.panes import Series, SeriesKey, States, Total
from streams.engine.seen import Lane, PlainLane, SourceState

RECENT_QUARTERS = 4 * 25
"""Quarters of an hour that are kept besides their days, for the windows of hours; longest 24 h."""
QUARTERS_FORGOTTEN_AT_ONCE = 4 * 6
RESTATED_AFTER_SECONDS = 3600
"""A change this long after the end of its day restates a figure that was published."""
KEPT_DAYS = 400
"""Days of closed totals that are kept in memory: the longest window is 12 months. Looked at once a week."""
_LEFT_AT_LEAST = 100
"""How many episodes have left a closing day before its list is looked at."""

Fresh = tuple[int, int, Series, int, int, Facts]
"""An episode that is not held yet: version, day on which it closes, series, quarter of an hour, number of its
cell, facts."""

Contribution = tuple[Cell, Facts]
Contributions = tuple[Contribution, ...]


class CensusKey(NamedTuple):
    """A day's census of one bed group at one site, by one source."""

    source: str
    series: SeriesKey
    group: str
    day: int


class Reader(Protocol):
    """Reads a partition in turns, as it was at one moment: it is told what is about to change."""

    def keep_episode(self, identity: str, old: bytes | None) -> None:
        """Hear that what is held of an identity is about to change."""

    def keep_series(self, series: Series) -> None:
        """Hear that a series is about to change."""


class Closed(NamedTuple):
    """What closed when the append clock reached a new day: to be written where it is kept for ever.

    Attributes:
        through: the last day that is closed.
        days: (series, day) whose totals nobody has written before.
        identities: hashes of the episodes that closed, by the day on which they were due.
        forgotten: how many hashes of a due day the topic needs no longer.
    """

    through: int
    days: list[tuple[Series, int]]
    identities: dict[int, list[int]]
    forgotten: dict[int, int]


class Partition:
    """Everything one input partition has taught us.

    Args:
        until_ms: the moment that is looked back to; what it shows is kept however much later the log goes
            on. None live: the newest record's moment.
    """

    def __init__(self, until_ms: int | None = None) -> None:
        self._until_ms = until_ms
        self.held: dict[str, bytes] = {}  # `streams.engine.held.unpack` reads one
        self.cells: list[Cell] = []
        self.censuses: dict[CensusKey, States] = {}
        self.series: dict[SeriesKey, Series] = {}
        self.organisations: dict[str, dict[SeriesKey, Series]] = defaultdict(dict)
        self.sources: dict[str, SourceState] = {}
        self.sources_of: Counter[str] = Counter()  # how many, by publisher
        self.series_of_org: Counter[str] = Counter()  # how many
        self.lanes: dict[Address, Lane] = {}  # found again from what is above
        self.plain_lanes: dict[Address, PlainLane] = {}  # those of them of which it holds
        self.dirty: set[str] = set()
        self.dirty_closed: set[str] = set()
        self.first_append_ms: int | None = None
        self.append_ms = 0
        self.today = 0
        self.next_offset = 0
        self.covered_from: int | None = None
        self.closed_through = 0
        self.older_definitions: dict[str, int] = {}
        self._closing: dict[int, list[str]] = defaultdict(list)
        self._left: dict[int, int] = defaultdict(int)  # how many of a closing day have left it again
        self._closing_censuses: dict[int, list[CensusKey]] = defaultdict(list)
        self._closed: set[int] = set()
        self._twice: Counter[int] = Counter()  # closed, forgotten, and closed again, all told by the topic
        self._forgetting: dict[int, list[int]] = defaultdict(list)
        self._forgotten: dict[int, int] = {}  # how many hashes of a due day the topic still has
        self._made: dict[tuple[str, str, str, str], Series] = {}
        self._numbered: list[Series] = []
        self.cell_numbers: dict[Cell, int] = {}
        self._latest: dict[tuple[str, str], int] = {}
        self._reporting: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._recent_from = 0  # quarters before this one are not kept
        self._turn = 0  # raised with every batch, and in it with every append time
        self._published_at_ms = -1
        self._published_before = 0  # days before this one had been published at that append time
        self._readers: list[ReferenceType[Reader]] = []  # whoever is gone needs no more telling

    def tell(self, reader: Reader) -> None:
        """Tell a reader what is about to change, for as long as it lives."""
        self._readers.append(ref(reader, self._readers.remove))

    def _tell_of_episode(self, identity: str, old: bytes | None) -> None:
        for one in self._readers:
            if (reader := one()) is not None:
                reader.keep_episode(identity, old)

    def _tell_of_series(self, some: Iterable[Series]) -> None:
        for one in self._readers:
            if (reader := one()) is not None:
                for series in some:
                    reader.keep_series(series)

    def made(self, key: tuple[str, str, str, str]) -> Series | None:
        """Give the series of organisation, site, stream and basis; `series` has it from its first facts on.

        A plain tuple finds it: making a `SeriesKey` for every record would cost more than the search.
        """
        return self._made.get(key)

    def make_series(self, key: tuple[str, str, str, str], *, explicit: bool = False) -> Series:
        """Make the series of a key that has none."""
        family = FAMILIES.get(key[2])
        series = Series(
            SeriesKey(*key),
            len(self._numbered),
            explicit=explicit,
            histograms=family.histograms if family else (),
            dimensions=family.broken_down if family else (),
        )
        self._made[key] = series
        self._numbered.append(series)
        self.series_of_org[key[0]] += 1
        return series

    def add_source(self, name: str, source: SourceState) -> None:
        """Keep a source, `/ods/<publisher>/<system>`, that has not been heard before."""
        self.sources[name] = source
        self.sources_of[name.split("/")[2]] += 1

    def number_of(self, cell: Cell) -> int:
        """Give the number of a cell, which stays the same as long as the partition."""
        number = self.cell_numbers.get(cell)
        if number is None:
            number = self.cell_numbers[cell] = len(self.cells)
            self.cells.append(cell)
        return number

    def series_of(self, held: Held) -> Series:
        """Give the series that something held added to."""
        return self._numbered[held.series]

    def contributions(self, held: Held) -> Contributions:
        """Give what something held added, by cell."""
        return tuple((self.cells[number], facts) for number, facts in held.vectors())

    def _content(self, held: Held) -> tuple[SeriesKey, int, Contributions, Facts]:
        """Give what two records of one version are compared by, the same in every process."""
        return self.series_of(held).key, held.quarter, self.contributions(held), held.facts

    def _show(self, series: Series) -> None:
        """Let readers see a series: from its first facts on."""
        key = series.key
        self.series[key] = self.organisations[key.org][key] = series

    def _change(self, series: Series, day: int, append_ms: int, *, restates: bool = True) -> None:
        """Note that facts of a day change; readers see a series from its first facts on.

        For an episode once a turn is enough: `noted` says whether it was.
        """
        if not series.explicit:
            series.noted = (self._turn, day)
        if self._readers:
            self._tell_of_series((series,))
        key = series.key
        if not series.panes:
            self._show(series)
        self.dirty.add(key.org)
        if day < self.today:
            self.dirty_closed.add(key.org)  # a period that has ended may have changed
        series.touch(day, append_ms)
        if restates and day < self.today:
            if append_ms != self._published_at_ms:
                self._published_at_ms = append_ms
                self._published_before = local_day(append_ms // 1000 - RESTATED_AFTER_SECONDS)
            if day < self._published_before:
                series.restate(day, append_ms)
        if series.explicit:
            reporting = self._reporting[key.stream, key.basis]
            reporting.add(key.org)
            if day >= self._latest.get((key.stream, key.basis), 0):
                # Cumulative windows of every organisation end with the latest period that any has reported.
                self._latest[key.stream, key.basis] = day
                self.dirty |= reporting

    def upsert(self, identity: str, new: Held, append_ms: int, kept: Facts = ()) -> str:
        """Put a version in place of the one held, if it is newer.

        Args:
            identity: whose version it is.
            new: the version.
            append_ms: when the record was appended.
            kept: what is kept of an episode that has not ended; empty for all others.

        Returns:
            What happened: `applied`, `superseded` (an older version), `duplicate` (held already) or
            `clash` (the same version with other content).
        """
        packed = self.held.get(identity)
        if self._readers:
            self._tell_of_episode(identity, packed)
        outcome, before = "applied", self._numbered[new.series]
        if packed is None:
            self._closing[new.closes].append(identity)
        else:
            old = unpack(packed)
            if new.version < old.version:
                return "superseded"
            if new.version == old.version:
                content, held = self._content(new), self._content(old)
                if content == held:
                    return "duplicate"
                if content <= held:
                    return "clash"
                outcome = "clash"
            self._take(old, append_ms)
            before = self._numbered[old.series]
            if new.closes != old.closes:
                self._leave(old.closes)
                del self.held[identity]  # so that one text is the key and stands in the list
                self._closing[new.closes].append(identity)
        self.held[identity] = pack(new)
        if new.cells:
            self._add(new, append_ms)
        if kept or identity in before.open:
            self._put_open(identity, before, self._numbered[new.series], kept)
        return outcome

    def _put_open(self, identity: str, before: Series, after: Series, kept: Facts) -> None:
        """Let an episode leave the open ones of a series, and unless it has ended enter those of another."""
        if identity in before.open:
            del before.open[identity]
            self.dirty.add(before.key.org)
        if kept:
            self._of_now(after)
            after.open[identity] = kept

    def hear_of_now(self, series: Series, append_ms: int) -> None:
        """Note that a publisher tells of episodes that have not ended, whatever becomes of this one."""
        self._of_now(series)
        series.opened_ms = max(series.opened_ms, append_ms)

    def _of_now(self, series: Series) -> None:
        """Note that a series changes in what counts for now; readers see it from then on."""
        self._tell_of_series((series,))
        if series.key not in self.series:
            self._show(series)
        self.dirty.add(series.key.org)

    def reopen(self, identity: str, held: Held) -> None:
        """Take back what a saved state held of an episode that has not ended."""
        self._numbered[held.series].open[identity] = held.facts

    def current(
        self,
        series: Series,
        kind: tuple[str, str],
        as_at: int,
        state: tuple[int, Facts | None],
        append_ms: int,
    ) -> str | None:
        """Put one state in place; the newest not withdrawn is what counts for now.

        Args:
            series: whose state.
            kind: its source and group.
            as_at: epoch second of the state.
            state: version and facts; no facts when it is withdrawn.
            append_ms: when the record was appended.

        Returns:
            What happened, as `upsert` says it; None for a state that can no longer count.
        """
        floor = self._shown_ms(append_ms) // 1000 - CURRENT_SECONDS
        if as_at <= floor:
            return None
        before = series.states.get(kind, {})
        outcome, after = placed(before, as_at, state)
        if after is not before:
            self._of_now(series)
            series.states[kind] = since(after, floor)
        return outcome

    def hold(self, fresh: Mapping[str, Fresh], append_ms: int) -> None:
        """Hold episodes that are not held, by identity; what `upsert` does for each of them."""
        if self._readers:
            for identity in fresh:
                self._tell_of_episode(identity, None)
        held, closing, cells = self.held, self._closing, self.cells
        for identity, (version, closes, series, quarter, number, facts) in fresh.items():
            held[identity] = pack_parts((version, closes, series.number, quarter, (number,), facts))
            closing[closes].append(identity)
            self._add_facts(series, quarter, cells[number], facts, append_ms)

    def _leave(self, day: int) -> None:
        """Note that an episode leaves a closing day; the list of a day that most have left is made anew."""
        self._left[day] += 1
        if self._left[day] > max(_LEFT_AT_LEAST, len(self._closing[day]) // 2):
            del self._left[day]
            due = dict.fromkeys(self._closing[day])
            self._closing[day] = [one for one in due if self._closes(one) == day]

    def _closes(self, identity: str) -> int | None:
        packed = self.held.get(identity)
        return None if packed is None else unpack(packed).closes

    def _add(self, new: Held, append_ms: int) -> None:
        series = self._numbered[new.series]
        for number, facts in new.vectors():
            self._add_facts(series, new.quarter, self.cells[number], facts, append_ms)

    def _add_facts(self, series: Series, quarter: int, cell: Cell, facts: Facts, append_ms: int) -> None:
        day = day_of_quarter(quarter)
        if series.noted != (self._turn, day):
            # A return is final on arrival; only its replacement restates.
            self._change(series, day, append_ms, restates=not series.explicit)
        series.add(day, cell, facts)
        if quarter >= self._recent_from and not series.explicit:
            series.add_recent(quarter, facts)

    def _take(self, old: Held, append_ms: int) -> None:
        if not old.cells:
            return
        series, quarter = self._numbered[old.series], old.quarter
        day = day_of_quarter(quarter)
        self._change(series, day, append_ms)
        for number, facts in old.vectors():
            cell = self.cells[number]
            series.take(series.panes, day, cell, facts)
            if quarter >= self._recent_from and not series.explicit:
                series.take(series.quarters, quarter, UNSTRATIFIED, facts)

    def observe(
        self, key: CensusKey, as_at: int, state: tuple[int, Facts | None], closes: int, append_ms: int
    ) -> str:
        """Put one state of a day in place; the latest not withdrawn is the day's census.

        Args:
            key: which census.
            as_at: epoch second of the state.
            state: version and facts; no facts when it is withdrawn.
            closes: the day on which it is forgotten.
            append_ms: when the record was appended.

        Returns:
            What happened, as `upsert` does.
        """
        states = self.censuses.get(key)
        if states is None:
            states = {}
            self._closing_censuses[closes].append(key)
        outcome, changed = placed(states, as_at, state)
        before, after = _census(states), _census(changed)
        self.censuses[key] = changed
        if before != after:
            series = self._made[key.series]
            self._change(series, key.day, append_ms)
            if before is not None:
                series.take(series.panes, key.day, (), before)
            if after is not None:
                series.add(key.day, (), after)
        return outcome

    def has_closed(self, identity: str) -> bool:
        """Whether an episode was held, and its day has closed: what comes of it now is late."""
        return bool(self._closed) and stable_hash(identity) in self._closed

    def restore_total(self, key: SeriesKey, day: int, total: Total) -> None:
        """Take back a closed day that was written before."""
        series = self.made(key) or self.make_series(key)
        series.restore(day, total)
        self._show(series)

    def restore_identities(self, due: int, hashes: Collection[int], retention_days: int) -> None:
        """Take back the hashes of the episodes that closed on a day.

        Before the first record all that the topic has: what the log holds of days gone by is decided as it
        was then. A saved state knows what it had forgotten.
        """
        if due + retention_days < self.today:
            return
        self._twice.update(self._closed.intersection(hashes))
        self._forgetting[due + retention_days] += hashes
        self._closed.update(hashes)

    def restore_closed(self, through: int, covered_from: int, log_from: int | None) -> None:
        """Take back how far days had closed, and from which day on nothing is missing.

        Args:
            through: the last day that is closed.
            covered_from: the first day that was whole.
            log_from: the first day of which the log is read; None when nothing lies between.
        """
        self.closed_through = through
        # Where the log was shortened while nobody closed days, what lies between is lost, and not hidden.
        lost = log_from is not None and log_from > through + 1
        self.covered_from = covered_from if not lost or log_from is None else log_from + 1

    def advance(self, append_ms: int, horizon_days: int, retention_days: int) -> Closed | None:
        """Move the append clock; on a new civil day close the days that can no longer be corrected.

        Of a closed episode a hash of its identity is kept as long as the log can hold a version of it, so
        that a later one is late and never counted afresh.

        Returns:
            What closed; None while the civil day is the same.
        """
        self._turn += 1
        if self.first_append_ms is None:
            self.first_append_ms = append_ms
            if self.covered_from is None:
                self.covered_from = local_day(append_ms // 1000) + 1
        if append_ms <= self.append_ms:
            return None
        self.append_ms = append_ms
        shown_ms = self._shown_ms(append_ms)
        recent = shown_ms // 1000 // SECONDS_A_QUARTER - RECENT_QUARTERS
        if recent >= self._recent_from + QUARTERS_FORGOTTEN_AT_ONCE:
            self._tell_of_series(self.series.values())
            for series in self.series.values():
                series.forget_quarters(self._recent_from, recent)
            self._recent_from = recent
        if append_ms < midnight(self.today + 1) * 1000:
            return None
        self._tell_of_series(self.series.values())
        yesterday, self.today = self.today, local_day(append_ms // 1000)
        new_week = yesterday // 7 != self.today // 7
        open_from = self.today - horizon_days
        identities = self._close_episodes(retention_days)
        for series in self.series.values():
            series.states = still_current(series.states, shown_ms // 1000 - CURRENT_SECONDS)
        episodic = [one for one in self.series.values() if not one.explicit]
        days = self._close_days(episodic, open_from, forgets=new_week)
        self._forget(retention_days)
        holds_episodes = bool(episodic or any(identities.values()) or self.closed_through)
        if not holds_episodes or open_from - 1 <= self.closed_through:
            return None
        fresh = {due: some for due, some in identities.items() if due - horizon_days > self.closed_through}
        self.closed_through = open_from - 1
        forgotten = {due: n for due, n in self._forgotten.items() if due + 2 * retention_days < self.today}
        self._forgotten = {due: n for due, n in self._forgotten.items() if due not in forgotten}
        return Closed(self.closed_through, days, fresh, forgotten)

    def _close_days(
        self, episodic: Iterable[Series], open_from: int, *, forgets: bool
    ) -> list[tuple[Series, int]]:
        """Close the days of episodes before `open_from`; give those that nobody has closed before."""
        days = []
        for series in episodic:
            days += [(series, day) for day in series.close_before(open_from, self.closed_through)]
            if forgets:
                series.forget_before(self._shown_day - KEPT_DAYS)
            self.dirty.add(series.key.org)
        return sorted(days, key=lambda one: (one[0].key, one[1]))  # the same whatever came first

    def _close_episodes(self, retention_days: int) -> dict[int, list[int]]:
        """Let go of what can no longer be corrected; give the hashes of episodes by the day they were due.

        An episode that never ended is only forgotten: it added nothing, so a later version may.
        """
        found: dict[int, list[int]] = {}
        for day in sorted(one for one in self._closing if one < self.today):
            hashes = found[day] = []
            self._left.pop(day, None)
            for identity in self._closing.pop(day):
                packed = self.held.get(identity)
                if packed is None or (held := unpack(packed)).closes != day:
                    continue
                if self._readers:
                    self._tell_of_episode(identity, packed)
                del self.held[identity]
                if held.quarter != OPEN:
                    hashes.append(stable_hash(identity))
                elif self._until_ms is None or self.append_ms <= self._until_ms:
                    self._numbered[held.series].open.pop(identity, None)
            self._closed.update(hashes)
            self._forgetting[day + retention_days] += hashes
        for day in [one for one in self._closing_censuses if one < self.today]:
            for key in self._closing_censuses.pop(day):
                self.censuses.pop(key, None)
        return found

    def _forget(self, retention_days: int) -> None:
        """Drop the hashes that the log can no longer contradict.

        The topic has them as long again: who reads the log from its beginning needs what was known then.
        """
        for day in sorted(one for one in self._forgetting if one < self.today):
            hashes = self._forgetting.pop(day)
            self._closed.difference_update(hashes)
            if again := self._twice.keys() & hashes if self._twice else None:
                self._closed |= again
                self._twice -= Counter(again)
            if hashes:
                self._forgotten[day - retention_days] = len(hashes)

    def _shown_ms(self, append_ms: int) -> int:
        """Give the moment that is shown at an append time: the same, or the earlier one looked back to."""
        return append_ms if self._until_ms is None else min(append_ms, self._until_ms)

    @property
    def _shown_day(self) -> int:
        """The civil day of what is shown."""
        return min(self.today, local_day(self._shown_ms(self.append_ms) // 1000))

    def latest_periods(self, today: int) -> dict[tuple[str, str], int]:
        """Give the start of the latest period up to `today` that any organisation has reported.

        Returns:
            (stream, basis) to day, of returns.
        """
        found: dict[tuple[str, str], int] = {}
        for key, series in self.series.items():
            if series.explicit:
                of = (key.stream, key.basis)
                found[of] = max(found.get(of, 0), *(day for day in series.panes if day <= today), 0)
        return found


_EMPTY_HASH = blake2b(digest_size=8)


def stable_hash(identity: str) -> int:
    """Give 64 bits that are the same in every process."""
    hashed = _EMPTY_HASH.copy()  # a third less time than making one
    hashed.update(identity.encode())
    return int.from_bytes(hashed.digest(), "little")


def _census(states: States) -> Facts | None:
    """Give the facts of the latest state that is not withdrawn."""
    found = newest(states)
    return None if found is None else found[1]
