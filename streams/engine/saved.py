"""A partition's state as slices of bytes and back: what a local snapshot is made of. Pure, no files.

    view = View(partition)                one synchronous step: a consistent picture, cheap to take
    for piece in view.slices(): …         each made in a few milliseconds, while the partition moves on
    restoring.take(piece) … restoring.done()

Closed days and the hashes of closed episodes are not in it: they come back from the topic of day totals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple, get_args

import msgspec

from streams.engine.core import EngineSettings
from streams.engine.families import (
    FAMILIES,
    OPEN_STREAMS,
    RTT_STREAMS,
    Cell,
    Facts,
    Family,
    Measure,
    Open,
    ReturnStream,
    measure_stream,
)
from streams.engine.held import OPEN, Held, unpack
from streams.engine.panes import Pane, Series, SeriesKey, States
from streams.engine.partition import CensusKey, Partition
from streams.engine.seen import SourceState, StreamState
from streams.engine.tally import Buckets, Tally

FORMAT = 2
"""Raised when the meaning of the pieces changes; their fields are part of the fingerprint anyway."""

HELD_A_SLICE = 2_000
HELD_BYTES_A_SLICE = 64 * HELD_A_SLICE
TALLIES_A_SLICE = 400
CENSUSES_A_SLICE = 1_000

PLAIN = (
    "first_append_ms",
    "append_ms",
    "today",
    "next_offset",
    "covered_from",
    "closed_through",
    "_recent_from",
)
"""Attributes of a partition that are written as they are: whole numbers or None."""
REBUILT = (
    "held",
    "censuses",
    "series",
    "cells",
    "organisations",
    "sources",
    "sources_of",
    "series_of_org",
    "dirty",  # whoever takes over publishes every organisation once
    "dirty_closed",
    "_closing",
    "_left",
    "_closing_censuses",
    "_forgotten",
    "_made",
    "_numbered",
    "cell_numbers",
    "_latest",
    "_reporting",
)
"""Attributes that the pieces below bring back."""
NOT_SAVED = (
    "_closed",
    "_forgetting",
    "_twice",
    "older_definitions",
    "_published_at_ms",
    "_published_before",
    "_until_ms",
    "_readers",
    "_turn",
    "lanes",
    "plain_lanes",
)
"""Attributes that the topic of day totals brings back, or the next record, or that are of this process."""

_Panes = list[tuple[int, list[tuple[Cell, list[int], list[Buckets]]]]]
_States = list[tuple[int, int, Facts | None]]


class _OneStream(msgspec.Struct, array_like=True):
    stream: str
    basis: str
    last_append_ms: int
    newest: datetime
    orgs: set[str]


class _OneSource(msgspec.Struct, array_like=True):
    name: str
    misrouted: bool
    official: bool
    last_append_ms: int
    series: int
    streams: list[_OneStream]


class _Clocks(msgspec.Struct, array_like=True, tag="clocks"):
    """What there is one of; always the first piece."""

    held: int
    series: int
    censuses: int
    plain: dict[str, int | None]
    forgotten: dict[int, int]
    latest: list[tuple[str, str, int]]
    sources: list[_OneSource]
    cells: list[Cell]


class _OneSeries(msgspec.Struct, array_like=True):
    key: SeriesKey
    explicit: bool
    shown: bool
    panes: _Panes
    quarters: _Panes
    as_at_ms: dict[int, int]
    restated_ms: dict[int, int]
    opened_ms: int
    states: list[tuple[str, str, _States]]


class _SomeSeries(msgspec.Struct, array_like=True, tag="series"):
    some: list[_OneSeries]


class _SomeHeld(msgspec.Struct, array_like=True, tag="held"):
    """Some of what is held until one day, as it is packed in memory; `open` is which of it has not ended."""

    closes: int
    identities: list[str]
    packed: list[bytes]
    open: list[int]


class _OneCensus(msgspec.Struct, array_like=True):
    source: str
    series: int
    group: str
    day: int
    closes: int
    states: _States


class _SomeCensuses(msgspec.Struct, array_like=True, tag="censuses"):
    some: list[_OneCensus]


_Piece = _Clocks | _SomeSeries | _SomeHeld | _SomeCensuses
_STRUCTS = (*get_args(_Piece), _OneSource, _OneStream, _OneSeries, _OneCensus)
_packer = msgspec.msgpack.Encoder()
_unpacker: msgspec.msgpack.Decoder[_Piece] = msgspec.msgpack.Decoder(_Piece)
_json: msgspec.json.Decoder[_Piece] = msgspec.json.Decoder(_Piece)


def fingerprint(settings: EngineSettings, measures: Mapping[str, Measure], *more: str) -> str:
    """Identify everything that gives saved state its meaning: under another one it is not used.

    Args:
        settings: how the engine decides.
        measures: declared measures.
        more: what else the caller's state depends on (release, partition counts).
    """
    streams: list[Family | Open | ReturnStream] = [*FAMILIES.values(), *OPEN_STREAMS.values()]
    streams += RTT_STREAMS.values()
    streams += map(measure_stream, measures.values())
    meaning = (
        FORMAT,
        [(piece.__name__, piece.__struct_fields__) for piece in _STRUCTS],
        (PLAIN, Held.__struct_fields__),
        sorted((one.name, one.definition) for one in streams),
        sorted((name, repr(measure)) for name, measure in measures.items()),
        sorted((name, repr(value)) for name, value in asdict(settings).items()),
        more,
    )
    return blake2b(msgspec.json.encode(meaning), digest_size=16).hexdigest()


class _Lent(NamedTuple):
    shown: bool
    panes: dict[int, Pane]
    quarters: dict[int, Pane]
    as_at_ms: dict[int, int]
    restated_ms: dict[int, int]
    opened_ms: int
    states: dict[tuple[str, str], States]


class View:
    """A partition at one offset, to be read once, in turns, while the partition moves on.

    Taking it copies nothing large. What is about to change is handed over first (`keep_episode`,
    `keep_series`), so that what has not been kept is as it was.

    Attributes:
        next_offset: the offset: of the record to read next.
        closed_through: the last day that had closed.
    """

    def __init__(self, partition: Partition) -> None:
        self.next_offset = partition.next_offset
        self.closed_through = partition.closed_through
        self._shown = partition.series
        self._made = list(partition._numbered)
        self._written = 0
        self._lent: dict[Series, _Lent] = {}
        self._held = partition.held
        # These lists are only ever added to; every identity is in that of the day on which it closes.
        self._closing = [(day, some, len(some)) for day, some in partition._closing.items()]
        self._before: dict[str, bytes | None] = {}
        self._censuses = [
            (key, partition._made[key.series].number, closes, partition.censuses[key])
            for closes, keys in partition._closing_censuses.items()
            for key in keys
        ]
        self._clocks = _encoded(_clocks_of(partition))
        partition.tell(self)

    def keep_episode(self, identity: str, old: bytes | None) -> None:
        """Keep what is held of an identity, which is about to change."""
        self._before.setdefault(identity, old)

    def keep_series(self, series: Series) -> None:
        """Keep the panes of a series, which is about to change."""
        if series not in self._lent and self._written <= series.number < len(self._made):
            panes, quarters = series.lend()
            self._lent[series] = _Lent(
                series.key in self._shown,
                panes,
                quarters,
                dict(series.as_at_ms),
                dict(series.restated_ms),
                series.opened_ms,
                dict(series.states),
            )

    def slices(self) -> Iterator[bytes]:
        """Give the pieces, none of which takes longer than a few milliseconds to make."""
        yield self._clocks
        yield from self._series_slices()
        for some in _batches(self._censuses, CENSUSES_A_SLICE):
            yield _encoded(_SomeCensuses([_census(*one) for one in some]))
        for some_held in self._held_slices():
            yield _encoded(some_held)

    def _series_slices(self) -> Iterator[bytes]:
        some, size = [], 0
        for one in self._made:
            self._written += 1
            was = self._lent.pop(one, None)
            if was is None:  # it is as it was, and encoded before anybody has the next turn
                one.spread()
                was = _Lent(
                    one.key in self._shown,
                    one.panes,
                    one.quarters,
                    one.as_at_ms,
                    one.restated_ms,
                    one.opened_ms,
                    one.states,
                )
            days, hours = _flat(was.panes), _flat(was.quarters)
            some.append(
                _OneSeries(
                    one.key,
                    one.explicit,
                    was.shown,
                    days,
                    hours,
                    was.as_at_ms,
                    was.restated_ms,
                    was.opened_ms,
                    [(*kind, _listed(states)) for kind, states in was.states.items()],
                )
            )
            size += sum(len(tallies) for _, tallies in (*days, *hours))
            if size >= TALLIES_A_SLICE:
                yield _encoded(_SomeSeries(some))
                some, size = [], 0
        if some:
            yield _encoded(_SomeSeries(some))

    def _held_slices(self) -> Iterator[_SomeHeld]:
        """Give what was held; an episode that left a day and came back to it is in two of them."""
        held, before = self._held, self._before
        for day, identities, length in self._closing:
            start = 0
            while start < length:
                some = _SomeHeld(day, [], [], [])
                left = HELD_BYTES_A_SLICE
                for identity in identities[start : min(start + HELD_A_SLICE, length)]:
                    start += 1
                    packed = before[identity] if identity in before else held.get(identity)
                    if packed is not None and (one := unpack(packed)).closes == day:
                        if one.quarter == OPEN and one.facts:
                            some.open.append(len(some.identities))
                        some.identities.append(identity)
                        some.packed.append(packed)
                        left -= len(packed)
                        if left <= 0:  # a return has many cells, an episode one
                            break
                if some.identities:
                    yield some


def _census(key: CensusKey, series: int, closes: int, states: States) -> _OneCensus:
    return _OneCensus(key.source, series, key.group, key.day, closes, _listed(states))


def _listed(states: States) -> _States:
    return [(as_at, *state) for as_at, state in states.items()]


def _by_moment(listed: _States) -> States:
    return {as_at: (version, facts) for as_at, version, facts in listed}


def _clocks_of(partition: Partition) -> _Clocks:
    return _Clocks(
        len(partition.held),
        len(partition._made),
        len(partition.censuses),
        {name: getattr(partition, name) for name in PLAIN},
        partition._forgotten,
        [(*of, day) for of, day in partition._latest.items()],
        [
            _OneSource(
                name,
                one.misrouted,
                one.official,
                one.last_append_ms,
                one.series,
                [
                    _OneStream(*of, state.last_append_ms, state.newest, state.orgs)
                    for of, state in one.streams.items()
                ],
            )
            for name, one in partition.sources.items()
        ],
        partition.cells,
    )


def restored(pieces: Iterable[bytes]) -> Partition:
    """Build the partition whose pieces these are; see `Restoring`."""
    restoring = Restoring()
    for piece in pieces:
        restoring.take(piece)
    return restoring.done()


class Restoring:
    """Builds a partition from its pieces, one at a time, in the order in which they were made.

    Closed days are then to be given back from their topic (`Engine.restore`).
    """

    def __init__(self) -> None:
        self._partition = Partition()
        self._clocks: _Clocks | None = None
        self._shared: dict[Cell, Cell] = {}

    def take(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            msgspec.MsgspecError, LookupError: it is not one.
        """
        match _decoded(piece):
            case _SomeHeld() as part:
                self._hold(part)
            case _SomeSeries(some):
                for one in some:
                    self._take_series(one)
            case _SomeCensuses(some):
                for state in some:
                    self._take_census(state)
            case _Clocks() as clocks:
                self._clocks = clocks
                for cell in clocks.cells:
                    self._partition.number_of(self._shared.setdefault(cell, cell))

    def done(self) -> Partition:
        """Give the partition.

        Raises:
            ValueError: a piece is missing.
        """
        partition, clocks = self._partition, self._clocks
        found = (len(partition.held), len(partition._numbered), len(partition.censuses))
        if clocks is None or found != (clocks.held, clocks.series, clocks.censuses):
            raise ValueError("a piece is missing")
        for name in PLAIN:
            setattr(partition, name, clocks.plain[name])
        partition._forgotten = clocks.forgotten
        partition._latest = {(stream, basis): day for stream, basis, day in clocks.latest}
        for saved in clocks.sources:
            source = SourceState(misrouted=saved.misrouted, official=saved.official)
            source.last_append_ms, source.series = saved.last_append_ms, saved.series
            partition.add_source(saved.name, source)
            for one in saved.streams:
                state = source.streams[one.stream, one.basis] = StreamState()
                state.last_append_ms, state.newest, state.orgs = one.last_append_ms, one.newest, one.orgs
        partition.dirty.update(partition.organisations)
        partition.dirty_closed.update(partition.organisations)
        return partition

    def _take_series(self, one: _OneSeries) -> None:
        key = one.key
        series = self._partition.make_series(key, explicit=one.explicit)
        series.panes, series.quarters = self._panes(one.panes), self._panes(one.quarters)
        for day, append_ms in one.as_at_ms.items():
            series.touch(day, append_ms)
        series.restated_ms, series.opened_ms = one.restated_ms, one.opened_ms
        series.states = {(source, group): _by_moment(listed) for source, group, listed in one.states}
        if one.shown:
            self._partition.series[key] = self._partition.organisations[key.org][key] = series
            if one.explicit:
                self._partition._reporting[key.stream, key.basis].add(key.org)

    def _panes(self, panes: _Panes) -> dict[int, Pane]:
        shared = self._shared.setdefault
        return {
            at: {shared(cell, cell): Tally.of(facts, buckets) for cell, facts, buckets in pane}
            for at, pane in panes
        }

    def _take_census(self, one: _OneCensus) -> None:
        key = CensusKey(one.source, self._partition._numbered[one.series].key, one.group, one.day)
        self._partition.censuses[key] = _by_moment(one.states)
        self._partition._closing_censuses[one.closes].append(key)

    def _hold(self, part: _SomeHeld) -> None:
        self._partition.held.update(zip(part.identities, part.packed, strict=True))
        self._partition._closing[part.closes] += part.identities
        for number in part.open:
            self._partition.reopen(part.identities[number], unpack(part.packed[number]))


def _flat(panes: dict[int, Pane]) -> _Panes:
    return [
        (at, [(cell, tally.facts, tally.histograms) for cell, tally in pane.items()])
        for at, pane in panes.items()
    ]


def _batches(some: list[Any], size: int) -> Iterator[list[Any]]:
    return (some[start : start + size] for start in range(0, len(some), size))


def _encoded(piece: msgspec.Struct) -> bytes:
    try:
        return _packer.encode(piece)
    except OverflowError:  # millionths of a large sum of money do not fit the 64 bits of MessagePack
        return msgspec.json.encode(piece)


def _decoded(piece: bytes) -> _Piece:
    if piece.startswith(b"["):  # an array in JSON, and never one in MessagePack
        return _json.decode(piece)
    return _unpacker.decode(piece)
