"""Faust: an agent that updates a Table. `python faust_table.py TASK`, in the project's environment.

Settings, as its documentation of settings describes them:
    cython_optimizations     takes what the compiled extensions can do, off by default
    stream_buffer_maxsize    larger for throughput, moderately so because the agent updates a table
    producer_linger          larger batches to the changelog (rarely needed, it says; here it gains most)
    consumer_max_fetch_size  larger for throughput
    uvloop                   one of the event loops its command line offers, the faster one

The table is read and written once a record, as in Faust's examples: with `Stream.take` and a sum of
each batch there would be fewer writes to the changelog, at the price of code that folds for itself.
The memory store is the default; a Table has a changelog topic and cannot be without. The clock runs from
the first record handled to the last one's result in the table; what waits for the changelog is outside.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import faust
import uvloop

if TYPE_CHECKING:
    from streams.bench.peers.attendance import decode
    from streams.bench.peers.peer import Clock, Task, hand_in
else:  # beside this file, as for the other peers
    from attendance import decode
    from peer import Clock, Task, hand_in

_BUFFER = 16_384
_LINGER_SECONDS = 0.1
_FETCH_BYTES = 4 << 20


async def main() -> None:
    """Run it."""
    task, clock = Task.told(), Clock()
    with tempfile.TemporaryDirectory(prefix="faust-", dir=task.states) as state:
        facts = await _run(task, clock, state)
    hand_in(task, clock, facts)


async def _run(task: Task, clock: Clock, state: str) -> dict[str, tuple[int, int]]:
    done = asyncio.Event()
    app = faust.App(
        Path(state).name,  # a consumer group of its own, so from the beginning
        broker=f"kafka://{task.bootstrap}",
        datadir=state,
        store="memory://",
        web_enabled=False,
        topic_partitions=1,
        topic_replication_factor=1,
        topic_disable_leader=True,
        cython_optimizations=True,
        stream_buffer_maxsize=_BUFFER,
        producer_linger=_LINGER_SECONDS,
        consumer_max_fetch_size=_FETCH_BYTES,
    )
    attendances = app.topic(task.topic, key_serializer="raw", value_serializer="raw")
    table = app.Table("four_hours", default=lambda: (0, 0))

    @app.agent(attendances)
    async def count(values: AsyncIterator[bytes]) -> None:
        seen = 0
        try:
            async for value in values:
                if not clock.started:
                    clock.start()
                event = decode(value)
                stay = event.data
                if stay.counts:
                    place = f"{event.partitionkey}/{stay.departed_at.date()}"
                    attended, within = table[place]
                    table[place] = attended + 1, within + stay.within
                seen += 1
                if seen == task.events:
                    clock.stop(seen)
                    done.set()
        finally:
            done.set()  # it failed, which Faust logs

    app.finalize()
    await app.start()
    await done.wait()
    facts = dict(table.items())
    await app.stop()
    return facts


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)  # to stderr: the result has stdout
    uvloop.run(main())
