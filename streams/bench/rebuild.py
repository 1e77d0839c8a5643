"""Rebuild after a start: what a snapshot of the state costs to write and to read, beside reading the log.

save      the state of all the records, written by the worker's cache while others want the event loop
snapshot  the state read back from that file, in turns, as at an assignment
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import uvloop
from aiokafka.structs import ConsumerRecord

from streams.bench.holds import Holds
from streams.bench.measured import PARTITION, Clock, Measured, Task
from streams.bench.panes import Panes
from streams.engine import EngineSettings
from streams.engine.saved import View, fingerprint
from streams.errors import BenchmarkError
from streams.pipeline.cache import Cache
from streams.pipeline.collector import calm_collector, collect_young
from streams.pipeline.hot_path import MAX_RECORDS

_IDENTITY = "bench"


def save(task: Task) -> Measured:
    """Build the state from the values, and measure one save of it; the file stays for `snapshot`."""
    panes = Panes(task.topic)
    calm_collector()
    for records in _batches(task):
        panes.take(records)
    collect_young()  # as the hot path does every few seconds
    return panes.result(uvloop.run(_save(task, panes)), task.sums)


async def _save(task: Task, panes: Panes) -> Measured:
    cache = _cache(task)
    async with Holds() as holds:
        clock = Clock()
        started, started_cpu = time.perf_counter(), time.thread_time()
        view = View(panes.partition)
        taken, taken_cpu = time.perf_counter() - started, time.thread_time() - started_cpu
        if not await cache.save(task.topic, PARTITION, _IDENTITY, view):
            raise BenchmarkError(f"the state could not be saved in {task.states}")
        measured = clock.read(task.events)
        measured = await _noted(measured, holds)
    size = cache.path(task.topic, PARTITION).stat().st_size
    return msgspec.structs.replace(measured, view_seconds=taken, view_cpu_seconds=taken_cpu, file_bytes=size)


def snapshot(task: Task) -> Measured:
    """Measure reading the file that `save` wrote."""
    panes = Panes(task.topic)
    calm_collector()
    return panes.result(uvloop.run(_load(task, panes)), task.sums)


async def _load(task: Task, panes: Panes) -> Measured:
    cache = _cache(task)
    async with Holds() as holds:
        clock = Clock()
        found = await cache.load(task.topic, PARTITION, _IDENTITY, task.events)
        measured = clock.read(task.events)
        measured = await _noted(measured, holds)
    if found is None or found.next_offset != task.events:
        raise BenchmarkError(f"the state saved in {task.states} could not be used")
    panes.engine.partitions[panes.at] = found
    return measured


def _cache(task: Task) -> Cache:
    return Cache(Path(task.states), fingerprint(EngineSettings(), {}))


def _batches(task: Task) -> Iterator[list[ConsumerRecord[bytes, bytes]]]:
    """Give the values as the consumer gives them, without holding all of them."""
    with Path(task.values).open("rb") as lines:
        numbered = enumerate(lines)
        while some := list(islice(numbered, MAX_RECORDS)):
            yield [
                ConsumerRecord(
                    task.topic, PARTITION, offset, task.append_ms, 1, b"", value, None, 0, len(value), ()
                )
                for offset, value in some
            ]


async def _noted(measured: Measured, holds: Holds) -> Measured:
    """Give the figures with the longest hold so far, the one that ends now included."""
    await holds.settle()
    return msgspec.structs.replace(measured, hold_seconds=holds.longest, hold_cpu_seconds=holds.longest_cpu)
