"""The engine and the board as the service runs them, asked the same questions as the oracles."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from functools import cache
from typing import Any

from properties.definitions import KNOWN
from properties.vocabulary import Ask, Board, Declared, Entry, Figure, Key, Rules

from schemas.envelope import family_of
from schemas.fast import decode, event_type
from schemas.outputs import ClosedThrough, Position, Total, decode_total, encode_total, total_key
from streams import assessment
from streams.assessment.rows import WITHHELD_WINDOWS
from streams.assessment.suppression import Rule
from streams.catalogue import Catalogue
from streams.catalogue.declared import LEVELS
from streams.catalogue.inequality import CLOSED_KINDS
from streams.commands.replay import FileRecord
from streams.engine import Engine, EngineSettings, Outputs
from streams.engine.calendar import day_number
from streams.engine.families import FAMILIES
from streams.engine.families.returns import reduce_measure, reduce_rtt
from streams.engine.families.strata import stratum
from streams.engine.saved import View, restored
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

EXACT = Rule(smallest=1)
"""Nothing is hidden: tests/properties/test_disclosure.py hides."""
TOPICS = {0: ("oversight.events", 0), 1: ("oversight.events", 1), 2: ("oversight.returns", 0)}
RETURNS = 2


@cache
def catalogue() -> Catalogue:
    """Give the shipped declarations, read once."""
    return Catalogue.shipped()


@cache
def register() -> Register:
    """Give the shipped register, read once."""
    return Register.shipped()


def settings_for(horizon_days: int) -> EngineSettings:
    """Give engine settings of another horizon, by which every record takes the way of whole batches."""
    return replace(EngineSettings(), horizon_days=horizon_days, worth_together=1)


def rules_of(settings: EngineSettings) -> Rules:
    """Give what the oracles must know of the settings."""
    return Rules(settings.horizon_days, settings.open_days, settings.planned_days, settings.skew_seconds)


@cache
def declared() -> tuple[Declared, ...]:
    """Give what the oracles define, with its streams and the windows that both declare; now has its own."""
    found = []
    for stream, each in catalogue().by_stream().items():
        spec = catalogue().stream(stream)
        for indicator, _ in each:
            gap = indicator.gap
            if (gap.of if gap else indicator.id) not in KNOWN or indicator.levels != LEVELS:
                continue
            windows = tuple(
                window for window in spec.windows if window in indicator.windows and window != "now"
            )
            if gap is None:
                found.append(Declared(indicator.id, stream, windows, indicator.strata))
            elif indicator.kind not in CLOSED_KINDS:  # tests/assessment/test_inequality.py has those
                ends, relative = (gap.groups[0], gap.groups[-1]), indicator.kind == "relative_gap"
                found.append(Declared(indicator.id, stream, windows, (), gap.of, ends, relative))
    return tuple(found)


TopicPartition = tuple[str, int]


class Service:
    """An engine fed from a log, one board that lives as long as the served, and the topic of day totals.

    Args:
        settings: the engine's.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.totals: dict[TopicPartition, dict[bytes, bytes]] = {at: {} for at in TOPICS.values()}
        self.read: list[Entry] = []
        self.refused: list[str] = []
        self.late: list[int] = []
        self.clashes = 0
        self._saved: tuple[int, dict[TopicPartition, list[bytes]]] | None = None
        self._begin()

    def _begin(self) -> None:
        self.engine = Engine(catalogue().measures, self.settings)
        self.board = assessment.Board(catalogue(), register(), rule=EXACT)
        self.snapshotter = Snapshotter(self.engine, [day_number(day) for day in register().change_days()])

    @property
    def offset(self) -> int:
        """Give how many records have been taken; all partitions number theirs together here."""
        return len(self.read)

    def feed(self, entries: Sequence[Entry]) -> None:
        """Take records, each in its partition; on the others the clock goes on all the same."""
        for entry in entries:
            for at in self.engine.partitions:
                self.write(at, self.engine.advance(at, entry.append_ms))
            out = self._process(TOPICS[entry.partition], [_record(self.offset, entry)])
            self.refused += [one.reason for one in out.refused]
            self.late += [one.offset for one in out.late]
            self.clashes += out.counts["clash"]
            self.read.append(entry)

    def _process(self, at: TopicPartition, records: list[FileRecord]) -> Outputs:
        out = self.engine.process(at, records)
        self.write(at, out.totals)
        return out

    def write(self, at: TopicPartition, totals: Sequence[Total]) -> None:
        """Put totals on their compacted topic: the last record of a key stands, a tombstone removes it."""
        for total in totals:
            key, value = total_key(total), encode_total(total)
            if value is None:
                self.totals[at].pop(key, None)
            else:
                self.totals[at][key] = value

    def restart(self, now_ms: int) -> None:
        """Lose everything in memory; take back what closed, then read the log that retention has left.

        Of events Kafka has 60 days, of returns all that is in these tests. A partition goes on from its saved
        state, if there is one and no other days have closed since.
        """
        self._begin()
        start_ms = self.engine.start_ms(now_ms)
        since, saved = self._saved or (0, {})
        for number, at in TOPICS.items():
            totals = [decode_total(one) for one in self.totals[at].values()]
            through = max(
                (day_number(one.day) for one in totals if isinstance(one, ClosedThrough)), default=0
            )
            state = restored(saved[at]) if at in saved else None
            if state is not None and state.closed_through != through:
                state = None
            if state is not None:
                self.engine.partitions[at] = state
            if number != RETURNS:
                self.engine.restore(at, totals, start_ms if state is None else None)
            kept = [
                _record(offset, entry)
                for offset, entry in enumerate(self.read)
                if entry.partition == number
                and (offset >= since if state else number == RETURNS or entry.append_ms >= start_ms)
            ]
            self._process(at, kept)

    def save(self) -> None:
        """Save the state of every partition, as the snapshot cache does."""
        partitions = self.engine.partitions.items()
        self._saved = self.offset, {at: list(View(one).slices()) for at, one in partitions}

    def look(self, now_ms: int) -> list[assessment.Row]:
        """Give the board's rows at a moment, after snapshots of every organisation."""
        for at, partition in self.engine.partitions.items():
            position = Position(at[0], "topic", at[1], self.offset, now_ms)
            for snapshot in self.snapshotter.current(at, list(partition.organisations), position):
                self.board.apply(snapshot)
        return list(self.board.rows())

    def look_back(self, now_ms: int) -> list[assessment.Row]:
        """Give the rows of every tumbling period that has ended."""
        board = assessment.Board(catalogue(), register(), rule=EXACT)
        for at in self.engine.partitions:
            for snapshot in self.snapshotter.finals(at, Position(at[0], "topic", at[1], self.offset, now_ms)):
                board.apply(snapshot)
        closed = {one.id for one in catalogue().indicators.values() if one.kind in CLOSED_KINDS}
        return [row for row in board.all_periods() if row.indicator not in closed]


def rank(event: dict[str, Any]) -> tuple[Any, ...]:
    """Give what the engine compares two contents of one version by: facts in their declared order.

    The one thing an oracle must be told: which content is the greater is a rule, not a calculation.
    """
    read = decode(json.dumps(event).encode())
    data = read.data
    family = FAMILIES.get(family_of(event_type(read)))
    if family is None:
        reduced = reduce_measure(data) if hasattr(data, "measure") else reduce_rtt(data)
        return ("return", (), 0, () if data.retracted else reduced)
    instant, facts = family.reduce(data)
    facts = None if data.retracted else facts
    if family.kind == "state":
        return (family.name, (), 0, facts or ())
    whose = (data.org, data.site or "", "synthetic" if read.synthetic else "operational")
    cell = stratum(data) if family.dimensions else ()
    quarter = -1 if instant is None else instant // 900
    return (family.name, whose, quarter, () if facts is None else ((cell, facts),))


def _record(offset: int, entry: Entry) -> FileRecord:
    return FileRecord(offset, entry.append_ms, json.dumps(entry.event).encode())


def boards(
    log: Sequence[Entry],
    asks: Sequence[Ask],
    settings: EngineSettings,
    restarts: Collection[int] = (),
    saves: Collection[int] = (),
) -> tuple[list[Board], Service]:
    """Give the figures of every ask, as the service shows them, and the service.

    Args:
        log: the records.
        asks: when to look.
        settings: the engine's.
        restarts: after how many records the service is stopped and started anew.
        saves: after how many its state is saved; a restart then goes on from the last one.
    """
    service = Service(settings)
    found = []
    for ask in asks:
        for after in range(service.offset + 1, ask.after + 1):
            service.feed(log[after - 1 : after])
            if after in saves:
                service.save()
            if after in restarts:
                service.restart(log[after - 1].append_ms)
        found.append(as_board(service.look(ask.now_ms)))
    return found, service


def as_board(rows: Sequence[assessment.Row]) -> Board:
    """Give rows of the indicators that the oracles define as figures; each key stands once."""
    names = {one.indicator for one in declared()}
    found: Board = {}
    for row in rows:
        if row.indicator not in names or row.window == "now":
            continue
        ((dimension, value),) = row.strata.items() or (("", ""),)
        key = Key(
            row.indicator,
            row.level,
            row.org,
            row.window,
            _bound(row.period_start),
            _bound(row.period_end),
            dimension,
            value,
            row.basis,
        )
        assert key not in found
        found[key] = Figure(row.numerator, row.denominator, row.value)  # type: ignore[arg-type]
    return found


def _bound(bound: Any) -> str:
    return str(int(bound.timestamp())) if isinstance(bound, datetime) else str(bound)


def shown(expected: Board) -> Board:
    """Give figures as rows show them: binary fractions, and no value of a short window with few in it."""
    minimum = {one.id: one.minimum_denominator for one in catalogue().indicators.values()}
    found: Board = {}
    for key, (numerator, denominator, value) in expected.items():
        few = denominator is not None and denominator < minimum[key.indicator]
        withheld = few and key.window in WITHHELD_WINDOWS and key.basis != "official"
        figure = (numerator, denominator, None if withheld else value)
        found[key] = Figure(*(None if one is None else _rounded(one) for one in figure))  # type: ignore[arg-type]
    return found


def _rounded(one: Fraction) -> float:
    return one.numerator if one.denominator == 1 else float(one)


def difference(expected: Board, actual: Board) -> dict[Key, tuple[Figure | None, Figure | None]]:
    """Give the keys on which two boards differ, with both figures; a last binary digit may."""
    return {
        key: (expected.get(key), actual.get(key))
        for key in sorted(expected.keys() | actual.keys())
        if not _alike(expected.get(key), actual.get(key))
    }


def _alike(one: Figure | None, other: Figure | None) -> bool:
    if one is None or other is None:
        return one == other
    return all(
        mine == theirs
        or (
            mine is not None
            and theirs is not None
            and math.isclose(mine, theirs, rel_tol=1e-12, abs_tol=1e-12)
        )
        for mine, theirs in zip(one, other, strict=True)
    )
