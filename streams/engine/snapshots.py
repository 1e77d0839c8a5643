"""Window facts of an organisation, current or final, ready to be put on a topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import cast

from schemas.outputs import (
    Basis,
    Cell,
    ClosedPeriods,
    Heartbeat,
    OrganisationSnapshot,
    Part,
    Position,
    SeriesFacts,
    Source,
    SourceStream,
    WindowFacts,
)
from streams.engine.calendar import SECONDS_A_QUARTER, civil_date, day_of_quarter, first_quarter, local_day
from streams.engine.core import Engine, TopicPartition
from streams.engine.families import FAMILIES, Family, Open, ReturnStream
from streams.engine.families.base import COUNCIL
from streams.engine.families.strata import DEPRIVATION
from streams.engine.now import open_window, states_window
from streams.engine.panes import Series, Sums
from streams.engine.partition import Partition
from streams.engine.seen import SourceState, is_forgotten
from streams.engine.windows import (
    COUNCIL_WINDOWS,
    CUMULATIVE,
    HOURS,
    NOW,
    QUANTILE_WINDOWS,
    STRATA_WINDOWS,
    TUMBLING,
    Bounds,
    Grain,
    Tumbling,
    WindowName,
    closed,
    over_events,
    over_hours,
    over_returns,
    periods,
    tumbling,
)

NamedBounds = tuple[str, Bounds]

RETURN_CORRECTABLE_DAYS = 400
"""Days after its end for which a restated return re-issues its final."""
SPARE_DAYS = 3
MOST_ORGS = 1000
"""Organisations named for one stream of one publisher in a heartbeat; the official file has 400."""


class Snapshotter:
    """Turns an engine's state into records for readers.

    Args:
        engine: whose state.
        boundaries: civil days (day numbers) on which any membership changes; a window that spans one is
            split there, so that a reader can roll each part up by the membership of its time.
    """

    def __init__(self, engine: Engine, boundaries: Sequence[int] = ()) -> None:
        self._engine = engine
        self._boundaries = sorted(boundaries)

    def current(
        self, at: TopicPartition, orgs: Iterable[str], position: Position
    ) -> Iterator[OrganisationSnapshot]:
        """Give the current windows of organisations of a partition, as they stand at the position's tick.

        One by one, since an organisation takes milliseconds and others wait for the event loop.
        """
        partition = self._engine.partitions[at]
        latest = partition.latest_periods(local_day(position.tick_ms // 1000))
        for org in orgs:
            yield self._organisation(partition, org, position, latest)

    def finals(self, at: TopicPartition, position: Position) -> Iterator[OrganisationSnapshot]:
        """Give every closed tumbling period of every organisation of a partition."""
        partition = self._engine.partitions[at]
        for org in list(partition.organisations):
            yield self._organisation(partition, org, position, None)

    def closed_periods(
        self, at: TopicPartition, orgs: Iterable[str], position: Position
    ) -> Iterator[ClosedPeriods]:
        """Give the tumbling periods of organisations that have ended and can still be corrected.

        Those of events until the horizon after their last day; a return can be restated much later, and
        `RETURN_CORRECTABLE_DAYS` bounds what is kept of it. Some days more are given, so that a reader is
        done with a period before one partition drops it and another does not yet. Where strata are compared,
        the period before one that can be corrected is given too.
        """
        partition = self._engine.partitions[at]
        for org in orgs:
            one = self._organisation(partition, org, position, None, correctable=True)
            yield ClosedPeriods(position, one.org, one.series, one.coverage_start)

    def _correctable_days(self, stream: str) -> int:
        """Give for how many days after its last one a period can change."""
        return self._engine.settings.horizon_days if stream in FAMILIES else RETURN_CORRECTABLE_DAYS

    def heartbeat(self, at: TopicPartition, position: Position, complete_since_ms: int) -> Heartbeat:
        """Give the sign of life of a partition, with the publishers seen on it."""
        partition = self._engine.partitions.get(at)
        seen = partition.sources if partition else {}
        now_ms = partition.append_ms if partition else 0
        sources = [
            Source(name, one.last_append_ms, one.misrouted, _streams(one, now_ms))
            for name, one in seen.items()
        ]
        pending = bool(partition and partition.dirty_closed)
        return Heartbeat(position, complete_since_ms, sources, pending)

    def _organisation(
        self,
        partition: Partition,
        org: str,
        position: Position,
        latest: Mapping[tuple[str, str], int] | None,
        *,
        correctable: bool = False,
    ) -> OrganisationSnapshot:
        """Give an organisation's current windows, or its finals when no latest periods are given.

        With `correctable` only those finals that can still change.
        """
        now = position.tick_ms // 1000
        today = local_day(now)
        facts = []
        for series in list(partition.organisations.get(org, {}).values()):
            spec = self._engine.stream(series.key.stream)
            bounds = _finals(series, spec, today) if latest is None else _current(series, spec, today, latest)
            if correctable:
                oldest = today - self._correctable_days(series.key.stream) - SPARE_DAYS
                bounds = [one for one in bounds if _kept_until(series, *one) > oldest]
            windows = [found for one in bounds if (found := self._window(series, spec, one, today))]
            if isinstance(spec, Family) and latest is not None:
                hours = [name for name in HOURS if name in spec.windows]
                windows += [found for name in hours if (found := self._hours(series, name, now))]
                if NOW in spec.windows and (found := states_window(series, now)):
                    windows.append(found)
                if spec.open is not None and (found := open_window(series, spec.open, now)):
                    facts.append(_series_facts(series, spec.open, [found]))
            if windows:
                older = partition.older_definitions.get(series.key.stream)
                defined = None if older is None else civil_date(older + 1)
                facts.append(_series_facts(series, spec, windows, defined))
        coverage = partition.covered_from
        return OrganisationSnapshot(position, org, facts, None if coverage is None else civil_date(coverage))

    def _window(
        self, series: Series, spec: Family | ReturnStream, window: NamedBounds, today: int
    ) -> WindowFacts | None:
        name, (start, end) = window
        cuts = [start, *(day for day in self._boundaries if start < day < end), end]
        wanted = None if name in STRATA_WINDOWS else (DEPRIVATION,) if series.dimensions else ()
        stretches = [one for low, high in pairwise(cuts) if (one := series.stretch(low, high, wanted)).sums]
        if not stretches:
            return None
        reported = expected = 0
        if isinstance(spec, ReturnStream):
            reported = sum(one.days for one in stretches)
            ended = name in CUMULATIVE or end <= today
            latest = end - 1 if ended else max(day for day in series.panes if day < end)
            expected = _expected(spec.grain, Bounds(start, end), latest, today)
        return WindowFacts(
            window=name,
            start=civil_date(start),
            end=civil_date(end),
            parts=[_part(name, one.first, one.sums) for one in stretches],
            as_at_ms=max(one.as_at_ms for one in stretches),
            to_date=end > today,
            restated_ms=max(one.restated_ms for one in stretches) or None,
            reported=reported,
            expected=expected,
        )

    def _hours(self, series: Series, name: WindowName, now: int) -> WindowFacts | None:
        """Give a window of hours; it is as old as the days it lies in."""
        start, end = over_hours(name, now)
        first, last = day_of_quarter(start), day_of_quarter(end - 1)
        days = range(first, last + 1)
        midnights = [first_quarter(day) for day in self._boundaries if first < day <= last]
        cuts = [start, *(one for one in midnights if start < one), end]
        sums = [(low, series.recent_total(low, high)) for low, high in pairwise(cuts)]
        parts = [_part(name, day_of_quarter(low), one) for low, one in sums if one]
        if not parts:
            return None
        return WindowFacts(
            window=name,
            start=civil_date(first),
            end=civil_date(last + 1),
            parts=parts,
            as_at_ms=max(series.as_at_ms.get(day, 0) for day in days),
            from_ms=start * SECONDS_A_QUARTER * 1000,
            until_ms=end * SECONDS_A_QUARTER * 1000,
        )


def _series_facts(
    series: Series,
    stream: Family | Open | ReturnStream,
    windows: list[WindowFacts],
    defined_from: date | None = None,
) -> SeriesFacts:
    basis, site = cast("Basis", series.key.basis), series.key.site or None
    return SeriesFacts(stream.name, stream.definition, basis, site, windows, defined_from)


def _streams(source: SourceState, now_ms: int) -> list[SourceStream]:
    return [
        SourceStream(
            stream,
            cast("Basis", basis),
            one.last_append_ms,
            int(one.newest.timestamp() * 1000),
            sorted(one.orgs)[:MOST_ORGS],
            max(0, len(one.orgs) - MOST_ORGS),
        )
        for (stream, basis), one in source.streams.items()
        if not is_forgotten(stream, one.last_append_ms, now_ms)
    ]


def _part(window: str, first: int, sums: Sums) -> Part:
    """Give one part of a window; `first` is the first day it holds."""
    whole = window in QUANTILE_WINDOWS
    by_council = window in COUNCIL_WINDOWS
    cells = [
        Cell(dimension, value, tally.facts, tally.histograms if whole and dimension != COUNCIL else [])
        for (dimension, value), tally in sums.items()
        if by_council or dimension != COUNCIL
    ]
    return Part(civil_date(first), cells)


def _expected(grain: Grain, bounds: Bounds, latest: int, today: int) -> int:
    """Count the periods inside `bounds` that have ended, or that are reported all the same."""
    until = max(tumbling(grain, latest).end, tumbling(grain, today).start)
    return periods(grain, Bounds(bounds.start, min(bounds.end, until)))


def _current(
    series: Series, spec: Family | ReturnStream, today: int, latest_of_all: Mapping[tuple[str, str], int]
) -> list[NamedBounds]:
    """Give the current windows; cumulative ones end alike for all, so that a roll-up loses nobody."""
    if isinstance(spec, Family):
        days = [window for window in spec.windows if window not in HOURS and window != NOW]
        return [(window, over_events(window, today)) for window in days]
    latest = max((day for day in series.panes if day <= today), default=None)
    if latest is None:
        return []
    of_all = latest_of_all.get((series.key.stream, series.key.basis), latest)
    ends = {window: of_all if window in CUMULATIVE else latest for window in spec.windows}
    return [(window, over_returns(window, spec.grain, end)) for window, end in ends.items()]


def _kept_until(series: Series, window: str, bounds: Bounds) -> int:
    """Give the end of a period; where strata are compared, that of the next, which is compared with it."""
    if series.dimensions and window in STRATA_WINDOWS:
        return tumbling(cast("Tumbling", window), bounds.end).end
    return bounds.end


def _finals(series: Series, spec: Family | ReturnStream, today: int) -> list[NamedBounds]:
    windows = [window for window in TUMBLING if window in spec.windows]
    days = series.panes.keys() | series.totals.keys()
    return [(window, bounds) for window in windows for bounds in closed(window, days, today)]
