"""One contender, once, in an interpreter of its own: `python -m streams.bench.contender TASK`, a result out.

    raw       aiokafka `getmany` and nothing else: the ceiling
    panes     `getmany` and `Engine.process`, as the hot path does: Kafka to panes
    least     `getmany`, three fields decoded, one ratio in a dict: what the peers compute, and nothing else
    one       as `panes`, with the facts of one indicator only: the four-hour standard
    engine    `Engine.process` over the same records in memory
    decode    the fast decoder over the same values in memory
    pydantic  the pydantic model of the contract over the same values in memory
    log       as `panes`: the state rebuilt from the log
    save, snapshot  the state to a file and back (`streams.bench.rebuild`)

The clock runs from the first request for records to the last record handled; connecting is outside.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from schemas.envelope import EVENT_MODELS
from schemas.fast import decode
from streams.bench.measured import PARTITION, Clock, Measured, Task
from streams.bench.panes import Days, Panes, keep_one_ratio
from streams.bench.rebuild import save, snapshot
from streams.pipeline.collector import calm_collector
from streams.pipeline.hot_path import MAX_RECORDS

CONTENDERS = ("raw", "least", "panes", "one", "engine", "decode", "pydantic")
_WAIT_MS = 1_000
_ATTENDANCES = EVENT_MODELS["uk.nhs.oversight.ed.attendance.recorded.v1"]


async def _consume(
    task: Task,
    take: Callable[[list[Any]], object] | None,
    settle: Callable[[], None] | None = None,
) -> Measured:
    """Read the topic from its beginning with the hot path's consumer settings (`HotPath.on_start`).

    Args:
        task: what is read.
        take: takes a batch; None to do nothing with it.
        settle: ends the work on what was taken, inside the clock.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=task.bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=50 << 20,
        max_partition_fetch_bytes=4 << 20,
    )
    consumer.assign([TopicPartition(task.topic, PARTITION)])
    await consumer.start()
    calm_collector()
    try:
        seen = 0
        clock = Clock()
        while seen < task.events:
            batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=MAX_RECORDS)
            for records in batches.values():
                seen += len(records)
                if take is not None:
                    take(records)
            await asyncio.sleep(0)
        if settle is not None:
            settle()
        return clock.read(seen)
    finally:
        await consumer.stop()


def _values(task: Task) -> list[bytes]:
    return Path(task.values).read_bytes().splitlines()


def _records(task: Task) -> list[ConsumerRecord[bytes, bytes]]:
    """Give the values as the consumer gives them."""
    return [
        ConsumerRecord(task.topic, PARTITION, offset, task.append_ms, 1, b"", value, None, 0, len(value), ())
        for offset, value in enumerate(_values(task))
    ]


def _engine(task: Task) -> Measured:
    records = _records(task)
    panes = Panes(task.topic)
    calm_collector()
    clock = Clock()
    for start in range(0, len(records), MAX_RECORDS):
        panes.take(records[start : start + MAX_RECORDS])
    panes.settle()
    return panes.result(clock.read(len(records)), task.sums, mixed=task.mixed)


def _decode(task: Task, decoder: Callable[[bytes], Any]) -> Measured:
    values = _values(task)
    calm_collector()
    clock = Clock()
    for value in values:
        decoder(value)
    return clock.read(len(values))


def measure(task: Task) -> Measured:
    """Run one contender in this interpreter."""
    match task.contender:
        case "raw":
            return uvloop.run(_consume(task, None))
        case "least":
            days = Days()
            return days.result(uvloop.run(_consume(task, days.take)), task.sums)
        case "panes" | "log":
            panes = Panes(task.topic)
            run = uvloop.run(_consume(task, panes.take, panes.settle))
            return panes.result(run, task.sums, mixed=task.mixed)
        case "one":
            panes = Panes(task.topic)
            keep_one_ratio()  # afterwards: the catalogue of its engine asks for more
            return panes.result(uvloop.run(_consume(task, panes.take, panes.settle)), task.sums)
        case "engine":
            return _engine(task)
        case "save":
            return save(task)
        case "snapshot":
            return snapshot(task)
        case "decode":
            return _decode(task, decode)
        case "pydantic":
            return _decode(task, _ATTENDANCES.model_validate_json)
        case other:
            raise ValueError(f"{other} is none of {', '.join(CONTENDERS)}")


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the result has stdout
    told = msgspec.json.decode(sys.argv[1], type=Task)
    sys.stdout.buffer.write(msgspec.json.encode(measure(told)))
