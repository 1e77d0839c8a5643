"""Records that the client library cannot read: found, passed over, and reported with their place.

Kafka accepts bytes that aiokafka then cannot decode, such as a header whose name is not UTF-8. It reads a
whole batch at a time, so everything from such a record to the end of its batch is out of reach. It stays
in the topic; what must not happen is that it stops the partition for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

UNREADABLE = (UnicodeDecodeError, CorruptRecordException, UnsupportedCodecError)
_PROBE_MS = 2_000


class Gap(NamedTuple):
    """Offsets [start, end) of a partition that could not be read."""

    partition: TopicPartition
    start: int
    end: int


async def pass_unreadable(consumer: Any, partitions: Iterable[TopicPartition]) -> list[Gap]:
    """Move the consumer behind what it cannot read.

    Args:
        consumer: an `AIOKafkaConsumer`; readable partitions keep their position.
        partitions: its assignment.

    Returns:
        The gaps, one a partition at most; call again while reading fails.
    """
    gaps = []
    for partition in partitions:
        start = await consumer.position(partition)
        if await _readable(consumer, partition, start):
            consumer.seek(partition, start)
            continue
        end = await _next_readable(consumer, partition, start)
        consumer.seek(partition, end)
        gaps.append(Gap(partition, start, end))
    return gaps


async def _readable(consumer: Any, partition: TopicPartition, offset: int) -> bool:
    consumer.seek(partition, offset)
    try:
        await consumer.getmany(partition, timeout_ms=_PROBE_MS, max_records=1)
    except UNREADABLE:
        return False
    return True


async def _next_readable(consumer: Any, partition: TopicPartition, start: int) -> int:
    """Find the first offset behind `start` from which reading works: leap ahead, then halve."""
    last: int = (await consumer.end_offsets([partition]))[partition]
    bad, step = start, 1
    while (good := min(start + step, last)) < last and not await _readable(consumer, partition, good):
        bad, step = good, 2 * step
    while good - bad > 1:
        middle = (bad + good) // 2
        if await _readable(consumer, partition, middle):
            good = middle
        else:
            bad = middle
    return good
