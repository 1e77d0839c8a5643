"""Reads partitions from somewhere to the end of now: no group, nothing committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from streams.settings import Settings

_POLL_MS = 200
_MAX_RECORDS = 500


async def read_to_end(
    settings: Settings,
    partitions: Sequence[TopicPartition],
    *,
    since_ms: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[Any, None]:
    """Give the records that partitions hold at this moment, each partition's in its order.

    Args:
        settings: where.
        partitions: which; of none, nothing.
        since_ms: leave out what was appended before; None for everything.
        wanted: asked between batches; when it says no, reading ends.

    Raises:
        KafkaError: the broker cannot be asked now, or has stopped answering.
    """
    if not partitions:
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers, group_id=None, enable_auto_commit=False
    )
    try:
        await consumer.start()
        consumer.assign(list(partitions))
        await _seek(consumer, partitions, since_ms)
        left = {one: end for one, end in (await consumer.end_offsets(list(partitions))).items() if end}
        moved = time.monotonic()
        while (
            left := {one: end for one, end in left.items() if await consumer.position(one) < end}
        ) and wanted():
            batches = await consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
            for records in batches.values():
                for record in records:
                    yield record
            if batches:
                moved = time.monotonic()
            elif time.monotonic() - moved > settings.deadline_seconds:
                raise KafkaTimeoutError(f"the records of {len(left)} partitions do not come")
            await asyncio.sleep(0)
    finally:
        await consumer.stop()


async def _seek(consumer: Any, partitions: Sequence[TopicPartition], since_ms: int | None) -> None:
    await consumer.seek_to_beginning(*partitions)
    if since_ms is not None:
        for partition, found in (
            await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        ).items():
            if found is not None:
                consumer.seek(partition, found.offset)
