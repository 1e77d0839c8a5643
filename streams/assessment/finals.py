"""Finals: the figures of periods that have ended, issued once, and again with a revision when corrected.

    period ends ──► every expected source has passed its end, is stale or missing ──► revision 0
                    content changes: a correction, a late source, a restated return ──► revision 1, 2, …,
                    each five minutes after the one before at the earliest
                    it can no longer be corrected ──► forgotten here, kept for ever on the topic

Pure: closed periods and what has been issued go in, finals to be issued come out. A final counts as issued
when the caller says that it stands on the topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from hashlib import blake2b
from typing import NamedTuple, cast

import msgspec

from schemas.outputs import (
    Basis,
    ClosedPeriods,
    Final,
    Heartbeat,
    OrganisationSnapshot,
    Snapshot,
    final_name,
)
from streams.assessment.board import Board
from streams.assessment.completeness import Completeness, PartitionId
from streams.assessment.rows import Row
from streams.assessment.shares import Member, Period, Shares, Slot, Upwards, neighbour
from streams.engine.calendar import civil_date, day_number, local_day
from streams.engine.families import FAMILIES, ReturnStream
from streams.engine.windows import Tumbling, tumbling

_VOLATILE = frozenset({"stale", "restated"})
"""Flags that change without the figure, so that they alone are no revision."""
SETTLE_MS = 300_000
"""How long a period that was issued again waits for the next time: corrections come all day."""
_SLACK_DAYS = 1
"""What was corrected in the last minute of the last day is issued after it."""


class Issued(msgspec.Struct, frozen=True, gc=False):
    """What stands on the topic of one final: its newest revision, and what that was of."""

    revision: int
    identity: str


class _Name(NamedTuple):
    """The parts of a final's name that its figure is found by."""

    indicator: str
    stratum: str


@cache
def _named(indicator: str, stratum: str) -> _Name:
    """Give a name; there are few, and each stands for thousands of finals."""
    return _Name(indicator, stratum)


class _Place(NamedTuple):
    """Where and when a final is of; all its indicators and strata share it."""

    org: str
    level: str
    window: str
    basis: str
    end: str


class _ClosedBoard(Board):
    """Holds every correctable period; notes which changed instead of keeping rows."""

    def __init__(self, current: Board) -> None:
        super().__init__(current.catalogue, current.register, rule=current.rule)
        self.completeness = Completeness(current.register, current.expectations)
        self._foreign: dict[Member, set[str]] = {}
        self._streams_of: dict[tuple[str, str, str], list[str]] = {}
        self.ahead: set[PartitionId] = set()
        self.waiting: Upwards[tuple[Slot, Period]] = Upwards(lambda item: item[0].level)

    def _touch(self, slot: Slot, period: Period) -> None:
        self.waiting.add((slot, period))
        after = neighbour(slot.window, period, 1)
        if after is not None and after in self._sums.get(slot, ()):  # did its gap narrow since this one?
            self.waiting.add((slot, after))

    def _grow_older(self, _slot: Slot) -> None:
        """Pass over what is no revision."""

    def _replace(self, member: Member, new: Shares) -> None:
        self._foreign.pop(member, None)
        super()._replace(member, new)

    def _hear(self, beat: Heartbeat, heard_ms: int) -> None:
        """Believe that sources have passed only together with the closed periods of that moment."""
        if not beat.closed_pending:
            self.ahead.discard((beat.at.topic, beat.at.partition))
            super()._hear(beat, min(heard_ms, beat.at.tick_ms))

    def _misses(self, slot: Slot) -> bool:
        """Over events a member without anything in a period is not missing: its source tells."""
        return slot.stream not in FAMILIES

    def touch_all(self) -> Iterator[None]:
        """Note every period as changed, a slot at a step."""
        for slot, periods in list(self._sums.items()):
            self.waiting.update((slot, period) for period in periods)
            yield

    def holds(self, slot: Slot, end: str) -> bool:
        """Whether a period with that end holds anything."""
        return any(str(period.end) == end for period in self._sums.get(slot, ()))

    def take(self, closed: ClosedPeriods) -> None:
        """Take one organisation's closed periods."""
        others = {one.stream for one in closed.series if one.definition != self._definitions.get(one.stream)}
        new = self.apply(OrganisationSnapshot(closed.at, closed.org, closed.series, closed.coverage_start))
        if new:
            self.ahead.add((closed.at.topic, closed.at.partition))
        if new and others:
            self._foreign[closed.at.topic, closed.at.partition, closed.org] = others

    def period_rows(self, slot: Slot, period: Period, now_ms: int) -> list[Row]:
        """Give the rows of one period; none when it holds nothing."""
        self._now_ms, self._all_heard = now_ms, True
        return self._slot_rows(slot, period, closed=True) if period in self._sums.get(slot, {}) else []

    def settled(self, slot: Slot, period: Period, now_ms: int) -> bool:
        """Whether the period has ended and nobody is waited for, nor a worker of another version."""
        self._now_ms = now_ms
        if period.end_ms > now_ms or any(slot.stream in others for others in self._foreign.values()):
            return False
        return self.tally(slot, period.end_ms, strict=True).settled

    def streams_of(self, indicator: str, basis: str, window: str) -> list[str]:
        """Give the streams that an indicator's figures may come from; at most one of them holds anything."""
        key = (indicator, basis, window)
        if key not in self._streams_of:
            self._streams_of[key] = self._find_streams(*key)
        return self._streams_of[key]

    def _find_streams(self, indicator: str, basis: str, window: str) -> list[str]:
        found = []
        for stream, calculators in self._calculators.items():
            spec = self.catalogue.stream(stream)
            returned = isinstance(spec, ReturnStream)
            fits = returned if basis == "official" else not getattr(spec, "official_only", False)
            if fits and window in spec.windows and any(one.indicator.id == indicator for one in calculators):
                found.append(stream)
        return found

    def indicators_of(self, stream: str) -> set[str]:
        """Give the indicators that a stream feeds."""
        return {one.indicator.id for one in self._calculators.get(stream, ())}


class Finals:
    """What is to be issued.

    Args:
        board: the board of current figures, for what it knows of sources.
        event_days: how long after its last day a period of events can be corrected.
        return_days: the same of returns.
    """

    def __init__(self, board: Board, event_days: int, return_days: int) -> None:
        self._current = board
        self._days = {True: event_days, False: return_days}
        self._board = _ClosedBoard(board)
        self._issued: dict[_Place, dict[_Name, Issued]] = {}
        self._doubted: set[tuple[Slot, Period]] = set()
        self._restated_ms: dict[tuple[Slot, Period], int] = {}
        self._forgotten_on = 0

    @property
    def look_back_days(self) -> int:
        """How far back the topic holds finals of periods that can still be corrected."""
        return max(self._days.values()) + _SLACK_DAYS

    @property
    def held(self) -> int:
        """How many finals are known to have been issued and can still be corrected."""
        return sum(len(of) for of in self._issued.values())

    def apply(self, snapshot: Snapshot, now_ms: int | None = None) -> None:
        """Take a record of the topic `snapshots`; organisations' current windows are passed over."""
        if isinstance(snapshot, ClosedPeriods):
            self._board.take(snapshot)
        elif not isinstance(snapshot, OrganisationSnapshot):
            self._board.apply(snapshot, now_ms)

    def known(self, name: str, revision: int, identity: str) -> None:
        """Take what stands on the topic.

        Args:
            name: the key without its revision, as `final_name` gives it.
            revision: its revision.
            identity: what it is of.
        """
        org, level, indicator, window, stratum, basis, end = name.split("/")
        of = self._issued.setdefault(_Place(org, level, window, basis, end), {})
        figure = _named(indicator, stratum)
        old = of.get(figure)
        if old is None or revision > old.revision:
            of[figure] = Issued(revision, identity)

    def begin(self) -> Iterator[None]:
        """Look at everything again, in steps: what was issued may have changed or gone since, unseen."""
        yield from self._board.touch_all()
        for place, of in list(self._issued.items()):
            for name in of:
                self._board.waiting.update(self._slots(place, name))
            yield

    def _slots(self, place: _Place, name: _Name) -> Iterator[tuple[Slot, Period]]:
        """Give where a final that was issued comes from."""
        end = _day(place.end)
        start = tumbling(cast("Tumbling", place.window), end - 1).start
        period = Period(civil_date(start), civil_date(end))
        for stream in self._board.streams_of(name.indicator, place.basis, place.window):
            yield Slot(place.level, place.org, stream, place.basis, place.window), period

    def due(self, now_ms: int, most: int) -> tuple[list[Final], int]:
        """Give finals to be issued, looking at `most` periods at once.

        Returns:
            The finals, and how many periods are still to be looked at now. None while closed periods have
            come and the heartbeat after them, which names their sources, has not.
        """
        if self._board.ahead:
            return [], 0
        found: list[Final] = []
        for _ in range(min(most, len(self._board.waiting))):
            slot, period = self._board.waiting.pop()
            if not self._correctable(slot, period, now_ms):
                continue
            restated_ms = self._restated_ms.get((slot, period), -SETTLE_MS)
            if now_ms < restated_ms + SETTLE_MS or not self._board.settled(slot, period, now_ms):
                self._doubted.add((slot, period))
                continue
            finals, doubted = self._of(slot, period, now_ms)
            found += finals
            if any(one.revision for one in finals):
                self._restated_ms[slot, period] = now_ms
            if doubted:
                self._doubted.add((slot, period))
        return found, len(self._board.waiting)

    def again(self, now_ms: int) -> Iterator[None]:
        """Look again, in steps, at what waits for sources, settles or lacked one; forget the old."""
        doubted, self._doubted = self._doubted, set()
        for one in doubted:
            self._board.waiting.add(one)
            yield
        self._restated_ms = {key: at for key, at in self._restated_ms.items() if now_ms < at + SETTLE_MS}
        today = local_day(now_ms // 1000)
        if today == self._forgotten_on:
            return
        self._forgotten_on = today
        oldest = today - self.look_back_days
        for place in list(self._issued):
            if _day(place.end) < oldest:
                del self._issued[place]
            yield

    def issued(self, finals: Iterable[Final]) -> None:
        """Hear that finals stand on the topic."""
        for one in finals:
            self.known(final_name(one), one.revision, one.identity)

    def _correctable(self, slot: Slot, period: Period, now_ms: int) -> bool:
        days = self._days[slot.stream in FAMILIES]
        return day_number(period.end) > local_day(now_ms // 1000) - days - _SLACK_DAYS

    def _of(self, slot: Slot, period: Period, now_ms: int) -> tuple[list[Final], bool]:
        """Give the finals of a period that differ from what was issued, and whether a source may yet come."""
        rows = self._board.period_rows(slot, period, now_ms)
        place = _Place(slot.org, slot.level, slot.window, slot.basis, str(period.end))
        known = self._issued.get(place, {})
        present: set[_Name] = set()
        found = []
        doubted = False
        for row in rows:
            name = _named(row.indicator, ",".join(f"{key}={value}" for key, value in row.strata.items()))
            present.add(name)
            doubted = doubted or bool({"stale_source", "missing_source"} & set(row.flags))
            if name in known and "older_definition" in row.flags:
                continue  # what was issued is better than what is left under a new definition
            if (final := _next(_final(row), known.get(name))) is not None:
                found.append(final)
        for name in known.keys() - present:
            if name.indicator in self._board.indicators_of(slot.stream) and self._gone(slot, place, name):
                withdrawn = self._withdrawn(slot, period, name)
                if (final := _next(withdrawn, known[name])) is not None:
                    found.append(final)
        return found, doubted

    def _gone(self, slot: Slot, place: _Place, name: _Name) -> bool:
        """Whether no other stream gives the figure: an indicator may have two."""
        return all(
            one == slot.stream or not self._board.holds(slot._replace(stream=one), place.end)
            for one in self._board.streams_of(name.indicator, place.basis, place.window)
        )

    def _withdrawn(self, slot: Slot, period: Period, name: _Name) -> Final:
        """Make the revision that takes a figure back."""
        indicator = self._current.catalogue.indicators[name.indicator]
        key, _, value = name.stratum.partition("=")
        return Final(
            indicator=indicator.id,
            purpose=indicator.purpose,
            org=slot.org,
            level=slot.level,
            window=slot.window,
            period_start=str(period.start),
            period_end=str(period.end),
            strata={key: value} if key else {},
            basis=cast("Basis", slot.basis),
            numerator=None,
            denominator=None,
            value=None,
            unit=indicator.unit,
            status="no_value",
            flags=["no_value"],
            threshold=None,
            as_at=None,
            restated_at=None,
            revision=0,
            identity="",
        )


def _day(end: str) -> int:
    return day_number(date.fromisoformat(end))


def _final(row: Row) -> Final:
    """Give a row as a final that has no revision yet."""
    fields = row.as_json()
    return Final(**fields | {"flags": list(row.flags)}, revision=0, identity="")


def _next(final: Final, known: Issued | None) -> Final | None:
    """Give the next revision of a final; None when it says what was said last."""
    content = (
        final_name(final),
        final.numerator,
        final.denominator,
        final.value,
        final.status,
        final.threshold,
        sorted(set(final.flags) - _VOLATILE),
    )
    identity = blake2b(msgspec.json.encode(content), digest_size=12).hexdigest()
    if known is None:
        return msgspec.structs.replace(final, identity=identity)
    if identity == known.identity:
        return None
    return msgspec.structs.replace(final, revision=known.revision + 1, identity=identity)
