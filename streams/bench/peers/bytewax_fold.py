"""Bytewax: `fold_window` over a `KafkaSource`. `python bytewax_fold.py TASK`.

Settings, and where its documentation has them:
    batch_size     "Performance", batch sizes in input sources: larger ones for throughput
    ordered=False  `fold_window`: order has its price, and a sum does not need it
    one worker     "Performance", input sources: one partition feeds one worker

`flat_map_batch` for decoding was tried and gains nothing here. There is no recovery store, as by default.
The clock runs from the first record polled to the last window at the sink: at the end of its input
Bytewax closes all windows, so that nothing has to be read out of its state.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.inputs import StatefulSourcePartition
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

if TYPE_CHECKING:
    from streams.bench.peers.attendance import decode
    from streams.bench.peers.peer import Clock, Task, hand_in
else:  # beside this file: the project is not installed where this runs
    from attendance import decode
    from peer import Clock, Task, hand_in

_BATCH = 10_000
_ALIGNED = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_GRACE = timedelta(days=1)

Stay = tuple[datetime, bool]
Sums = tuple[int, int]


class FirstRecords(KafkaSource):
    """The topic up to a number of records: of itself, Bytewax ends at the end of a topic or never."""

    def __init__(self, task: Task, clock: Clock) -> None:
        super().__init__([task.bootstrap], [task.topic], batch_size=_BATCH)
        self._events, self._clock = task.events, clock

    def build_part(self, *arguments: Any) -> FirstOfPartition:
        """Give the only partition."""
        return FirstOfPartition(super().build_part(*arguments), self._events, self._clock)


class FirstOfPartition(StatefulSourcePartition[Any, Any]):
    """The first records of a partition."""

    def __init__(self, partition: Any, events: int, clock: Clock) -> None:
        self._partition, self._left, self._clock = partition, events, clock

    def next_batch(self) -> list[Any]:
        """Poll."""
        if not self._left:
            raise StopIteration
        batch: list[Any] = self._partition.next_batch()[: self._left]
        if batch and not self._clock.started:
            self._clock.start()
        self._left -= len(batch)
        return batch

    def snapshot(self) -> Any:
        """Give where to resume."""
        return self._partition.snapshot()

    def close(self) -> None:
        """Close the consumer."""
        self._partition.close()


class Days(DynamicSink[Any], StatelessSinkPartition[Any]):
    """Keeps the sums of closed windows."""

    def __init__(self, task: Task, clock: Clock) -> None:
        self.facts: dict[str, Sums] = {}
        self._events, self._clock = task.events, clock

    def build(self, *_: Any) -> Days:
        """Give the sink of the only worker."""
        return self

    def write_batch(self, items: Iterable[tuple[str, tuple[int, Sums]]]) -> None:
        """Take closed windows: organisation, window's number, sums."""
        self.facts.update({f"{org}/{_day(window)}": sums for org, (window, sums) in items})

    def close(self) -> None:
        """Stop the clock: every window is here."""
        self._clock.stop(self._events)


def _day(window: int) -> date:
    return (_ALIGNED + window * _DAY).date()


def _stay(message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, Stay] | None:
    event = decode(message.value)
    return (event.partitionkey, (event.data.departed_at, event.data.within)) if event.data.counts else None


def _add(sums: Sums, stay: Stay) -> Sums:
    return sums[0] + 1, sums[1] + stay[1]


def _merge(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1]


def main() -> None:
    """Run it."""
    task, clock = Task.told(), Clock()
    sink = Days(task, clock)
    flow = Dataflow("four_hours")
    messages = op.input("attendances", flow, FirstRecords(task, clock))
    days = fold_window(
        "days",
        op.filter_map("stays", messages, _stay),
        EventClock(itemgetter(0), wait_for_system_duration=_GRACE),
        TumblingWindower(length=_DAY, align_to=_ALIGNED),
        builder=lambda: (0, 0),
        folder=_add,
        merger=_merge,
        ordered=False,
    )
    op.output("sums", days.down, sink)
    run_main(flow)
    hand_in(task, clock, sink.facts)


if __name__ == "__main__":
    main()
