"""The assessment on Kafka: a Faust agent feeds the board; its owner serves, any other worker stands by.

The snapshots topic has one partition, so the group gives it to one worker. A new owner first reads the
compacted topic to its end, works out every figure, and only then serves; the agent may hand it records
meanwhile, since the board keeps the newest of each. What a worker was the last to say stays on the board
when it is gone, and is marked. A worker that stood still for long serves nothing until its
ownership is confirmed.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from typing import Any

import mode
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.assessment import Board
from streams.assessment.finals import Finals
from streams.engine.calendar import civil_date, local_day
from streams.exposition.body import Chunk
from streams.exposition.renderer import Renderer
from streams.pipeline.membership import owners
from streams.pipeline.metrics import Metrics
from streams.pipeline.pulse import Pulse
from streams.pipeline.reading import read_to_end
from streams.pipeline.upkeep import Upkeep
from streams.settings import Settings
from streams.turns import Turns

log = structlog.get_logger(__name__)

_IDLE_SECONDS = 0.02
_ABSENT_TICKS, _ABSENT_SECONDS = 10, 10.0
"""A partition that is not heard for so many ticks, and so long at least, has no worker."""
_RETRY_SECONDS = 1.0


class Assessment(mode.Service):
    """Owns the board while this worker owns the snapshots topic.

    Args:
        settings: how to run.
        board: the board to feed.
        renderer: keeps the board's text.
        metrics: where to count.
        pulse: of this process.
        clock: wall time in seconds.
        finals: fed with the same records, if given.
    """

    abstract = False

    def __init__(
        self,
        settings: Settings,
        board: Board,
        renderer: Renderer,
        *,
        metrics: Metrics,
        pulse: Pulse,
        clock: Callable[[], float] = time.time,
        finals: Finals | None = None,
        **kwargs: Any,
    ) -> None:
        self._partition = TopicPartition(settings.topic("snapshots"), 0)
        self._settings = settings
        self._board = board
        self._upkeep = Upkeep(board, renderer, metrics, clock, finals)
        self._metrics = metrics
        self._clock = clock
        self._owned = False
        self._complete = False
        self._terms = 0
        self._next_offset: int | None = None
        self._partitions: frozenset[tuple[str, int]] = frozenset()
        self._pulse = pulse
        self._confirmed_at = pulse.pauses()
        self.group = f"{settings.group}-assessment"
        self.client = f"{settings.group}-{uuid.uuid4().hex}"
        metrics.serving.set_function(lambda: int(self.serving))
        super().__init__(**kwargs)

    @property
    def board(self) -> Board:
        """The board."""
        return self._board

    @property
    def serving(self) -> bool:
        """Whether this worker owns the assessment, for certain, and has read everything before it."""
        return self._owned and self._complete and not self._doubtful

    @property
    def owned(self) -> bool:
        """Whether the group gave the assessment to this worker."""
        return self._owned

    @property
    def term(self) -> int:
        """Counts how often the assessment came to this worker."""
        return self._terms

    @property
    def hears_all(self) -> bool:
        """Whether every partition has been heard, and lately."""
        return not self._board.absent

    @property
    def absent_seconds(self) -> float:
        """How long a partition may go unheard."""
        return max(_ABSENT_SECONDS, _ABSENT_TICKS * self._settings.tick_seconds)

    def expect(self, partitions: Mapping[str, int]) -> None:
        """Hear which partitions ought to be heard: input topic to their number."""
        self._partitions = frozenset(
            (topic, number) for topic, count in partitions.items() for number in range(count)
        )

    @property
    def _doubtful(self) -> bool:
        """Whether this process stood still so long that the group may have another owner."""
        return self._pulse.pauses() != self._confirmed_at

    async def consume(self, stream: Any) -> None:
        """Take snapshots as they come: the body of the Faust agent.

        Offsets that another owner has taken meanwhile would be missing from the board, and their heartbeats
        void what it has: after a gap everything is read again before it is served.
        """
        turns = Turns()
        async for event in stream.events():
            offset = event.message.offset
            if self._next_offset is not None and offset > self._next_offset and self._owned:
                log.warning(
                    "another worker has owned the assessment meanwhile: every snapshot is read again",
                    next_offset=self._next_offset,
                    offset=offset,
                )
                self._begin_term()
            self._next_offset = offset + 1
            self._upkeep.take(event.key, event.value)
            await turns.give()

    def _begin_term(self) -> None:
        self._complete = False
        self._terms += 1
        self.add_future(self._catch_up(self._terms))

    def assigned(self, partitions: set[Any]) -> None:
        """Hear which partitions the group gave to this worker's Faust app."""
        owned = any(one.topic == self._partition.topic for one in partitions)
        doubtful, self._confirmed_at = self._doubtful, self._pulse.pauses()
        if owned and (doubtful or not self._owned):
            self._begin_term()
        elif self._owned and not owned:
            for gauge in (
                self._metrics.partition_age,
                self._metrics.source_seen,
                self._metrics.source_misrouted,
            ):
                gauge.clear()  # another worker tells them now
        self._owned = owned

    async def _catch_up(self, term: int) -> None:
        """Read the compacted topic to its end, and work out what it comes to before anybody sees it."""
        while True:
            try:
                count = await self._read_all()
                break
            except (KafkaError, OSError) as error:
                problem = str(error) or type(error).__name__
                log.warning("the snapshots cannot be read now; trying again", error=problem)
                await self.sleep(_RETRY_SECONDS)
            if term != self._terms or not self._owned or self.should_stop:
                return
        await self._until_heard(term)
        await self._observe()
        while await self._upkeep.work_out() and not self.should_stop:
            pass
        if term != self._terms or not self._owned:  # it went to another worker and may have come back
            return
        self._complete = True
        log.info("the assessment has read every snapshot and serves", snapshots=count)

    async def _read_all(self) -> int:
        """Read the topic to its end; give how many records it had."""
        count = 0
        turns = Turns()
        reading = read_to_end(self._settings, [self._partition], wanted=lambda: not self.should_stop)
        async with aclosing(reading):
            async for record in reading:
                count += 1
                self._upkeep.apply(record.value)
                await turns.give()
        return count

    async def _until_heard(self, term: int) -> None:
        """Wait a moment for partitions that the topic says nothing of, lest a sum grows before one's eyes.

        A topic made anew is filled partition by partition. What is not heard in time is shown as absent.
        """
        ends_at = time.monotonic() + self.absent_seconds
        while self._partitions - self._board.sources.keys() and time.monotonic() < ends_at:
            if term != self._terms or not self._owned or self.should_stop:
                return
            await asyncio.sleep(_IDLE_SECONDS)

    async def _observe(self) -> None:
        await self._upkeep.observe(self.absent_seconds, self._partitions)

    @mode.Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            if self.serving:
                await self._observe()
            await self.sleep(self._settings.tick_seconds)

    @mode.Service.task
    async def _confirm(self) -> None:
        """After a pause ask the group who owns the assessment; if not we, it will assign again and say so."""
        while not self.should_stop:
            await self.sleep(_RETRY_SECONDS)
            pauses = self._pulse.pauses()
            if not self._owned or pauses == self._confirmed_at:
                continue
            log.warning("this process stood still: nothing is served until the group confirms its ownership")
            try:
                found = await owners(self._settings, self.group)
            except (KafkaError, TimeoutError, OSError):
                continue
            if found and found.get(self._partition) == self.client:
                self._confirmed_at = pauses

    @mode.Service.task
    async def _refresh(self) -> None:
        while not self.should_stop:
            await self._upkeep.until_calm()
            if not await self._upkeep.work_out():
                await asyncio.sleep(_IDLE_SECONDS)

    async def chunks(self, names: Collection[str] = ()) -> list[Chunk]:
        """Give the indicators as Prometheus text; nothing while another worker serves them.

        Args:
            names: of the families that are wanted; all of them when there are none.
        """
        found = await self._upkeep.chunks(civil_date(local_day(int(self._clock()))), names)
        return found if self.serving else []

    def doubts(self) -> list[str]:
        """Say which figures are old because nobody computes them, or whose sources are silent."""
        if not self.serving:
            return []
        found = []
        now_ms = int(self._clock() * 1000)
        if absent := sorted(self._board.absent):
            ages = self._board.age_ms(now_ms)
            longest = max(ages.get(one, 0) for one in absent) / 1000
            names = ", ".join(f"{topic}/{partition}" for topic, partition in absent[:3])
            found.append(
                f"{len(absent)} partitions have no worker, up to {longest:.0f} s: {names};"
                " their figures are the last ones"
            )
        troubled = list(self._board.completeness.troubled(now_ms))
        for words, feeds in (
            ("have been silent for three of their intervals", [one for one in troubled if one.heard]),
            ("were declared and never heard", [one for one in troubled if not one.heard]),
        ):
            if feeds:
                names = ", ".join(sorted(f"{one.source} ({one.stream})" for one in feeds)[:3])
                found.append(f"{len(feeds)} sources {words}: {names}")
        return found
