"""The upkeep of the board and of its text: whatever the assessment works out, in turns.

    record ─► take ─► waits ─► feed: board ─► work_out: rows of changed slots ─► their text ─► shown

Nothing here knows who owns the assessment. Each step is short: a record, a slot's rows, its text.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date

import msgspec
import structlog

from schemas.outputs import decode_position, decode_snapshot
from streams.assessment import Board
from streams.assessment.completeness import PartitionId
from streams.assessment.finals import Finals
from streams.exposition.body import Chunk
from streams.exposition.renderer import SOURCES, Renderer, source_lines, sources_text
from streams.pipeline.collector import collect_young
from streams.pipeline.metrics import Metrics
from streams.turns import Turns, in_turns

log = structlog.get_logger(__name__)

_SLICE, _RENDERED = 5, 100
"""Slots recomputed before looking at the clock; one of England counts hundreds of sources."""
_MOST_SLOTS = 20_000
"""Slots after which the text follows all the same; else it waits for the last, so that levels agree."""
_CALM_SECONDS, _BURST_SECONDS = 0.01, 0.25
"""Without a record for so long a tick's are taken to be in; and how long they are waited for at most."""
_COUNT_SOURCES_SECONDS = 5.0
_Waiting = tuple[bytes | None, int]
"""A record's value, and when it was heard."""


class Upkeep:
    """Keeps a board, and the text that it comes to.

    Args:
        board: the board to feed.
        renderer: keeps the board's text.
        metrics: where to count.
        clock: wall time in seconds.
        finals: fed with the same records, if given.
    """

    def __init__(
        self,
        board: Board,
        renderer: Renderer,
        metrics: Metrics,
        clock: Callable[[], float],
        finals: Finals | None = None,
    ) -> None:
        self.board = board
        self._renderer = renderer
        self._metrics = metrics
        self._clock = clock
        self._finals = finals
        self._working, self._showing = asyncio.Lock(), asyncio.Lock()
        self._waiting: OrderedDict[bytes, list[_Waiting]] = OrderedDict()
        self._taken = self._worked_out = 0
        self._sources = Chunk(())
        self._sources_due = 0.0

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take a record as it comes on the topic `snapshots`; it waits for the next `feed`."""
        self._taken += 1
        self._waiting.setdefault(key, []).append((value, self._now_ms()))
        self._waiting.move_to_end(key)

    async def feed(self) -> None:
        """Give the board the records that wait now, in turns: of those of one key the newest.

        The topic is compacted, so nobody may count on an older one. Where more comes than there is time for,
        figures are worked out less often that way, and do not fall behind.
        """
        turns = Turns()
        for _ in range(len(self._waiting)):
            if not self._waiting:  # others may feed it too
                break
            _, waiting = self._waiting.popitem(last=False)
            for value, heard_ms in _last_of_each_term(waiting):
                self._give(value, heard_ms)
                await turns.give()

    def apply(self, value: bytes | None) -> None:
        """Give the board a record at once."""
        self._taken += 1
        self._give(value, self._now_ms())

    def _give(self, value: bytes | None, heard_ms: int) -> None:
        if not value:
            return
        try:
            snapshot = decode_snapshot(value)
        except msgspec.MsgspecError as error:
            self._metrics.snapshots_ignored.inc()
            log.warning("a record of the snapshots topic cannot be read and is ignored", error=str(error))
            return
        self.board.apply(snapshot, heard_ms)
        if self._finals is not None:
            self._finals.apply(snapshot, heard_ms)
        collect_young()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def observe(self, absent_seconds: float, partitions: Iterable[PartitionId]) -> None:
        """Mark what nobody computes any more, and whose sources are silent; count the sources anew.

        Args:
            absent_seconds: how long a partition may go unheard.
            partitions: those that ought to be heard.
        """
        now_ms = self._now_ms()
        await in_turns(self.board.observing(now_ms, int(absent_seconds * 1000), partitions))
        for (topic, partition), age_ms in self.board.age_ms(now_ms).items():
            self._metrics.partition_age.labels(topic, str(partition)).set(age_ms / 1000)
        await in_turns(self._tell_of_sources())
        if self._clock() >= self._sources_due:
            self._sources_due = self._clock() + _COUNT_SOURCES_SECONDS
            turns = Turns()
            lines: list[str] = []
            for one in self.board.source_counts():
                lines += source_lines(*one)
                await turns.give()
            text = sources_text(lines)
            if text.encode() != self._sources.plain:
                self._sources = Chunk([text])

    def _tell_of_sources(self) -> Iterator[None]:
        """Tell when each publisher was last heard and whether it is where it belongs, one at a step."""
        for (topic, _), beat in list(self.board.sources.items()):  # others may come in between
            for source in beat.sources:
                seen = self._metrics.source_seen.labels(source.source, topic)
                seen.set(source.last_append_ms / 1000)
                self._metrics.source_misrouted.labels(source.source).set(int(source.misrouted))
                yield
        self._metrics.sources_split.set(len(self.board.sources_on_two_partitions()))

    async def until_calm(self) -> None:
        """Let a tick's records in before working out what they come to, if that does not take long.

        Each one changes the sums above it: worked out in between, England's rows would be made again and
        again.
        """
        ends_at = time.monotonic() + _BURST_SECONDS
        while self._taken != self._worked_out and time.monotonic() < ends_at:
            self._worked_out = self._taken
            await asyncio.sleep(_CALM_SECONDS)

    async def work_out(self) -> int:
        """Feed the board, and work out the rows that changed and then their text.

        Returns:
            How many slots are still to do; 0 unless there were very many.
        """
        async with self._working:
            await self.feed()
            turns = Turns()
            left = 0
            for _ in range(0, _MOST_SLOTS, _SLICE):
                left = self.board.refresh(most=_SLICE)
                if not left:
                    break
                collect_young()
                await turns.give()
            rendered = []
            board = self.board
            changed, aged = board.take_changed(), board.take_aged()
            for number, one in enumerate(self._renderer.render(changed, board.slots(), aged)):
                rendered.append(one)
                if number % _RENDERED == 0:
                    collect_young()
                await turns.give()
            async with self._showing:
                await in_turns(self._renderer.show(rendered))
        return left

    async def chunks(self, today: date, names: Collection[str] = ()) -> list[Chunk]:
        """Give the indicators and the counts of sources as text.

        What is just being shown is waited for, so that all levels are of one moment.

        Args:
            today: as the renderer wants it.
            names: of the families that are wanted; all of them when there are none.
        """
        found: list[Chunk] = []
        async with self._showing:
            turns = Turns(begun=True)  # whoever shows waits: only a long body is worth a turn
            for one in self._renderer.chunks(today, names):
                found.append(one)
                await turns.give()
        return [*found, self._sources] if not names or SOURCES in names else found


def _last_of_each_term(waiting: Sequence[_Waiting]) -> Sequence[_Waiting]:
    """Give of the records of one key that a worker wrote while it had the partition the last.

    What another one writes that has lost it may come later: then the board tells which is newer.
    """
    if len(waiting) == 1:
        return waiting
    terms = [_term(value) for value, _ in waiting]
    return [one for one, term, after in zip(waiting, terms, [*terms[1:], None], strict=True) if term != after]


def _term(value: bytes | None) -> object:
    """Give what the records of one worker's time with a partition have in common, if they can be read."""
    try:
        at = decode_position(value or b"")
    except msgspec.MsgspecError:
        return object()
    return at.topic_id, at.epoch
