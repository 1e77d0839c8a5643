"""The retained log: everything the input topics hold at this moment, read whole and left as it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec.structs import replace

from schemas.outputs import ClosedThrough, DayTotal, Total
from streams.engine import EngineSettings
from streams.engine.calendar import civil_date, day_number, local_day, midnight
from streams.pipeline.topics import ACCEPTS, prepare_topics
from streams.pipeline.totals import read_totals
from streams.pipeline.unreadable import UNREADABLE, pass_unreadable
from streams.settings import Settings

log = structlog.get_logger(__name__)

_POLL_MS = 500
_MAX_RECORDS = 5_000

Restore = Callable[[tuple[str, int], list[Total], int], None]
Batch = tuple[tuple[str, int], list[Any], frozenset[str]]
"""Topic and partition, records in log order, and the families that belong there."""


def engine_settings(settings: Settings) -> EngineSettings:
    """Give how the engine of the service decides: whoever reads its log again decides the same."""
    return EngineSettings(
        official_sources=settings.official_sources,
        max_event_bytes=settings.max_event_bytes,
        max_series_a_source=settings.max_series_a_source,
        max_series_an_organisation=settings.max_series_an_organisation,
        max_sources_a_publisher=settings.max_sources_a_publisher,
    )


def before_the_log(totals: Iterable[Total], first_ms: int, settings: EngineSettings) -> list[Total]:
    """Choose the totals of days of which the log, whose first record is of `first_ms`, cannot hold all.

    Later days are summed again from their records, so that each of them is known. Of the episodes that
    closed with these days the hashes are taken too: a version that comes after is late, as it was.
    """
    last = local_day(first_ms // 1000)
    found: list[Total] = []
    for one in totals:
        if isinstance(one, ClosedThrough):
            found.append(replace(one, day=civil_date(min(last, day_number(one.day)))))
        elif isinstance(one, DayTotal):
            found += [one] if day_number(one.day) <= last else []
        elif day_number(one.due) - settings.horizon_days <= last:
            found.append(one)
    return found


async def read_retained(settings: Settings, restore: Restore) -> AsyncIterator[Batch]:
    """Read events and returns from the first record held to the end of now; no group, nothing committed.

    Args:
        settings: where.
        restore: told, before the first batch of a partition whose log was shortened, the totals of the days
            before it, and when its first record was appended. A partition of which nothing is left gives
            all its totals, and one empty batch.

    Raises:
        TopicError: when Kafka cannot be reached or a topic is missing.
    """
    counts = await prepare_topics(settings, create=False)
    accepts = {settings.topic(name): families for name, families in ACCEPTS.items()}
    partitions = [TopicPartition(topic, number) for topic in accepts for number in range(counts[topic])]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers, group_id=None, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        begins = await consumer.beginning_offsets(partitions)
        shortened = {
            one.partition for one in partitions if begins[one] and one.topic == settings.topic("events")
        }
        totals = await read_totals(settings, shortened, lambda: True)
        ends = await consumer.end_offsets(partitions)
        left = {one for one in partitions if begins[one] < ends[one]}
        while left:
            try:
                batches = await consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
            except UNREADABLE:
                for gap in await pass_unreadable(consumer, partitions):
                    log.warning("records cannot be read and are passed over", **gap._asdict())
                continue
            for partition, records in batches.items():
                at = (partition.topic, partition.partition)
                if partition.topic == settings.topic("events") and partition.partition in totals:
                    known = totals.pop(partition.partition)
                    first_ms = records[0].timestamp
                    restore(at, before_the_log(known, first_ms, engine_settings(settings)), first_ms)
                held = [record for record in records if record.offset < ends[partition]]
                if held:
                    yield at, held, accepts[partition.topic]
            left = {one for one in left if await consumer.position(one) < ends[one]}
        decide, events = engine_settings(settings), settings.topic("events")
        for number, known in totals.items():
            open_from = local_day(int(time.time())) - decide.open_days
            restore((events, number), known, midnight(open_from) * 1000)
            yield (events, number), [], accepts[events]
    finally:
        await consumer.stop()
