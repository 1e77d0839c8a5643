"""Reads the totals of closed days, whole, for partitions that are taken over."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import aclosing

import msgspec
import structlog
from aiokafka import TopicPartition

from schemas.outputs import Total, decode_total
from streams.pipeline.reading import read_to_end
from streams.settings import Settings

log = structlog.get_logger(__name__)


async def read_totals(
    settings: Settings, partitions: Collection[int], wanted: Callable[[], bool]
) -> dict[int, list[Total]]:
    """Read what the topic of day totals holds of some partitions, the newest record of each key.

    Args:
        settings: where.
        partitions: numbers.
        wanted: asked now and then; when it says no, reading ends with what there is.

    Raises:
        KafkaError: the broker cannot be asked now, or has stopped answering.
    """
    found: dict[int, dict[bytes, Total]] = {number: {} for number in partitions}
    topic = settings.topic("day-totals")
    places = [TopicPartition(topic, number) for number in partitions]
    async with aclosing(read_to_end(settings, places, wanted=wanted)) as reading:
        async for record in reading:
            _take(found[record.partition], record)
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
