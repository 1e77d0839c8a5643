"""Watches over the hot path from beside it: does the broker answer, does every partition move."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.pipeline.holding import Assigned
from streams.pipeline.metrics import Metrics

LOOK_SECONDS = 5.0
"""How often positions are compared with the broker's ends, and how long it may take to tell them."""
STANDING_SECONDS = 30.0
"""How long a partition with records to read may stand still before the service is not ready."""
SILENT_SECONDS = 15.0
"""How long the broker may not answer before the service is not ready."""


class Watch:
    """Open reports tell of stuck partitions after a rebalance, so the broker's ends are asked for.

    Args:
        consumer: to ask the broker.
        otherwise: a partition to ask about while none is ours.
        metrics: where to show what is seen.
        elapsed: seconds that never go back.
    """

    def __init__(
        self,
        consumer: Any,
        otherwise: TopicPartition,
        metrics: Metrics,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._otherwise = otherwise
        self._metrics = metrics
        self._elapsed = elapsed
        self._answered = elapsed()

    async def look(self, assigned: Mapping[TopicPartition, Assigned]) -> None:
        """Ask for the ends of our partitions, and note which of them moved since the last look."""
        ends: Mapping[TopicPartition, int] = {}
        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(LOOK_SECONDS):
                ends = await self._consumer.end_offsets(list(assigned) or [self._otherwise])
                self._answered = self._elapsed()
        self._metrics.broker_reachable.set(int(self.silent_seconds() < LOOK_SECONDS))
        for partition, end in ends.items():
            if (ours := assigned.get(partition)) is not None:
                with contextlib.suppress(KafkaError):  # revoked meanwhile
                    ours.position = max(ours.position, await self._consumer.position(partition))
                ours.watch(end, self._elapsed())
                still = self._metrics.standing_still.labels(partition.topic, str(partition.partition))
                still.set(0 if ours.still_since is None else self._elapsed() - ours.still_since)

    def silent_seconds(self) -> float:
        """Give how long ago the broker last answered."""
        return self._elapsed() - self._answered

    def problems(self, assigned: Mapping[TopicPartition, Assigned]) -> Iterable[str]:
        """Say what keeps this worker from being ready."""
        if (silent := self.silent_seconds()) > SILENT_SECONDS:
            yield f"the broker has not answered for {silent:.0f} s"
        now = self._elapsed()
        still = sorted(
            f"{partition.topic}/{partition.partition}"
            for partition, ours in assigned.items()
            if ours.still_since is not None and now - ours.still_since > STANDING_SECONDS
        )
        if still:
            yield (f"{len(still)} partitions have records to read and stand still: {', '.join(still[:3])}")
