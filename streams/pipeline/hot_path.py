"""The hot path: whole batches from Kafka into the engine, and a checkpoint every tick.

    group gives partitions ─► taken over: claimed, state found ─► read, process ─► checkpoint ─► …
    group revokes ─► checkpoint, state kept aside ─► what comes back goes on, the rest is dropped

After an assignment nothing current is published before a partition's end at that moment, and dead letters
below the committed offset are not published again. While a checkpoint fails, reading waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import mode
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from schemas.outputs import ClosedThrough, Total
from streams.engine import Engine, Outputs
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter
from streams.pipeline.cache import Cache
from streams.pipeline.checkpoint import Checkpoint
from streams.pipeline.collector import collect_young
from streams.pipeline.holding import Assigned
from streams.pipeline.membership import Membership, NotAMemberError
from streams.pipeline.metrics import Metrics
from streams.pipeline.outputs import UNREADABLE_REASON, UnreadRecord, rejected, returned
from streams.pipeline.pulse import BEAT_SECONDS, Pulse
from streams.pipeline.saving import Saving
from streams.pipeline.takeover import Taken, Takeover
from streams.pipeline.topics import ACCEPTS
from streams.pipeline.totals import read_totals
from streams.pipeline.unreadable import UNREADABLE, Gap, pass_unreadable
from streams.pipeline.watch import LOOK_SECONDS, Watch
from streams.pipeline.writer import Writer
from streams.settings import Settings

log = structlog.get_logger(__name__)

MAX_RECORDS = 2_000
"""Records a call: small enough that the event loop is not held for long."""
MAX_PENDING_BYTES = 32 << 20
MAX_PENDING_RECORDS = 5_000
"""Dead letters, late records and totals that wait for a tick; with more a checkpoint is made at once."""
_PAUSE, _MOST_SECONDS = 3.0, 1.0
"""A tick lasts so many times as long as the checkpoint before it, to this limit, and at least the setting."""
_FETCH_MS = 100
"""How long a broker holds a request that it has nothing for. It gets one at a time, without the partitions
whose records wait for a checkpoint: with the client's own 500 ms those would wait so long after it.
"""
_TOTALS_AT_ONCE = 500
"""Restored before the event loop gets its turn."""
_RETRY_SECONDS = 1.0
_LATE_TICKS = 10
"""Ticks (at least ten seconds) without a checkpoint after which the service is not ready."""
_DAY_MS = 86_400_000
_NEVER_MS = 2**31 - 1
"""Reading waits as long as output does, and that is no reason for the client to leave the group."""


def partition_of(key: str, partitions: int) -> int:
    """Give the partition that Kafka's default partitioner (murmur2) chooses for a key."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def tick_after(took_seconds: float, least_seconds: float) -> float:
    """Give the time from a checkpoint to the next: the less there is to do, the sooner.

    Args:
        took_seconds: what the checkpoint took, which grows with what it publishes and with what else there is
            to do in this process.
        least_seconds: the setting.
    """
    return max(least_seconds, min(_PAUSE * took_seconds, _MOST_SECONDS))


class HotPath(mode.Service):
    """Reads events and returns, keeps the engine, publishes its snapshots.

    Args:
        settings: how to run.
        engine: the engine to feed.
        snapshotter: its view.
        metrics: where to count.
        pulse: of this process; this service feels it.
        clock: wall time in seconds; for age, ticks and the current day only.
    """

    abstract = False

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        snapshotter: Snapshotter,
        *,
        metrics: Metrics,
        pulse: Pulse,
        clock: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._snapshotter = snapshotter
        self._metrics = metrics
        self._pulse = pulse
        self._clock = clock
        self._assigned: dict[TopicPartition, Assigned] = {}
        self._kept: dict[TopicPartition, Assigned] = {}
        self._given: set[TopicPartition] = set()
        self._generation = 0
        self._names = {settings.topic(name): name for name in ACCEPTS}
        self._checkpointed: float | None = None
        self._tick_seconds = settings.tick_seconds
        self._waiting_since = time.monotonic()
        self._connected = self._joined = False
        self._lost_since: float | None = None
        self._saving = Saving(engine, None, settings.snapshot_seconds)
        metrics.tick_late.set_function(self.late_seconds)
        super().__init__(**kwargs)

    def keep_in(self, cache: Cache) -> None:
        """Save states in a cache, and look there first: to be called before the start."""
        self._saving = Saving(self._engine, cache, self._settings.snapshot_seconds)

    @property
    def group(self) -> str:
        """The consumer group of the hot path; the Faust app has its own."""
        return f"{self._settings.group}-hot-path"

    async def on_start(self) -> None:
        """Connect and join the group."""
        settings = self._settings
        self._admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
        await self._admin.start()
        self._writer = Writer(settings, self._admin)
        await self._writer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            group_id=self.group,
            group_instance_id=settings.instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(settings.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_seconds * 100),
            rebalance_timeout_ms=int((settings.session_timeout_seconds + settings.deadline_seconds) * 1000),
            max_poll_interval_ms=_NEVER_MS,
            fetch_max_wait_ms=_FETCH_MS,
            fetch_max_bytes=50 << 20,
            max_partition_fetch_bytes=4 << 20,
        )
        told = settings.append_time == "broker"
        self._membership = Membership(self.group, self._pulse, self._admin, told=told)
        self._takeover = Takeover(
            settings,
            self.group,
            consumer=self._consumer,
            admin=self._admin,
            membership=self._membership,
            start_ms=self._engine.start_ms,
            clock=self._clock,
        )
        self._checkpoint = Checkpoint(
            settings,
            self._engine,
            self._snapshotter,
            membership=self._membership,
            consumer=self._consumer,
            writer=self._writer,
            metrics=self._metrics,
            clock=self._clock,
        )
        self._watch = Watch(self._consumer, TopicPartition(settings.topic("snapshots"), 0), self._metrics)
        self._waiting_since = time.monotonic()
        await self.rejoin()
        self._connected = True
        await self._consumer.start()

    async def rejoin(self) -> None:
        """Ask the group to assign, at the start or anew."""
        self._consumer.subscribe(list(self._names), listener=_Listener(self))

    async def on_stop(self) -> None:
        """Publish and commit what is left, then leave the group."""
        started = time.monotonic()
        await self._saving.stop()
        await self._checkpoint.make(self._assigned)
        await self._saving.all(self._assigned, self._left_seconds(started))
        await self._consumer.stop()
        await self._writer.stop()
        await self._admin.close()

    def _left_seconds(self, started: float) -> float:
        """Give what is left of a deadline that began at `started`."""
        return self._settings.deadline_seconds - (time.monotonic() - started)

    def late_seconds(self) -> float:
        """Give by how much the next checkpoint is overdue."""
        since = self._waiting_since if self._checkpointed is None else self._checkpointed
        return max(0.0, time.monotonic() - since - self._tick_seconds)

    def problems(self) -> Iterable[str]:
        """Say what keeps this worker from being ready."""
        if not self._joined:
            yield "the group has not given out its partitions yet"
        rebuilding = len(self._given) + sum(one.rebuilding for one in self._assigned.values())
        if rebuilding:
            yield f"state of {rebuilding} partitions is being rebuilt"
        if self._checkpointed is None:
            yield "no checkpoint yet"
        elif (late := self.late_seconds()) > max(10.0, _LATE_TICKS * self._settings.tick_seconds):
            yield f"the tick is late: no checkpoint for {late:.0f} s"
        if self._connected:
            if self._checkpoint.problem:
                yield f"output waits: {self._checkpoint.problem}"
            yield from self._watch.problems(self._assigned)

    @mode.Service.task
    async def _feel(self) -> None:
        """Feel the pulse, and measure how long others held the event loop."""
        while not self.should_stop:
            before = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)
            self._pulse.pauses()
            self._metrics.held_up.observe(max(0.0, time.monotonic() - before - BEAT_SECONDS))

    @mode.Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self._watch.look(dict(self._assigned))
            await self._rejoin_if_lost()
            collect_young()
            await self.sleep(LOOK_SECONDS)

    async def _rejoin_if_lost(self) -> None:
        """Ask the group to assign when it has refused us and not done so for a while: nothing else would."""
        if not self._membership.lost:
            self._lost_since = None
            return
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since = now
        elif (
            now - self._lost_since > self._settings.session_timeout_seconds + self._settings.deadline_seconds
        ):
            log.warning("the group has refused this worker and not assigned since: joining it anew")
            self._lost_since = now
            await self.rejoin()

    @mode.Service.task
    async def _read(self) -> None:
        due = time.monotonic()
        while not self.should_stop:
            if self._given and not await self._take_over():
                await self.sleep(_RETRY_SECONDS)
                continue
            if time.monotonic() < due and not self._full():
                await self._read_once(int(max(0.0, due - time.monotonic()) * 1000))
            if self.should_stop:  # `on_stop` makes the last checkpoint, and closes what another would need
                return
            if time.monotonic() >= due or self._full():
                await self._settle()
                began = time.monotonic()
                if not self._given and await self._checkpoint.make(self._assigned):
                    self._checkpointed = time.monotonic()
                    self._tick_seconds = tick_after(self._checkpointed - began, self._settings.tick_seconds)
                    due = self._checkpointed + self._tick_seconds
                    self._saving.committed(self._assigned)
                else:
                    await self.sleep(0 if self._given else _RETRY_SECONDS)
            await asyncio.sleep(0)

    async def _read_once(self, wait_ms: int) -> None:
        try:
            batches = await self._consumer.getmany(timeout_ms=wait_ms, max_records=MAX_RECORDS)
        except UNREADABLE:
            with contextlib.suppress(KafkaError):  # revoked meanwhile
                for gap in await pass_unreadable(self._consumer, list(self._assigned)):
                    self._report(gap)
            return
        if not self.should_stop:
            for partition, records in batches.items():
                self._process(partition, records)

    def _full(self) -> bool:
        """Whether so much waits to be written that reading waits for a checkpoint."""
        waiting = [ours for ours in self._assigned.values() if ours.pending_records]
        if not waiting:
            return False
        count = sum(ours.pending_records for ours in waiting)
        return count > MAX_PENDING_RECORDS or sum(ours.pending_bytes for ours in waiting) > MAX_PENDING_BYTES

    async def _settle(self) -> None:
        """Move over what ends a partition without being delivered: markers of transactions take offsets.

        Days of a partition without records close by the broker's clock, as other partitions tell it, and
        a day behind it: nothing can be appended before that any more.
        """
        for partition, ours in list(self._assigned.items()):
            self._observe(partition, ours)
            if ours.rebuilding:
                with contextlib.suppress(KafkaError):  # revoked meanwhile
                    ours.position = max(ours.position, await self._consumer.position(partition))
        if self._settings.append_time != "broker":
            return
        states = self._engine.partitions
        broker_ms = max((state.append_ms for state in states.values()), default=0)
        events = self._settings.topic("events")
        for partition, ours in self._assigned.items():
            end = self._consumer.highwater(partition) if partition.topic == events else None
            if not ours.rebuilding and end is not None and ours.position >= end:
                at = (partition.topic, partition.partition)
                ours.totals += self._engine.advance(at, broker_ms - _DAY_MS)

    def _process(self, partition: TopicPartition, records: list[Any]) -> None:
        ours = self._assigned.get(partition)
        if ours is None:  # not taken over yet, or revoked while the batch was on its way
            return
        topic = partition.topic
        out = self._engine.process((topic, partition.partition), records, accepts=ACCEPTS[self._names[topic]])
        ours.position = records[-1].offset + 1
        self._metrics.consumed.labels(topic).inc(len(records))
        self._count(topic, ours, out)
        ours.totals += out.totals
        if out.refused or out.late:
            by_offset = {record.offset: record for record in records}
            ours.outputs += rejected(self._settings, out, by_offset, partition, ours.committed)

    def _report(self, gap: Gap) -> None:
        """Count and report offsets that the client cannot read; the records stay in the topic."""
        ours = self._assigned.get(gap.partition)
        if ours is None:
            return
        ours.position = gap.end
        log.error("records cannot be read and are passed over", **gap._asdict())
        if gap.end > ours.committed:
            self._metrics.refused.labels(UNREADABLE_REASON).inc(gap.end - gap.start)
            problem = f"offsets {gap.start} to {gap.end - 1} cannot be read by the client; they stay there"
            why = {"reason": UNREADABLE_REASON, "problems": problem}
            topic = self._settings.topic("dead-letters")
            ours.outputs.append(returned(topic, UnreadRecord(gap.start), gap.partition, why))

    def _count(self, topic: str, ours: Assigned, out: Outputs) -> None:
        for outcome, count in out.counts.items():
            self._metrics.outcomes.labels(outcome).inc(count)
        if out.misrouted:
            self._metrics.misrouted.labels(topic).inc(out.misrouted)
        for refused in out.refused:
            if refused.offset >= ours.committed:
                self._metrics.refused.labels(refused.reason).inc()
        for late in out.late:
            if late.offset >= ours.committed:
                self._metrics.late.labels(late.family).inc()
                self._metrics.source_late.labels(late.source, topic).inc()

    def _observe(self, partition: TopicPartition, ours: Assigned) -> None:
        labels = (partition.topic, str(partition.partition))
        self._metrics.rebuilding.labels(*labels).set(int(ours.rebuilding))
        end = self._consumer.highwater(partition) or ours.end
        self._metrics.lag.labels(*labels).set(max(0, end - ours.position))
        state = self._engine.partitions.get((partition.topic, partition.partition))
        self._metrics.held.labels(*labels).set(len(state.held) if state else 0)

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Hear what the group gives us; the reading loop takes it over, since that may take a while."""
        self._given = set(partitions)
        self._generation += 1
        self._membership.assigned()
        known = {TopicPartition(*at) for at in self._engine.partitions} | self._kept.keys()
        for partition in known - self._given:
            self._kept.pop(partition, None)
            self._forget(partition)
        self._joined = True

    async def _take_over(self) -> bool:
        """Take over what the group gave; False when that has to be tried again."""
        generation, given = self._generation, sorted(self._given)
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                taken = await self._takeover.take(given, self._kept)
            if not await self._restore(taken, generation):
                return False
        except (KafkaError, TimeoutError, OSError, NotAMemberError) as error:
            log.warning(
                "partitions cannot be taken over yet",
                partitions=_names(given),
                error=str(error) or type(error).__name__,
            )
            return False
        # From here to the end nothing waits: no batch can come between a partition's state and its position.
        for partition, one in taken.items():
            self._consumer.seek(partition, one.ours.position)
            self._assigned[partition] = one.ours
        self._kept.clear()
        self._given.clear()
        again = [partition for partition, one in taken.items() if one.continued]
        anew = [partition for partition, one in taken.items() if not one.continued]
        log.info(
            "partitions taken over",
            continued=_names(again),
            built_anew=_names(anew),
            records_to_read=sum(max(0, one.ours.end - one.ours.position) for one in taken.values()),
        )
        return True

    async def _restore(self, taken: Mapping[TopicPartition, Taken], generation: int) -> bool:
        """Have the engine begin anew what does not go on; False when the group has changed its mind."""

        def wanted() -> bool:
            return generation == self._generation and not self.should_stop

        anew = {partition: one for partition, one in taken.items() if not one.continued}
        events = self._settings.topic("events")
        numbers = [partition.partition for partition in anew if partition.topic == events]
        totals = await read_totals(self._settings, numbers, wanted) if numbers and wanted() else {}
        for partition, one in anew.items():
            if not wanted():
                break
            self._kept.pop(partition, None)
            at = (partition.topic, partition.partition)
            self._engine.drop(at)
            closed = totals.get(partition.partition, []) if partition.topic == events else []
            through = max(
                (day_number(one.day) for one in closed if isinstance(one, ClosedThrough)), default=None
            )
            saved = await self._saving.load(partition, one.ours, one.earliest, through)
            if saved is not None:
                self._engine.partitions[at] = saved
                one.ours.position = saved.next_offset
            for some in _batched(closed):
                self._engine.restore(at, some, one.log_from_ms if saved is None else None)
                await asyncio.sleep(0)
                if not wanted():
                    return False
        return wanted()

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Give partitions up: publish and commit under the deadline, and keep their state aside."""
        self._joined = False
        self._given.clear()
        self._generation += 1
        left = [one for one in partitions if one in self._assigned]
        if not left:
            return
        started = time.monotonic()
        self._membership.doubt()
        if await self._checkpoint.make(self._assigned):
            await self._saving.all(self._assigned, self._left_seconds(started))
        for partition in left:
            self._kept[partition] = self._assigned.pop(partition)
        log.info(
            "partitions revoked, their state is kept until the group has assigned", partitions=_names(left)
        )

    def _forget(self, partition: TopicPartition) -> None:
        self._engine.drop((partition.topic, partition.partition))
        metrics = self._metrics
        for gauge in (metrics.lag, metrics.held, metrics.rebuilding, metrics.standing_still):
            with contextlib.suppress(KeyError):
                gauge.remove(partition.topic, str(partition.partition))


def _batched(totals: Sequence[Total]) -> Iterator[Sequence[Total]]:
    for start in range(0, len(totals), _TOTALS_AT_ONCE):
        yield totals[start : start + _TOTALS_AT_ONCE]


def _names(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(sorted(f"{one.topic}/{one.partition}" for one in partitions))


class _Listener(ConsumerRebalanceListener):
    """Hands the group's decisions to the hot path."""

    def __init__(self, hot_path: HotPath) -> None:
        self._hot_path = hot_path

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._hot_path.revoke(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._hot_path.assigned(assigned)
