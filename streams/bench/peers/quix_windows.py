"""Quix Streams: a tumbling window with `Count` and `Sum`. `python quix_windows.py TASK`.

Settings, and where its documentation has them:
    Count, Sum                    "Aggregations": several aggregations of one window, instead of `reduce`
    timestamp_extractor           "Windowing": event time from the value
    closing_strategy="partition"  `current`: one time for the partition; measured cheaper than one a key
    loads=decode                  `JSONDeserializer`: a decoder of one's own; msgspec beat orjson
    linger.ms                     `Application(producer_extra_config=…)`: larger batches to the changelog

RocksDB, the changelog topic and a commit every 5 s are as by default. The clock runs from the first
record handled to the last one's result in the state; the commit at the end is outside.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum
from quixstreams.models import JSONDeserializer

if TYPE_CHECKING:
    from streams.bench.peers.attendance import Event, decode
    from streams.bench.peers.peer import Clock, Task, hand_in
else:  # beside this file: the project is not installed where this runs
    from attendance import Event, decode
    from peer import Clock, Task, hand_in

_DAY = timedelta(days=1)
_GRACE = timedelta(days=1)
_LINGER_MS = 100


def main() -> None:
    """Run it."""
    task, clock = Task.told(), Clock()
    facts: dict[str, tuple[int, int]] = {}
    with tempfile.TemporaryDirectory(prefix="quix-", dir=task.states) as state:
        _run(task, clock, facts, state)
    hand_in(task, clock, facts)


def _run(task: Task, clock: Clock, facts: dict[str, tuple[int, int]], state: str) -> None:
    def departed(event: Event, *_: Any) -> int:
        if not clock.started:
            clock.start()
        return int(event.data.departed_at.timestamp() * 1000)

    def keep(sums: dict[str, int], organisation: bytes, day: int, _headers: Any) -> None:
        place = f"{organisation.decode()}/{datetime.fromtimestamp(day / 1000, UTC).date()}"
        facts[place] = sums["attended"], sums["within_4h"]

    def handled(_topic: str, _partition: int, offset: int) -> None:
        if offset + 1 == task.events:
            clock.stop(task.events)
            app.stop()

    app = Application(
        broker_address=task.bootstrap,
        consumer_group=Path(state).name,  # a group of its own, so from the beginning
        auto_offset_reset="earliest",
        state_dir=state,
        producer_extra_config={"linger.ms": _LINGER_MS},
        on_message_processed=handled,
        loglevel="WARNING",
    )
    attendances = app.topic(
        task.topic, value_deserializer=JSONDeserializer(loads=decode), timestamp_extractor=departed
    )
    (
        app.dataframe(attendances)
        .filter(lambda event: event.data.counts)
        .apply(lambda event: event.data.within)
        .tumbling_window(_DAY, grace_ms=_GRACE)
        .agg(attended=Count(), within_4h=Sum())
        .current(closing_strategy="partition")
        .update(keep, metadata=True)
    )
    app.run()


if __name__ == "__main__":
    main()
