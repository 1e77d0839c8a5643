"""The board: the newest snapshot of every organisation, rolled up, as rows.

Roll-ups are sums of facts, kept up to date by taking an organisation's old facts away and adding its new
ones; facts are whole numbers, so nothing drifts. Only periods with equal bounds are added; a member that
has only an older period is missing, and that is shown.

    site ─► trust or provider ─► neighbourhood ─► place ─► ICB ─► region ─► England
                                 └── where configured ──┘   ├► cluster, where configured
                                                            └─ "unmapped" where nobody knows
    council                      by residence: rolled into nothing

By membership on the facts' own days.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from schemas.outputs import (
    ClosedPeriods,
    Heartbeat,
    OrganisationSnapshot,
    Position,
    SeriesFacts,
    Snapshot,
    WindowFacts,
)
from streams.assessment.completeness import Completeness, Group, PartitionId, SourceCount
from streams.assessment.disclosure import Disclosure
from streams.assessment.residence import by_council
from streams.assessment.rows import Calculator, Figures, Row, Status, Strata
from streams.assessment.shares import (
    NO_SHARE,
    Key,
    Member,
    Origin,
    Period,
    Quality,
    Share,
    Shares,
    Slot,
    Sum,
    Upwards,
    at_level,
    difference,
    neighbour,
    only_age_differs,
    together,
)
from streams.assessment.suppression import SHOWN_FROM_8, Rule
from streams.catalogue import Catalogue, Expectations, ExpectedSource
from streams.catalogue.model import facts_of
from streams.engine.calendar import civil_date, local_day, midnight
from streams.engine.families import FAMILIES, OPEN_STREAMS, fed_by
from streams.organisations import ENGLAND, Register

log = logging.getLogger(__name__)

ONE_DAY = timedelta(days=1)
Feeding = tuple[str, str]
"""Stream and basis."""
_DOUBTS = ("stale_source", "missing_source")
_SEVERITY: tuple[Status, ...] = ("ok", "near", "breach")


class Board:
    """State of the assessment: feed it snapshots, ask it for rows.

    Args:
        catalogue: indicators and thresholds.
        register: organisations and their memberships.
        expected: the sources that an operator expects.
        rule: which figures are too small to be shown.

    Attributes:
        sources: the newest heartbeat of every partition.
        completeness: who feeds what.
        absent: partitions whose worker has not been heard for too long, as last observed.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        register: Register,
        expected: Sequence[ExpectedSource] = (),
        rule: Rule = SHOWN_FROM_8,
    ) -> None:
        self.catalogue = catalogue
        self.register = register
        self.sources: dict[PartitionId, Heartbeat] = {}
        self.expectations = Expectations(catalogue.intervals, catalogue.returns(), expected)
        self.completeness = Completeness(register, self.expectations)
        self.absent: frozenset[PartitionId] = frozenset()
        self._heard_ms: dict[PartitionId, int] = {}
        self._now_ms = 0
        self._all_heard = False
        self._marked: dict[Slot, tuple[str, ...]] = {}
        self._latest: defaultdict[Feeding, dict[Slot, Period]] = defaultdict(dict)
        self._site_of: dict[str, str] = {}
        self._newest: dict[Member, Position] = {}
        self._shares: dict[Member, dict[Key, Share]] = {}
        self._sums: dict[Slot, dict[Period, Sum]] = {}
        self._rows: dict[Slot, list[Row]] = {}
        self._dirty: Upwards[Slot] = Upwards(attrgetter("level"))
        self._older: set[Slot] = set()
        self._changed: set[Slot] = set()
        self._aged: set[Slot] = set()
        self._calculators = _calculators(catalogue)
        self.rule = rule
        self._disclosure = Disclosure(catalogue, register, rule, self._sums)
        self._definitions = _definitions(catalogue)
        self._apart = {one.name for one in catalogue.returns() if not one.rolled_up}

    def apply(self, snapshot: Snapshot, now_ms: int | None = None) -> bool:
        """Take one record of the topic `snapshots`.

        Args:
            snapshot: the record.
            now_ms: wall time at which it is heard; unless given, the time it was made.

        Returns:
            Whether it was newer than what is known.
        """
        if isinstance(snapshot, Heartbeat):
            return self._heartbeat(snapshot, now_ms)
        if isinstance(snapshot, ClosedPeriods):  # they have a board of their own
            return False
        member = (snapshot.at.topic, snapshot.at.partition, snapshot.org)
        known = self._newest.get(member)
        if known is not None and not _newer(snapshot.at, known):
            return False
        beat = self.sources.get(member[:2])
        if beat is not None and _void(snapshot.at, beat):
            return False
        self._newest[member] = snapshot.at  # of an empty one too: an older one must not come back
        self._replace(member, dict(self._shares_of(member, snapshot)))
        return True

    def _heartbeat(self, beat: Heartbeat, now_ms: int | None) -> bool:
        partition = (beat.at.topic, beat.at.partition)
        known = self.sources.get(partition)
        if known is not None and not _newer(beat.at, known.at):
            return False
        self.sources[partition] = beat
        heard_ms = beat.at.tick_ms if now_ms is None else now_ms
        if known is None:  # it may have stood on the topic for hours; after that our own clock tells
            heard_ms = min(heard_ms, beat.at.tick_ms)
        self._hear(beat, heard_ms)
        if known is None or _life(known) != _life(beat):
            for member, at in list(self._newest.items()):
                if member[:2] == partition and _void(at, beat):
                    del self._newest[member]
                    self._replace(member, {})
        return True

    def _hear(self, beat: Heartbeat, heard_ms: int) -> None:
        self._heard_ms[beat.at.topic, beat.at.partition] = heard_ms
        self.completeness.beat(beat, heard_ms)

    def _replace(self, member: Member, new: Shares) -> None:
        """Put a member's new shares in place of its old ones.

        What is equal stays the old object: new ones that live would cost the cycle collector a long pass.
        """
        held = self._shares.setdefault(member, {})
        for key in held.keys() - new.keys():
            self._remove(key, held.pop(key))
        for key, share in new.items():
            before = held.get(key, NO_SHARE)
            changed = difference(before.cells, share.cells)
            if before is not NO_SHARE and not changed and before.quality == share.quality:
                continue
            only_age = not changed and only_age_differs(before.quality, share.quality)
            for slot in self._slots_of(key):
                total = self._sums.setdefault(slot, {}).setdefault(key.period, Sum())
                total.change(changed)
                total.come(key.origin, at_level(share.quality, slot.level))
                if only_age and before is not NO_SHARE:
                    self._grow_older(slot)
                else:
                    self._touch(slot, key.period)
            held[key] = share
        if not held:
            del self._shares[member]

    def _remove(self, key: Key, share: Share) -> None:
        changed = difference(share.cells, ())
        for slot in self._slots_of(key):
            periods = self._sums[slot]
            total = periods[key.period]
            total.change(changed)
            total.leave(key.origin)
            if not total.origins:
                del periods[key.period]
                if not periods:
                    del self._sums[slot]
            self._touch(slot, key.period)

    def _slots_of(self, key: Key) -> set[Slot]:
        """Give where a part goes, by the membership of its own days; always the same for one key."""
        if key.council is not None:
            return {Slot("council", key.council, key.stream, key.basis, key.window)}
        (_, _, org), site, part = key.origin
        places = self.register.counts_in(org, part)
        if key.stream in self._apart:
            places = ((self.register.level(org), org),)
        if site is not None:
            places = (*places, ("site", site))
        return {Slot(level, code, key.stream, key.basis, key.window) for level, code in places}

    def _touch(self, slot: Slot, _period: Period) -> None:
        """Note that a period of a slot changed."""
        self._dirty.add(slot)

    def _grow_older(self, slot: Slot) -> None:
        """Note that a slot has newer records, which changed nothing else in it."""
        self._older.add(slot)

    def _shares_of(self, member: Member, snapshot: OrganisationSnapshot) -> Iterator[tuple[Key, Share]]:
        for series in snapshot.series:
            if self._definitions.get(series.stream) != series.definition:
                log.warning(
                    "facts of %s for %s have another definition and are ignored: run one version everywhere",
                    series.stream,
                    snapshot.org,
                )
                continue
            for window in series.windows:
                yield from self._window_shares(member, snapshot, series, window)

    def _window_shares(
        self, member: Member, snapshot: OrganisationSnapshot, series: SeriesFacts, window: WindowFacts
    ) -> Iterator[tuple[Key, Share]]:
        org = member[2]
        start = snapshot.coverage_start
        partial = window.reported < window.expected
        if not window.expected and start is not None and window.start < start:
            partial = True
        older = series.defined_from is not None and window.start < series.defined_from
        period = Period(window.start, window.end, window.from_ms, window.until_ms)
        for part in window.parts:
            if series.site is not None:
                self._site_of[series.site] = org
            origin = Origin(member, series.site, part.start)
            quality = Quality(
                window.as_at_ms,
                window.restated_ms,
                partial or older,
                window.to_date,
                self.register.parents(org, part.start).assumed,
                older,
            )
            key = Key(series.stream, series.basis, window.window, period, origin)
            cells, councils = by_council(part.cells, self.register.council)
            yield key, Share(cells, quality)
            for council, cell in councils.items():
                yield key._replace(council=council), Share((cell,), quality)

    def rows(self) -> Iterator[Row]:
        """Give the current row of every slot, recomputing those that changed."""
        self.refresh()
        for rows in self._rows.values():
            yield from rows

    def refresh(self, most: int | None = None) -> int:
        """Recompute rows of changed slots, at most `most` of them.

        Returns:
            How many are still to do.
        """
        done = 0
        while self._dirty and (most is None or done < most):
            slot = self._dirty.pop()
            self._older.discard(slot)
            self._aged.discard(slot)
            self._changed.add(slot)
            done += 1
            periods = self._sums.get(slot)
            period = max(periods) if periods else None
            rows = self._slot_rows(slot, period) if period else []
            latest = self._latest[slot.stream, slot.basis]
            if rows and period:
                self._rows[slot] = self._held(slot, rows)
                latest[slot] = period
                self._mark(slot, tuple(flag for flag in rows[0].flags if flag in _DOUBTS))
            else:
                for of in (self._rows, latest, self._marked):
                    of.pop(slot, None)
        while self._older and (most is None or done < most):
            self._age(self._older.pop())
            done += 1
        return len(self._dirty) + len(self._older)

    def _age(self, slot: Slot) -> None:
        """Give the rows of a slot their new age; windows of hours get one with every event of the day."""
        period = self._latest[slot.stream, slot.basis].get(slot)
        if period is None:
            return
        origins = self._sums[slot][period].origins
        as_at_ms = max(one.as_at_ms for one in origins.values())
        self._rows[slot] = [replace(row, as_at_ms=as_at_ms) for row in self._rows[slot]]
        if slot not in self._changed:
            self._aged.add(slot)

    def _mark(self, slot: Slot, flags: tuple[str, ...]) -> None:
        if flags:
            self._marked[slot] = flags
        else:
            self._marked.pop(slot, None)

    def _held(self, slot: Slot, rows: list[Row]) -> list[Row]:
        """Keep a figure that lacks members from looking recovered.

        In figures from events a member is behind only while its worker is: between two workers, or in the
        middle of a tick. What the others come to is no judgement of all: a breach stays until all are in.
        """
        if fed_by(slot.stream) not in FAMILIES or not any("missing_members" in row.flags for row in rows):
            return rows
        before = {(row.indicator, *row.strata.items()): row.status for row in self._rows.get(slot, ())}
        held = []
        for row in rows:
            if row.status in _SEVERITY:
                status = _unrecovered(row.status, before.get((row.indicator, *row.strata.items())))
                held.append(replace(row, status=status))
            else:
                held.append(row)
        return held

    def observe(self, now_ms: int, absent_after_ms: int, partitions: Iterable[PartitionId] = ()) -> None:
        """Do the same as `observing`, at once."""
        for _ in self.observing(now_ms, absent_after_ms, partitions):
            pass

    def observing(
        self, now_ms: int, absent_after_ms: int, partitions: Iterable[PartitionId] = ()
    ) -> Iterator[None]:
        """Let time pass, in steps: mark figures of absent workers and of silent sources, or no longer.

        Args:
            now_ms: wall time.
            absent_after_ms: how long a partition may go unheard before its worker counts as absent.
            partitions: those that ought to be heard, besides those that were.
        """
        self._now_ms = now_ms
        known = {*self._heard_ms, *partitions}
        absent = frozenset(
            one for one in known if now_ms - self._heard_ms.get(one, -(1 << 62)) > absent_after_ms
        )
        changed, self.absent = absent ^ self.absent, absent
        self._all_heard = known <= self._heard_ms.keys()
        for member, shares in list(self._shares.items()):
            if member[:2] in changed:
                self._dirty.update(slot for key in shares for slot in self._slots_of(key))
                yield
        for slot in self._doubted(now_ms):
            period = self._latest[slot.stream, slot.basis].get(slot)
            if period is not None and self._doubts(slot, period) != self._marked.get(slot, ()):
                self._dirty.add(slot)
            yield

    def _doubted(self, now_ms: int) -> list[Slot]:
        """Give the slots that are marked, or that a source feeds that is silent or missing."""
        found = [*self._marked]
        for (stream, basis), latest in self._latest.items():
            if self.completeness.is_troubled(fed_by(stream), basis, now_ms):
                found += latest.keys() - self._marked.keys()
        return found

    def age_ms(self, now_ms: int) -> dict[PartitionId, int]:
        """Give how long ago each partition's worker was last heard."""
        return {one: max(0, now_ms - heard) for one, heard in self._heard_ms.items()}

    def tally(self, slot: Slot, end_ms: int, *, strict: bool = False) -> SourceCount:
        """Count the sources of a slot for a window that ends at `end_ms`.

        A site has its trust's; over events a council has everybody's, since its residents may be anywhere.
        """
        level, org = slot.level, slot.org
        if level == "council" and slot.stream in FAMILIES:
            level = org = ENGLAND
        if level == "site":
            org = self._site_of.get(org, org)
            level = self.register.level(org)
        group = Group(level, org, fed_by(slot.stream), slot.basis)
        return self.completeness.tally(group, end_ms, self._now_ms, strict=strict)

    def source_counts(self) -> Iterator[tuple[Group, SourceCount]]:
        """Count the sources of every organisation and stream, as last observed.

        Passed are those that passed the end of the last complete day; of returns, the end of the latest
        period that anybody reported.
        """
        today = local_day(self._now_ms // 1000)
        feeds = self.completeness.feeds
        ends: dict[tuple[str, str], int] = {}
        for one in feeds:
            key = (one.stream, one.basis)
            ends[key] = max(ends.get(key, 1), one.newest_ms)
        for group in self.completeness.groups(civil_date(today)):
            end = ends[group.stream, group.basis]
            if group.stream in FAMILIES:
                end = midnight(today) * 1000
            yield group, self.completeness.tally(group, end, self._now_ms)

    def _doubts(self, slot: Slot, period: Period) -> tuple[str, ...]:
        """Give the flags of a figure whose sources are silent or missing, as last observed."""
        stream = fed_by(slot.stream)
        if not self._now_ms or not self.completeness.is_troubled(stream, slot.basis, self._now_ms):
            return ()
        tally = self.tally(slot, period.end_ms)
        counts = (tally.stale, tally.missing if self._all_heard else 0)
        return tuple(flag for flag, count in zip(_DOUBTS, counts, strict=True) if count)

    def take_changed(self) -> set[Slot]:
        """Give the slots whose rows were recomputed since the last call, but for those of `take_aged`."""
        changed, self._changed = self._changed, set()
        return changed

    def take_aged(self) -> set[Slot]:
        """Give the slots whose rows have become newer since the last call, and are else what they were."""
        aged, self._aged = self._aged, set()
        return aged

    def slots(self) -> dict[Slot, list[Row]]:
        """Give the rows by slot, as they stand after the last refresh; a changed slot has a new list."""
        return self._rows

    def all_periods(self) -> Iterator[Row]:
        """Give the rows of every period held, not only the latest: for finals."""
        for slot, periods in self._sums.items():
            earlier: set[Member] = set()
            for period in sorted(periods):
                yield from self._slot_rows(slot, period, earlier, closed=True)
                earlier.update(origin.member for origin in periods[period].origins)

    def _slot_rows(
        self, slot: Slot, period: Period, earlier: set[Member] | None = None, *, closed: bool = False
    ) -> list[Row]:
        """Give the rows of a period; `closed` says that it has ended and is looked at as such."""
        calculators = self._calculators.get(slot.stream, ())
        if not calculators or not self.register.has_series(slot.org, period.end - ONE_DAY):
            return []
        figures = self._figures(slot, period, earlier)
        before = self._figures_before(slot, period) if closed else None
        return [row for calculator in calculators for row in calculator.rows(figures, before, closed=closed)]

    def _figures_before(self, slot: Slot, period: Period) -> Figures | None:
        """Give the figures of the period before a calendar one, where they are held."""
        before = neighbour(slot.window, period, -1)
        return self._figures(slot, before) if before in self._sums[slot] else None

    def _figures(self, slot: Slot, period: Period, earlier: set[Member] | None = None) -> Figures:
        """Give the facts of a period; `earlier`: the members that have an older one, where known."""
        periods = self._sums[slot]
        total = periods[period]
        quality = together(total.origins.values())
        present = {origin.member for origin in total.origins}
        if earlier is None:
            earlier = {
                origin.member for one, other in periods.items() if one < period for origin in other.origins
            }
        found = {
            "partial": quality.partial or self.register.begins_after(slot.org, period.start),
            "to_date": quality.to_date,
            "missing_members": self._misses(slot)
            and any(self._belongs(org, slot, period.end - ONE_DAY) for _, _, org in earlier - present),
            "restated": quality.restated_ms is not None,
            "assumed_membership": quality.assumed,
            "stale": bool(self.absent) and any(member[:2] in self.absent for member in present),
            "older_definition": quality.older_definition,
            "changed_footprint": self.register.changes_footprint(slot.org, period.start, period.end),
        }
        return Figures(
            org=slot.org,
            level=slot.level,
            window=slot.window,
            start=period.start,
            end=period.end,
            from_ms=period.from_ms,
            until_ms=period.until_ms,
            basis=slot.basis,
            cells=dict(sorted(total.cells.items(), key=itemgetter(0))),
            flags=(*(flag for flag, set_ in found.items() if set_), *self._doubts(slot, period)),
            as_at_ms=quality.as_at_ms,
            restated_ms=quality.restated_ms,
            hidden=self._disclosure.hidden(slot, period).strata,
        )

    def figures(self, slot: Slot) -> Figures | None:
        """Give the facts behind the current rows of a slot; None where it has no rows."""
        periods = self._sums.get(slot)
        if not periods or not self.register.has_series(slot.org, max(periods).end - ONE_DAY):
            return None
        return self._figures(slot, max(periods))

    def members(self, slot: Slot) -> dict[str, dict[Strata, list[int]]]:
        """Give what each reporting organisation adds to the current period of a slot, by stratum."""
        found: dict[str, dict[Strata, list[int]]] = {}
        period = max(self._sums.get(slot, ()), default=None)
        for (_, _, org), shares in self._shares.items():
            for key, share in shares.items():
                if key.period == period and slot in self._slots_of(key):
                    cells = found.setdefault(org, {})
                    for cell in share.cells:
                        strata = (cell.dimension, cell.value)
                        total = cells.get(strata, [0] * len(cell.facts))
                        cells[strata] = [a + b for a, b in zip(total, cell.facts, strict=True)]
        return found

    def _belongs(self, org: str, slot: Slot, day: date) -> bool:
        """Whether an organisation still exists on a day, and still counts in a slot where it once did."""
        places = self.register.counts_in(org, day)
        own = slot.level in ("site", "council") or (slot.level, slot.org) in places
        return own and self.register.has_series(org, day)

    def _misses(self, _slot: Slot) -> bool:
        """Whether a member that has only an older period is missing."""
        return True

    def organisations(self) -> set[str]:
        """Give the codes of the organisations that have rows."""
        return {slot.org for slot in self._rows}

    def sources_on_two_partitions(self) -> list[str]:
        """Give publishers whose records stand on more than one partition of a topic: an error of theirs."""
        seen: dict[tuple[str, str], int] = {}
        for (topic, _), beat in self.sources.items():
            for source in beat.sources:
                seen[topic, source.source] = seen.get((topic, source.source), 0) + 1
        return sorted({source for (_, source), count in seen.items() if count > 1})


def _newer(one: Position, other: Position) -> bool:
    """Whether a position is after another; a topic made anew starts again, so its later tick decides."""
    if one.topic_id != other.topic_id:
        return one.tick_ms > other.tick_ms
    return (one.epoch, one.next_offset, one.tick_ms) > (other.epoch, other.next_offset, other.tick_ms)


def _life(beat: Heartbeat) -> tuple[str, int, int]:
    """Give what changes when a partition's state was built anew."""
    return beat.at.topic_id, beat.at.epoch, beat.complete_since_ms


def _void(at: Position, beat: Heartbeat) -> bool:
    """Whether a snapshot was made before its partition's present state was complete.

    Inside one topic the epoch tells, whatever the clocks of two workers say; without one, the ticks.
    """
    if at.topic_id == beat.at.topic_id and (at.epoch or beat.at.epoch):
        return at.epoch < beat.at.epoch
    return at.tick_ms < beat.complete_since_ms


def _unrecovered(now: Status, before: Status | None) -> Status:
    """Give the status of a figure that lacks members: no better than it was, and never newly good."""
    if before not in _SEVERITY:
        return "not_judged" if now == "ok" else now
    return max(now, before, key=_SEVERITY.index)


def _calculators(catalogue: Catalogue) -> dict[str, list[Calculator]]:
    return {
        stream: [Calculator(catalogue, indicator, one, facts_of(stream) or ()) for indicator, one in pairs]
        for stream, pairs in catalogue.by_stream().items()
    }


def _definitions(catalogue: Catalogue) -> dict[str, str]:
    episodes = {one.name: one.definition for one in FAMILIES.values()}
    still_open = {one.name: one.definition for one in OPEN_STREAMS.values()}
    return episodes | still_open | {one.name: one.definition for one in catalogue.returns()}
