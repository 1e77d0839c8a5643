"""The checkpoint, in one place and one order, under one deadline.

    0  membership confirmed, where there is reason to doubt it
    1  dead letters and late records, acknowledged
    2  totals of days that closed, acknowledged; then that the day is closed, acknowledged
    3  snapshots of changed organisations and a heartbeat a partition, all partitions together, acknowledged
    4  offsets committed

So the committed offset means: everything the records up to here produced has been acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from schemas.outputs import (
    ClosedThrough,
    Position,
    Snapshot,
    encode,
    encode_total,
    snapshot_key,
    total_key,
)
from streams.engine import Engine
from streams.engine.calendar import SECONDS_A_MINUTE, SECONDS_A_QUARTER
from streams.engine.now import moving
from streams.engine.partition import Partition
from streams.engine.snapshots import Snapshotter
from streams.errors import DeliveryError
from streams.pipeline.collector import collect_young
from streams.pipeline.holding import Assigned
from streams.pipeline.membership import Membership, NotAMemberError
from streams.pipeline.metrics import Metrics
from streams.pipeline.outputs import Output
from streams.pipeline.writer import Writer
from streams.settings import Settings

log = structlog.get_logger(__name__)

_SAID_AGAIN_SECONDS = 30.0
"""After which a problem that lasts is logged once more."""


@dataclass(frozen=True)
class _Taken:
    """What of one partition is published at a tick.

    Attributes:
        ours: the partition.
        state: its state, None while it has had no record.
        position: of what is published.
        orgs: organisations whose current windows are published.
        closed: those whose closed periods are.
    """

    ours: Assigned
    state: Partition | None
    position: Position
    orgs: set[str]
    closed: set[str]

    @property
    def at(self) -> tuple[str, int]:
        """Which partition it is."""
        return (self.position.topic, self.position.partition)

    @property
    def complete_since_ms(self) -> int:
        """The tick since which its state is complete."""
        return self.ours.complete_since_ms or self.position.tick_ms

    def give_back(self) -> None:
        """Mark everything as changed again: it was not acknowledged."""
        if self.state is not None:
            self.state.dirty |= self.orgs
            self.state.dirty_closed |= self.closed

    def published(self) -> None:
        """Note that everything was acknowledged."""
        now_ms = self.position.tick_ms
        self.ours.closed.published(self.closed, now_ms)
        self.ours.complete_since_ms = self.complete_since_ms
        self.ours.quarter, self.ours.minute = _quarter(now_ms), _minute(now_ms)


class Checkpoint:
    """Publishes and commits.

    Args:
        settings: how to run.
        engine: whose state.
        snapshotter: its view.
        membership: our place in the group.
        consumer: to commit.
        writer: to write.
        metrics: where to count.
        clock: wall time in seconds, for ticks.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        snapshotter: Snapshotter,
        *,
        membership: Membership,
        consumer: Any,
        writer: Writer,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._snapshotter = snapshotter
        self._membership = membership
        self._consumer = consumer
        self._writer = writer
        self._metrics = metrics
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._said_at = 0.0
        self.problem: str | None = None

    async def make(self, assigned: Mapping[TopicPartition, Assigned]) -> bool:
        """Publish and commit.

        Args:
            assigned: our partitions; what is written is taken from their pending outputs.

        Returns:
            Whether the broker took everything inside the deadline. If not, nothing is lost: call again.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.deadline_seconds), self._one_at_a_time:
                await self._membership.confirm(self._consumer, assigned)
                # Reading goes on while a revocation checkpoints: what is read from here on is not in it.
                # And what is revoked meanwhile is not committed any more.
                mine = dict(assigned)
                reached = {one: ours.position for one, ours in mine.items() if not ours.rebuilding}
                await self._publish_rejected(mine)
                await self._publish_totals(mine)
                await self._publish_snapshots(mine)
                await self._commit(mine, {one: at for one, at in reached.items() if one in assigned})
        except NotAMemberError as error:
            self._failed(f"not a member of the group, nothing is published until it assigns again: {error}")
            return False
        except DeliveryError as error:
            self._failed(str(error))
            return False
        except (KafkaError, TimeoutError, OSError) as error:
            missing = await self._writer.missing()
            self._failed(missing or f"the broker did not take it: {str(error) or type(error).__name__}")
            return False
        self.problem = None
        self._metrics.checkpoint.set(self._clock())
        self._metrics.tick.observe(time.monotonic() - started)
        return True

    def _failed(self, problem: str) -> None:
        self._metrics.failed_checkpoints.inc()
        now = time.monotonic()
        if problem != self.problem or now - self._said_at > _SAID_AGAIN_SECONDS:
            self._said_at = now
            log.warning(
                "a checkpoint failed; reading waits until one succeeds, and nothing is lost",
                problem=problem,
                deadline_seconds=self._settings.deadline_seconds,
            )
        self.problem = problem

    async def _publish_rejected(self, assigned: Mapping[TopicPartition, Assigned]) -> None:
        for ours in assigned.values():
            pending = list(ours.outputs)
            await self._writer.write(pending)
            del ours.outputs[: len(pending)]

    async def _publish_totals(self, assigned: Mapping[TopicPartition, Assigned]) -> None:
        """Write what closed, to the partition of the same number.

        A `ClosedThrough` says that everything before it is there, so it waits for that and goes alone.
        """
        topic = self._settings.topic("day-totals")
        for partition, ours in assigned.items():
            while ours.totals:
                closed = (i for i, one in enumerate(ours.totals) if isinstance(one, ClosedThrough))
                some = ours.totals[: next(closed, len(ours.totals)) or 1]
                await self._writer.write(
                    [
                        Output(topic, total_key(one), encode_total(one), partition=partition.partition)
                        for one in some
                    ]
                )
                del ours.totals[: len(some)]

    async def _publish_snapshots(self, assigned: Mapping[TopicPartition, Assigned]) -> None:
        """Write what all partitions have to tell at once: one by one each would wait for the last."""
        now_ms = int(self._clock() * 1000)
        taken: list[_Taken] = []
        outputs: list[Output] = []
        try:
            for partition, ours in assigned.items():
                if not ours.rebuilding:
                    taken.append(self._take(partition, ours, now_ms))
                    outputs += await self._records(taken[-1])
            for one in taken:
                self._still_ours(one)
            await self._writer.write(outputs)
        except BaseException:
            for one in taken:
                one.give_back()
            raise
        for one in taken:
            one.published()

    def _take(self, partition: TopicPartition, ours: Assigned, now_ms: int) -> _Taken:
        """Take what of a partition changed; nothing is left to do."""
        state = self._engine.partitions.get((partition.topic, partition.partition))
        position = Position(
            topic=partition.topic,
            topic_id=ours.claim.identity,
            partition=partition.partition,
            next_offset=ours.position,
            tick_ms=now_ms,
            epoch=ours.claim.epoch,
        )
        first = ours.complete_since_ms == 0
        orgs: set[str] = set()
        if state is not None:
            whole = first or ours.quarter != _quarter(now_ms)
            orgs = set(state.organisations) if whole else set(state.dirty)
            if ours.minute != _minute(now_ms):
                orgs |= moving(state.series.values())
            state.dirty -= orgs
        return _Taken(ours, state, position, orgs, ours.closed.take(state, now_ms, whole=first))

    async def _records(self, taken: _Taken) -> list[Output]:
        """Give the records of a partition, its heartbeat as the last."""
        at, position = taken.at, taken.position
        outputs: list[Output] = []
        if taken.orgs:
            outputs += await self._in_turns(self._snapshotter.current(at, taken.orgs, position))
        if taken.closed:
            outputs += await self._in_turns(self._snapshotter.closed_periods(at, taken.closed, position))
        self._still_ours(taken)
        outputs.append(self._output(self._snapshotter.heartbeat(at, position, taken.complete_since_ms)))
        return outputs

    async def _in_turns(self, snapshots: Iterator[Snapshot]) -> list[Output]:
        """Give the records of organisations; worked out all at once they would hold the event loop long."""
        found = []
        for one in snapshots:
            found.append(self._output(one))
            collect_young()
            await asyncio.sleep(0)
        return found

    def _still_ours(self, taken: _Taken) -> None:
        if self._engine.partitions.get(taken.at) is not taken.state:
            raise NotAMemberError(f"{taken.at[0]}/{taken.at[1]} went to another worker meanwhile")

    def _output(self, snapshot: Snapshot) -> Output:
        return Output(self._settings.topic("snapshots"), snapshot_key(snapshot), encode(snapshot))

    async def _commit(
        self, assigned: Mapping[TopicPartition, Assigned], reached: Mapping[TopicPartition, int]
    ) -> None:
        offsets = {
            partition: OffsetAndMetadata(position, assigned[partition].claim.metadata)
            for partition, position in reached.items()
            if position >= assigned[partition].committed
        }
        if offsets:
            await self._membership.commit(self._consumer, offsets)
            for partition, offset in offsets.items():
                assigned[partition].committed = offset.offset


def _quarter(at_ms: int) -> int:
    """Give the quarter of an hour, counted from 1970: with each the windows of hours move on."""
    return at_ms // 1000 // SECONDS_A_QUARTER


def _minute(at_ms: int) -> int:
    """Give the minute, counted from 1970: with each those who wait now have waited longer."""
    return at_ms // 1000 // SECONDS_A_MINUTE
