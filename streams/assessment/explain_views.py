"""What was held and shown at some moments of a log: the two pictures that an explanation compares.

The engine forgets records whose day has closed; a witness keeps a note of each, so that a change can be
told record by record for as long as the log reaches. It decides nothing: the engine does, as it did live.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.outputs import OrganisationSnapshot, Position, Total
from streams.assessment.board import Board
from streams.assessment.suppression import Rule
from streams.catalogue import Catalogue
from streams.engine import Engine, LogRecord, Outputs
from streams.engine.calendar import SECONDS_A_QUARTER, local_day
from streams.engine.core import TopicPartition
from streams.engine.families import Cell, Facts
from streams.engine.held import unpack
from streams.engine.panes import SeriesKey
from streams.engine.partition import Partition
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

OPEN = -1
"""Quarter of an hour of an episode that has no attribution instant yet."""


class Entry(NamedTuple):
    """One record as it was held: where it counts, when (quarter of an hour since 1970), and with what."""

    series: SeriesKey
    quarter: int
    contributions: tuple[tuple[Cell, Facts], ...]


@dataclass
class View:
    """What was shown at a moment, and the records behind it by an identity that never leaves this process."""

    moment_ms: int
    snapshots: list[OrganisationSnapshot] = field(default_factory=list)
    entries: dict[Hashable, Entry] = field(default_factory=dict)
    _board: Board | None = None

    def board(self, catalogue: Catalogue, register: Register, rule: Rule) -> Board:
        """Give the board that these snapshots make."""
        if self._board is None:
            self._board = Board(catalogue, register, rule=rule)
            for snapshot in self.snapshots:
                self._board.apply(snapshot)
            self._board.refresh()
        return self._board


@dataclass
class _Reading:
    """How far one partition was read."""

    append_ms: int = 0
    day: int = 0
    noted: int = 0
    closed: dict[Hashable, Entry] = field(default_factory=dict)


class Witness:
    """Feeds an engine and notes what it holds and shows at moments.

    Args:
        engine: a new engine, with the settings of the service whose figures are explained.
        boundaries: day numbers on which memberships change.
        moments_ms: in order; each is noted as if the service ticked at it, having read what was appended
            by it.
        streams: whose records are noted; snapshots are of every stream.
    """

    def __init__(
        self, engine: Engine, boundaries: Sequence[int], moments_ms: Sequence[int], streams: Collection[str]
    ) -> None:
        self._engine = engine
        self._snapshotter = Snapshotter(engine, boundaries)
        self._streams = frozenset(streams)
        self._readings: dict[TopicPartition, _Reading] = {}
        self.views = [View(moment) for moment in moments_ms]

    def restore(self, at: TopicPartition, totals: Iterable[Total], log_from_ms: int) -> None:
        """Take the days that closed before the log begins; none of their records is known."""
        self._engine.restore(at, totals, log_from_ms)

    def feed(
        self, at: TopicPartition, records: Sequence[LogRecord], accepts: frozenset[str] | None = None
    ) -> Outputs:
        """Take a batch of one partition, in log order; what was appended after the last moment is left."""
        reading = self._readings.setdefault(at, _Reading())
        out = Outputs()
        for batch in self._stretches(at, reading, records):
            found = self._engine.process(at, batch, accepts=accepts)
            out.refused += found.refused
            out.late += found.late
            out.counts.update(found.counts)
            out.misrouted += found.misrouted
        return out

    def finish(self) -> list[View]:
        """Note the moments that no record has passed, and give all of them."""
        for at, reading in self._readings.items():
            while reading.noted < len(self.views):
                self._note(at, reading)
        return self.views

    def _stretches(
        self, at: TopicPartition, reading: _Reading, records: Sequence[LogRecord]
    ) -> Iterator[Sequence[LogRecord]]:
        """Cut a batch where a moment or a civil day begins; what closes there is noted before it goes."""
        start = 0
        for index, record in enumerate(records):
            append_ms = max(record.timestamp, reading.append_ms)
            if append_ms == reading.append_ms:
                continue
            passed = reading.noted < len(self.views) and append_ms > self.views[reading.noted].moment_ms
            day = local_day(append_ms // 1000)
            if passed or day != reading.day:
                if start < index:
                    yield records[start:index]
                    start = index
                while reading.noted < len(self.views) and append_ms > self.views[reading.noted].moment_ms:
                    self._note(at, reading)
                if reading.noted == len(self.views):
                    return
                self._note_closing(at, reading, day)
            reading.append_ms, reading.day = append_ms, day
        if start < len(records) and reading.noted < len(self.views):
            yield records[start:]

    def _note(self, at: TopicPartition, reading: _Reading) -> None:
        view = self.views[reading.noted]
        reading.noted += 1
        partition = self._engine.partitions.get(at)
        if partition is None:
            return
        position = Position(at[0], "", at[1], partition.next_offset, view.moment_ms)
        view.snapshots += self._snapshotter.current(at, list(partition.organisations), position)
        entries: dict[Hashable, Entry] = {(at, key): entry for key, entry in self._held(partition)}
        for key, entry in reading.closed.items():
            # A version that came when its day had long closed withdraws the identity, not what it had added.
            if not entries.get((at, key), _NOTHING).contributions:
                entries[at, key] = entry
        view.entries |= entries

    def _note_closing(self, at: TopicPartition, reading: _Reading, day: int) -> None:
        """Keep a note of what the engine lets go when its append clock reaches `day`."""
        partition = self._engine.partitions.get(at)
        if partition is None:
            return
        last = day - self._engine.settings.horizon_days
        closing = {key for key, packed in partition.held.items() if unpack(packed).closes < day}
        closing_censuses = {key for key in partition.censuses if key.day < last}
        if closing or closing_censuses:
            for key, entry in self._held(partition):
                if (key in closing or key in closing_censuses) and entry.contributions:
                    reading.closed[key] = entry

    def _held(self, partition: Partition) -> Iterator[tuple[Hashable, Entry]]:
        for identity, packed in partition.held.items():
            held = unpack(packed)
            series = partition.series_of(held)
            if series.key.stream in self._streams:
                yield identity, Entry(series.key, held.quarter, partition.contributions(held))
        for key, states in partition.censuses.items():
            if key.series.stream in self._streams:
                as_at = max((one for one in states if states[one][1]), default=None)
                if as_at is None:
                    yield key, Entry(key.series, max(states) // SECONDS_A_QUARTER, ())
                else:
                    facts = states[as_at][1] or ()
                    yield key, Entry(key.series, as_at // SECONDS_A_QUARTER, (((), facts),))


_NOTHING = Entry(SeriesKey("", "", "", ""), OPEN, ())

Entries = Mapping[Hashable, Entry]
