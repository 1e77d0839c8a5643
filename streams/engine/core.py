"""The engine: whole batches of log records in, refusals and late records out, window facts on request.

Pure and synchronous: no I/O, no wall clock. Every decision that changes state compares event time with
the record's append time, so reading the log again decides the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from schemas.common import SKEW_SECONDS
from schemas.envelope import family_of
from schemas.fast import Address, RefusedError, read, read_all
from schemas.outputs import Total
from streams.engine.calendar import (
    SECONDS_A_DAY,
    SECONDS_A_QUARTER,
    day_number,
    day_of_quarter,
    first_quarter,
    local_day,
    local_time,
    midnight,
    utc,
)
from streams.engine.closing import restore, totals_of
from streams.engine.families import (
    FAMILIES,
    RTT_STREAMS,
    Facts,
    Family,
    Measure,
    ReturnStream,
    measure_stream,
)
from streams.engine.families.returns import reduce_measure, reduce_published, reduce_rtt, rtt_period_start
from streams.engine.held import OPEN, Held
from streams.engine.panes import Series
from streams.engine.partition import CensusKey, Fresh, Partition
from streams.engine.records import Late, LogRecord, Outputs, Refused
from streams.engine.seen import Lane, PlainLane, SourceState, plain_lane
from streams.engine.windows import NOW, tumbling

TopicPartition = tuple[str, int]

_TOGETHER_AT_MOST = 500
"""Records that are read before the first of them is added: more, and they leave the processor's cache."""

CENSUS_FROM_HOUR, CENSUS_TO_HOUR = 7, 8
RETURN_FAMILIES = frozenset({"measure", "rtt_census"})


@dataclass(frozen=True)
class EngineSettings:
    """How the engine decides.

    Attributes:
        horizon_days: how long after its day an episode or state can be corrected.
        open_days: how long an episode without an ending is held: the topic's retention.
        skew_seconds: how far event time may lie after append time.
        planned_days: how far ahead an attribution instant may be planned. With the horizon it stays inside
            the topic's retention, so that the log holds all that an open day is made of; theatre lists
            are locked down six weeks ahead.
        official_sources: prefixes of `source` that may set `data.publication`.
        max_event_bytes: a longer record is refused.
        max_series_a_source: how many series (organisation, site, stream, basis) one source may begin.
        max_series_an_organisation: how many series one organisation may have; all stand in one record.
        max_sources_a_publisher: how many sources one publisher may begin; a heartbeat names each.
        until_seconds: for looking back to this instant, None live: what was appended after it adds only
            what had happened by it. What was appended by it is taken as the service took it then.
    """

    horizon_days: int = 14
    open_days: int = 60
    skew_seconds: int = SKEW_SECONDS
    planned_days: int = 42
    official_sources: tuple[str, ...] = ("/ods/X24/",)
    max_event_bytes: int = 256 * 1024
    max_series_a_source: int = 20_000
    max_series_an_organisation: int = 300
    max_sources_a_publisher: int = 100
    until_seconds: int | None = None
    worth_together: int = 8


class _Now(NamedTuple):
    """An append time, and how far ahead of it the times of an event may lie.

    Attributes:
        ms: the append time.
        latest: the last event time that is taken for the present, with the skew allowed.
        latest_seconds: the same as an epoch second.
        planned_seconds: the last planned start that is taken.
    """

    ms: int
    latest: datetime
    latest_seconds: int
    planned_seconds: int


class _NotAcceptedError(Exception):
    """A well-formed event that the engine does not take, or a record that it does not read."""

    def __init__(self, reason: str, problem: str, *, unread: bool = False) -> None:
        super().__init__(problem)
        self.reason = reason
        self.problem = problem
        self.unread = unread


class _LateError(Exception):
    """The day of an event has closed."""

    def __init__(self, source: str, family: str, day: int, seconds: int) -> None:
        super().__init__(family)
        self.source, self.family, self.day, self.seconds = source, family, day, seconds


class Engine:
    """State of all partitions this process holds.

    Args:
        measures: declared measures by identifier; a report of another is refused.
        settings: how to decide.
        route: expected partition of a partition key on a topic, or None where it does not matter.
    """

    def __init__(
        self,
        measures: Mapping[str, Measure],
        settings: EngineSettings | None = None,
        route: Callable[[str, str], int | None] = lambda _topic, _key: None,
    ) -> None:
        self.settings = settings or EngineSettings()
        self.partitions: dict[TopicPartition, Partition] = {}
        self._streams: dict[str, ReturnStream] = {one.id: measure_stream(one) for one in measures.values()}
        self._returns = {one.name: one for one in (*self._streams.values(), *RTT_STREAMS.values())}
        self._route = route

    def process(
        self, at: TopicPartition, records: Sequence[LogRecord], *, accepts: frozenset[str] | None = None
    ) -> Outputs:
        """Take a batch of one partition, in log order.

        Args:
            at: topic and partition.
            records: the batch.
            accepts: the families this topic carries; None for all. Others are refused.

        Returns:
            Refusals, late records and counts. State changes show in `partitions` and in snapshots.
        """
        partition = self._partition(at)
        out = Outputs()
        for append_ms, together in groupby(records, attrgetter("timestamp")):
            now, several = self._now(append_ms), list(together)
            out.totals += self._advance(at, partition, append_ms)
            for start in range(0, len(several), _TOGETHER_AT_MOST):
                self._take_some(
                    partition, at, several[start : start + _TOGETHER_AT_MOST], accepts, out, now=now
                )
            partition.next_offset = several[-1].offset + 1
        return out

    def _take_some(
        self,
        partition: Partition,
        at: TopicPartition,
        records: Sequence[LogRecord],
        accepts: frozenset[str] | None,
        out: Outputs,
        *,
        now: _Now,
    ) -> None:
        """Take records of one append time: runs of plain ones together, all else alone, in their order."""
        fresh: dict[str, Fresh] = {}
        for record, plain in zip(records, self._read_together(partition, records), strict=True):
            if plain is not None and self._gather(partition, plain, fresh, now):
                continue
            _hold(partition, fresh, out, now)
            self._take_alone(partition, at, record, accepts, out, now=now)
        _hold(partition, fresh, out, now)

    def _read_together(
        self, partition: Partition, records: Sequence[LogRecord]
    ) -> list[tuple[Any, PlainLane] | None]:
        """Read records of one append time; None for those that are to be taken alone."""
        most = self.settings.max_event_bytes
        values = [
            record.value
            for record in records
            if record.value is not None and len(record.value) <= most and not record.headers
        ]
        few = len(records) < self.settings.worth_together
        if few or len(values) < len(records) or self.settings.until_seconds is not None:
            return [None] * len(records)
        return read_all(values, partition.plain_lanes)

    def _gather(
        self, partition: Partition, found: tuple[Any, PlainLane], fresh: dict[str, Fresh], now: _Now
    ) -> bool:
        """Add a record to a run of plain ones, if it is plain.

        Plain is a new episode that has ended, on an open day, of a publisher who has written about the same
        site before: nothing about it has to be decided but what it adds.
        """
        event, (lane, prefix, key, reduce, cell, series) = found
        data = event.data
        identity = prefix + key(data)
        if (
            event.time > now.latest
            or event.recordedtime > now.latest
            or data.retracted
            or data.version is None
            or identity in partition.held
            or identity in fresh
            or partition.has_closed(identity)
        ):
            return False
        instant, facts = reduce(data)
        number = partition.cell_numbers.get(cell(data))
        if instant is None or facts is None or number is None or instant > now.latest_seconds:
            return False
        quarter = instant // SECONDS_A_QUARTER
        day = day_of_quarter(quarter)
        closes = day + self.settings.horizon_days
        if closes < partition.today or day <= partition.closed_through:
            return False
        lane.note(data.org, event.time, now.ms)
        lane.source.last_append_ms = now.ms
        fresh[identity] = (data.version, closes, series, quarter, number, facts)
        return True

    def _take_alone(
        self,
        partition: Partition,
        at: TopicPartition,
        record: LogRecord,
        accepts: frozenset[str] | None,
        out: Outputs,
        *,
        now: _Now,
    ) -> None:
        """Take one record, whatever it is."""
        try:
            outcome = self._take(partition, at, record, accepts, out, now=now)
        except RefusedError as error:
            why = error.refusal
            out.refused.append(Refused(record.offset, why.reason, why.problems, why.withheld))
        except _NotAcceptedError as error:
            out.refused.append(Refused(record.offset, error.reason, (error.problem,), error.unread))
        except _LateError as error:
            out.late.append(Late(record.offset, error.source, error.family, error.day, error.seconds))
        else:
            out.counts[outcome] += 1

    def _now(self, append_ms: int) -> _Now:
        settings, seconds = self.settings, append_ms // 1000
        return _Now(
            append_ms,
            utc(append_ms / 1000 + settings.skew_seconds),
            seconds + settings.skew_seconds,
            seconds + settings.planned_days * SECONDS_A_DAY,
        )

    def advance(self, at: TopicPartition, append_ms: int) -> list[Total]:
        """Let days close although no record arrives.

        Args:
            at: topic and partition.
            append_ms: a moment on the broker's clock before which no record can be appended any more.

        Returns:
            Totals to be written, as in `Outputs`.
        """
        partition = self.partitions.get(at)
        if partition is None or partition.first_append_ms is None:
            return []
        return self._advance(at, partition, append_ms)

    def _advance(self, at: TopicPartition, partition: Partition, append_ms: int) -> list[Total]:
        closed = partition.advance(append_ms, self.settings.horizon_days, self.settings.open_days)
        return [] if closed is None else totals_of(at, partition, closed)

    def start_ms(self, now_ms: int) -> int:
        """Give the append time from which the log must be read to know everything that is still open."""
        return midnight(local_day(now_ms // 1000) - self.settings.open_days) * 1000

    def restore(self, at: TopicPartition, totals: Iterable[Total], log_from_ms: int | None = None) -> None:
        """Take back the days that have closed, before the log is read.

        Args:
            at: topic and partition.
            totals: what the topic of day totals holds for it, whole, in any order.
            log_from_ms: append time from which the log is read; None when it goes on where a saved state
                ended, or from the log's very first record.
        """
        partition = self._partition(at)
        restore(partition, totals, self.settings.open_days, log_from_ms)

    def _partition(self, at: TopicPartition) -> Partition:
        partition = self.partitions.get(at)
        if partition is None:
            until = self.settings.until_seconds
            partition = self.partitions[at] = Partition(None if until is None else until * 1000)
        return partition

    def _take(
        self,
        partition: Partition,
        at: TopicPartition,
        record: LogRecord,
        accepts: frozenset[str] | None,
        out: Outputs,
        *,
        now: _Now,
    ) -> str:
        """Take one record; give what became of it."""
        value = record.value
        if value is None:
            raise _NotAcceptedError("empty", "the record has no value")
        if len(value) > self.settings.max_event_bytes:
            most = self.settings.max_event_bytes
            raise _NotAcceptedError("too_large", f"{len(value)} bytes, more than {most}", unread=True)
        event, address, lane = read(value, record.headers, partition.lanes)
        if lane is None:
            lane = self._new_lane(partition, at, address, event)
        source, family = lane.source, lane.family
        source.last_append_ms = now.ms
        if source.misrouted:
            out.misrouted += 1
        if accepts is not None and lane.name not in accepts:
            raise _NotAcceptedError("wrong_topic", f"type: {lane.name} does not belong on this topic")
        if event.time > now.latest:
            raise _NotAcceptedError("future", "time: after the record was appended, beyond the skew allowed")
        if event.recordedtime > now.latest:
            raise _NotAcceptedError("future", "recordedtime: after the record was appended, beyond the skew")
        if family is None:
            return self._apply_return(partition, lane, event, now)
        if family.kind == "state":
            return self._apply_state(partition, lane, family, event, now)
        return self._apply_episode(partition, lane, family, event, now)

    def _new_lane(self, partition: Partition, at: TopicPartition, address: Address, event: Any) -> Lane:
        """Make a lane; it is kept from its first accepted record on (`_begin`)."""
        source = partition.sources.get(event.source)
        if source is None:
            most = self.settings.max_sources_a_publisher
            if partition.sources_of[event.partitionkey] >= most:
                raise _NotAcceptedError(
                    "too_many_sources",
                    f"source: this publisher has begun {most} sources; is something that changes, such as"
                    " a run or a date, part of the system's name?",
                )
            expected = self._route(at[0], event.partitionkey)
            source = SourceState(
                misrouted=expected is not None and expected != at[1],
                official=event.source.startswith(self.settings.official_sources),
            )
            partition.add_source(event.source, source)
        name = family_of(address[0])
        return Lane(source, name, "synthetic" if event.synthetic else "operational", address)

    def _begin(self, partition: Partition, lane: Lane, data: Any) -> Series:
        """Give a lane its series, and keep it."""
        key = (data.org, data.site or "", lane.name, lane.basis)
        lane.series = series = self._series(partition, lane.source, key)
        partition.lanes[lane.address] = lane
        if (plain := plain_lane(lane)) is not None:
            partition.plain_lanes[lane.address] = plain
        return series

    def _series(
        self,
        partition: Partition,
        source: SourceState,
        key: tuple[str, str, str, str],
        *,
        explicit: bool = False,
    ) -> Series:
        """Give a series, unless its source or its organisation would have more of them than one may."""
        series = partition.made(key)
        if series is None:
            most, at_most = self.settings.max_series_a_source, self.settings.max_series_an_organisation
            if source.series >= most:
                raise _NotAcceptedError(
                    "too_many_series",
                    f"data.org, data.site: this source has begun {most} series of organisation, site and"
                    " family; is one of these fields filled with something else?",
                )
            if partition.series_of_org[key[0]] >= at_most:
                raise _NotAcceptedError(
                    "too_many_series",
                    f"data.site: this organisation has {at_most} series of site and family already; is the"
                    " field filled with something else?",
                )
            source.series += 1
            series = partition.make_series(key, explicit=explicit)
        return series

    def _seen(self, instant: int, append_ms: int) -> bool:
        """Whether what happened at `instant` counts: always live; looking back, see `until_seconds`."""
        until = self.settings.until_seconds
        return until is None or instant <= until or append_ms <= until * 1000

    def _attribution_day(self, family: Family, instant: int, now: _Now) -> int:
        """Give the civil day of an attribution instant, or refuse the future."""
        if instant > now.latest_seconds:
            if not family.planned:
                raise _NotAcceptedError("future", "the attribution instant lies in the future")
            if instant > now.planned_seconds:
                days = self.settings.planned_days
                raise _NotAcceptedError(
                    "future", f"planned more than {days} days ahead: send it again when it is nearer"
                )
        return local_day(instant)

    def _apply_episode(self, partition: Partition, lane: Lane, family: Family, event: Any, now: _Now) -> str:
        data = event.data
        series = lane.series or self._begin(partition, lane, data)
        instant, facts = family.reduce(data)
        if family.planned:
            _refuse_future_ending(data, now.latest)
        cells: tuple[int, ...] = ()
        kept: Facts | None = None
        if instant is None or not self._seen(instant, now.ms):
            kept = self._open(family, data, now)
        elif facts is not None and not data.retracted:
            cells = (partition.number_of(family.cell(data)),)
        begun = instant is None and kept is not None
        if data.retracted:
            kept = None
        if instant is None:
            day, quarter, closes = partition.today, OPEN, partition.today + self.settings.open_days
        else:
            day = self._attribution_day(family, instant, now)
            quarter, closes = instant // SECONDS_A_QUARTER, day + self.settings.horizon_days
        lane.note(data.org, event.time, now.ms)
        identity = lane.prefix + lane.key(data)
        late = closes < partition.today or day <= partition.closed_through
        if late or (identity not in partition.held and partition.has_closed(identity)):
            if not partition.has_closed(identity):
                # Its version holds all the same: what an open day has of an older one goes, in any order.
                closes = partition.today + self.settings.open_days
                gone = Held(version_of(event), closes, series.number, OPEN, (), ())
                if partition.upsert(identity, gone, now.ms, kept or ()) in ("superseded", "duplicate"):
                    return "superseded"
            raise _LateError(event.source, family.name, day, now.ms // 1000 - (instant or 0))
        adds = (facts if cells else kept if instant is None else None) or ()
        held = Held(version_of(event), closes, series.number, quarter, cells, adds)
        if begun:
            partition.hear_of_now(series, now.ms)
        return partition.upsert(identity, held, now.ms, kept or ())

    def _open(self, family: Family, data: Any, now: _Now) -> Facts | None:
        """Give what is kept of an episode that has not ended, or had not at the moment looked back to."""
        kept = None if family.open is None else family.open.keep(data)
        return kept if kept is not None and self._seen(kept[0], now.ms) else None

    def _apply_state(self, partition: Partition, lane: Lane, family: Family, event: Any, now: _Now) -> str:
        data = event.data
        instant, facts = family.reduce(data)
        at = instant or 0
        day = self._attribution_day(family, at, now)
        series = lane.series or self._begin(partition, lane, data)
        lane.note(data.org, event.time, now.ms)
        if day + self.settings.horizon_days < partition.today or day <= partition.closed_through:
            raise _LateError(event.source, family.name, day, now.ms // 1000 - at)
        seen = self._seen(at, now.ms)
        state = (version_of(event), facts if seen and not data.retracted else None)
        group, outcome = lane.key(data), None
        if seen:
            outcome = partition.current(series, (event.source, group), at, state, now.ms)
        if family.windows == (NOW,):
            return outcome or "outdated"
        if not local_time(day, CENSUS_FROM_HOUR) < at <= local_time(day, CENSUS_TO_HOUR):
            return "between_censuses"
        key = CensusKey(event.source, series.key, group, day)
        return partition.observe(key, at, state, day + self.settings.horizon_days, now.ms)

    def _apply_return(self, partition: Partition, lane: Lane, event: Any, now: _Now) -> str:
        data, source = event.data, lane.source
        if data.publication is not None and not source.official:
            raise _NotAcceptedError(
                "not_an_official_source",
                "data.publication: this source is not configured to send official figures",
            )
        if hasattr(data, "measure"):
            stream = self._streams.get(data.measure)
            if stream is None:
                raise _NotAcceptedError("unknown_measure", "data.measure: is not declared in the catalogue")
            start, end = day_number(data.period_start), day_number(data.period_end)
            if tumbling(stream.grain, start) != (start, end):
                raise _NotAcceptedError(
                    "wrong_period", f"data.period_end: not one calendar {stream.grain} from period_start"
                )
            if stream.denominator and any(_lacks_denominator(one) for one in (data, *data.strata)):
                raise _NotAcceptedError(
                    "missing_denominator", "data.denominator: this measure is a share and needs one"
                )
            if data.peers is not None and not stream.published:
                raise _NotAcceptedError(
                    "unknown_measure",
                    "data.peers: the catalogue does not declare the measure as published",
                )
            contributions = reduce_published(data) if stream.published else reduce_measure(data)
        else:
            stream = RTT_STREAMS[data.cadence]
            start = rtt_period_start(data)
            end = tumbling(data.cadence, start).end
            contributions = reduce_rtt(data)
        if start > local_day(now.ms // 1000):
            raise _NotAcceptedError("future", "the period begins after the record was appended")
        basis = "synthetic" if event.synthetic else "official" if data.publication else "operational"
        if stream.official_only and basis != "official":
            raise _NotAcceptedError(
                "official_only",
                "data.measure: the service computes it from events; only official publications report it",
            )
        series = self._series(
            partition, source, (data.org, data.site or "", stream.name, basis), explicit=True
        )
        source.note(stream.name, basis, data.org, utc(midnight(end)), now.ms)
        identity = f"{stream.name} {event.source} {data.org} {data.site or ''} {basis} {start}"
        if data.retracted or not self._seen(midnight(end), now.ms):
            contributions = ()
        cells = tuple(partition.number_of(cell) for cell, _ in contributions)
        facts = tuple(fact for _, vector in contributions for fact in vector)
        held = Held(version_of(event), _NEVER, series.number, first_quarter(start), cells, facts)
        return partition.upsert(identity, held, now.ms)

    def stream(self, name: str) -> Family | ReturnStream:
        """Give what is known of a stream: its facts, definition and windows."""
        return FAMILIES.get(name) or self._returns[name]

    def drop(self, at: TopicPartition) -> None:
        """Forget a partition that went to another worker."""
        self.partitions.pop(at, None)


def _lacks_denominator(one: Any) -> bool:
    return one.numerator is not None and one.denominator is None


_ENDINGS = ("ended_at", "completed_at", "cancelled_at")
"""Fields of a planned episode that tell what has happened: they cannot lie ahead."""
_NEVER = 10**9
"""Returns are held as long as the topic holds them."""


def _hold(partition: Partition, fresh: dict[str, Fresh], out: Outputs, now: _Now) -> None:
    """Hold a run of plain episodes, and begin another."""
    if fresh:
        partition.hold(fresh, now.ms)
        out.counts["applied"] += len(fresh)
        fresh.clear()


def _refuse_future_ending(data: Any, latest: datetime) -> None:
    for name in _ENDINGS:
        when = getattr(data, name, None)
        if when is not None and when > latest:
            raise _NotAcceptedError("future", f"data.{name}: after the record was appended")


def version_of(event: Any) -> int:
    """Give the record's version; where the publisher has none, `recordedtime` in microseconds."""
    version = event.data.version
    return version if version is not None else int(event.recordedtime.timestamp() * 1_000_000)
