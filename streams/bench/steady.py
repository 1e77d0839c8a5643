"""A publisher at a steady rate: attendances that have just ended, and when the broker appended each.

    python -m streams.bench.steady ORDER FILE     from a fresh interpreter; `Sent` as JSON into the file

Every hundredth of a second it sends what has become due, a batch a partition. Attendances are copies of some
thousand templates, each under a key of its own, so that no memory is needed for an hour of them.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaProducer

from streams.bench.workload import Workload, messages
from streams.errors import BenchmarkError
from streams.pipeline.hot_path import partition_of

STRETCH_SECONDS = 600
"""How long ago the oldest attendance ended when sending begins."""
AGO_SECONDS = 60
"""How long ago the newest ended: it is recorded up to a minute later, and not in the future."""
_TEMPLATES = 5_000
_SLICE_SECONDS = 0.01
_BATCH_BYTES = 256 * 1024
_KEY = b'"attendance_key":"a'
_DIGITS = 7
_TYPE_5 = 5


class Order(msgspec.Struct, frozen=True):
    """What to send.

    Attributes:
        bootstrap: where Kafka is.
        topic: where to.
        partitions: how many it has.
        organisations: publishers, of unequal size.
        rate: events a second.
        seconds: how long, after the warm-up.
        warm_up: seconds at the same rate before that.
    """

    bootstrap: str
    topic: str
    partitions: int
    organisations: int
    rate: int
    seconds: float
    warm_up: float


class Sent(msgspec.Struct, frozen=True):
    """What was sent.

    Attributes:
        events: how many, the warm-up included.
        seconds: how long that took.
        counted_from_ms: end of the warm-up, by the wall clock.
        appended_ms: of each organisation, when the broker appended its attendances that the four-hour
            standard counts, in the order of the log.
    """

    events: int
    seconds: float
    counted_from_ms: int
    appended_ms: dict[str, list[int]]


class Due(msgspec.Struct):
    """An attendance to be sent: publisher, whether the four-hour standard counts it, its value."""

    org: str
    counts: bool
    value: bytes


def attendances(organisations: int, now: datetime) -> Iterator[Due]:
    """Give attendances without end that have ended shortly before `now`, each one of its own."""
    stretch = Workload("steady", _TEMPLATES, organisations, days=STRETCH_SECONDS / 86_400)
    templates = messages(stretch, now - timedelta(seconds=AGO_SECONDS))
    cut = []
    for one in templates:
        place = one.value.index(_KEY) + len(_KEY)
        counts = msgspec.json.decode(one.value)["data"]["department_type"] != _TYPE_5
        cut.append((one.key.decode(), counts, one.value[:place], one.value[place + _DIGITS :]))
    number = 0
    while True:
        for org, counts, before, after in cut:
            yield Due(org, counts, b"%b%0*d%b" % (before, _DIGITS, number, after))
            number += 1


async def publish(order: Order, source: Iterator[Due]) -> Sent:
    """Send attendances at the rate, and give when the broker appended them.

    Raises:
        BenchmarkError: the topic is not stamped by the broker.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=order.bootstrap, acks="all", enable_idempotence=True, max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    try:
        waiting: list[tuple[Any, list[Due]]] = []
        began, began_ms = time.perf_counter(), time.time() * 1000
        ends = began + order.warm_up + order.seconds
        sent = 0
        while (now := time.perf_counter()) < ends:
            due = int((now - began) * order.rate) - sent
            waiting += await _send(producer, order, [next(source) for _ in range(due)])
            sent += due
            await asyncio.sleep(max(0.0, now + _SLICE_SECONDS - time.perf_counter()))
        took = time.perf_counter() - began
        return Sent(sent, took, int(began_ms + order.warm_up * 1000), await _appended(waiting))
    finally:
        await producer.stop()


async def _send(producer: Any, order: Order, due: Sequence[Due]) -> list[tuple[Any, list[Due]]]:
    """Hand a slice to the producer, in one batch a partition or as many as it needs."""
    parts: dict[int, list[Due]] = {}
    for one in due:
        parts.setdefault(partition_of(one.org, order.partitions), []).append(one)
    handed = []
    for partition, some in parts.items():
        left = some
        while left:
            batch = producer.create_batch()
            taken = 0
            for one in left:
                if batch.append(key=one.org.encode(), value=one.value, timestamp=None) is None:
                    break
                taken += 1
            future = await producer.send_batch(batch, order.topic, partition=partition)
            handed.append((future, left[:taken]))
            left = left[taken:]
    return handed


async def _appended(waiting: Sequence[tuple[Any, list[Due]]]) -> dict[str, list[int]]:
    """Wait for all acknowledgements; those of one partition are in the order of its log."""
    found: dict[str, list[int]] = {}
    for future, batch in waiting:
        told = await future
        if told.timestamp_type != 1:
            raise BenchmarkError(f"topic {told.topic} is not stamped by the broker (LogAppendTime)")
        for one in batch:
            if one.counts:
                found.setdefault(one.org, []).append(told.timestamp)
    return found


if __name__ == "__main__":
    told = msgspec.json.decode(sys.argv[1], type=Order)
    endless = attendances(told.organisations, datetime.now(UTC).replace(microsecond=0))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(uvloop.run(publish(told, endless))))
