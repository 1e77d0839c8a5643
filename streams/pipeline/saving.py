"""When states are saved as local files: after a commit, at revocation and at the stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

from aiokafka import TopicPartition

from streams.engine import Engine
from streams.engine.partition import Partition
from streams.engine.saved import View
from streams.pipeline.cache import Cache
from streams.pipeline.holding import Assigned


class Saving:
    """Saves one partition after the other, each as often as asked for; does nothing without a cache.

    Args:
        engine: whose states.
        cache: where they go; None for nowhere.
        every_seconds: how old a partition's file may become.
        elapsed: seconds that never go back.
    """

    def __init__(
        self,
        engine: Engine,
        cache: Cache | None,
        every_seconds: float,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._every_seconds = every_seconds
        self._elapsed = elapsed
        self._saved_at: dict[TopicPartition, float] = {}
        self._task: asyncio.Task[None] | None = None

    def committed(self, assigned: Mapping[TopicPartition, Assigned]) -> None:
        """Hear that everything has been committed, and begin to save the partition that has waited longest.

        Its picture is taken at once, so the offset in the file is the committed one.
        """
        if self._cache is None or (self._task is not None and not self._task.done()):
            return
        now = self._elapsed()
        for partition in assigned:
            self._saved_at.setdefault(partition, now)
        due = [one for one in assigned if now - self._saved_at[one] >= self._every_seconds]
        for partition in sorted(due, key=self._saved_at.__getitem__)[:1]:
            self._saved_at[partition] = now
            if (saving := self._begin(self._cache, partition, assigned[partition])) is not None:
                self._task = saving

    async def all(self, assigned: Mapping[TopicPartition, Assigned], within_seconds: float) -> None:
        """Save every partition as it stands; what is not done in time keeps its older file."""
        if self._cache is None or within_seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                for partition, ours in list(assigned.items()):
                    if (saving := self._begin(self._cache, partition, ours)) is not None:
                        await saving

    def _begin(self, cache: Cache, partition: TopicPartition, ours: Assigned) -> asyncio.Task[None] | None:
        state = self._engine.partitions.get((partition.topic, partition.partition))
        if state is None or ours.rebuilding:
            return None
        view = View(state)

        async def save() -> None:
            await cache.save(partition.topic, partition.partition, ours.claim.identity, view)

        return asyncio.create_task(save())

    async def load(
        self, partition: TopicPartition, ours: Assigned, earliest: int, closed_through: int | None
    ) -> Partition | None:
        """Give the saved state of a partition that is taken over; None where there is none that fits.

        Args:
            partition: which.
            ours: its claim and committed offset.
            earliest: the partition's first offset.
            closed_through: the last day that has closed, by the topic of day totals; None where none has.
        """
        if self._cache is None:
            return None
        return await self._cache.load(
            partition.topic,
            partition.partition,
            ours.claim.identity,
            ours.committed,
            earliest=earliest,
            closed_through=closed_through,
        )

    async def stop(self) -> None:
        """Give up what is being saved; the file before it stays."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
