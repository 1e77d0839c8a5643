"""Reads the totals of closed days, whole, for partitions that are taken over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.outputs import Total, decode_total
from streams.settings import Settings

log = structlog.get_logger(__name__)

_POLL_MS = 200
_MAX_RECORDS = 1_000


async def read_totals(
    settings: Settings, partitions: Collection[int], wanted: Callable[[], bool]
) -> dict[int, list[Total]]:
    """Read what the topic of day totals holds of some partitions, the newest record of each key.

    Args:
        settings: where.
        partitions: numbers.
        wanted: asked now and then; when it says no, reading ends with what there is.

    Raises:
        KafkaError: the broker cannot be asked now.
        TimeoutError: it has stopped answering.
    """
    found: dict[int, dict[bytes, Total]] = {number: {} for number in partitions}
    topic = settings.topic("day-totals")
    places = [TopicPartition(topic, number) for number in partitions]
    if not places:
        return {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers, group_id=None, enable_auto_commit=False
    )
    try:
        await consumer.start()
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        left = {one: end for one, end in (await consumer.end_offsets(places)).items() if end}
        moved = time.monotonic()
        while left and wanted():
            batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
            for place, records in batches.items():
                for record in records:
                    _take(found[place.partition], record)
            if batches:
                moved = time.monotonic()
            elif time.monotonic() - moved > settings.deadline_seconds:
                raise TimeoutError(f"the totals of {len(left)} partitions do not come")
            left = {one: end for one, end in left.items() if await consumer.position(one) < end}
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
    return {number: list(totals.values()) for number, totals in found.items()}


def _take(found: dict[bytes, Total], record: object) -> None:
    key, value = getattr(record, "key", None) or b"", getattr(record, "value", None)
    if value is None:
        found.pop(key, None)
        return
    try:
        found[key] = decode_total(value)
    except msgspec.MsgspecError as error:
        log.warning(
            "a total of a closed day cannot be read and is left out: its day is missing from long windows",
            key=key.decode(errors="replace"),
            offset=getattr(record, "offset", None),
            error=str(error),
        )
