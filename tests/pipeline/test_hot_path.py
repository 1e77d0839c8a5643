"""The hot path's small parts that need no broker; the rest is tested on Apache Kafka in tests/integration."""

import time
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from kafka_doubles import Clock, Group, Log
from making import engine

from streams.engine.snapshots import Snapshotter
from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.hot_path import (
    MAX_PENDING_BYTES,
    MAX_PENDING_RECORDS,
    HotPath,
    partition_of,
    tick_after,
)
from streams.pipeline.metrics import Metrics
from streams.pipeline.outputs import Output
from streams.pipeline.pulse import Pulse
from streams.pipeline.watch import Watch
from streams.settings import Settings


@pytest.mark.parametrize(
    ("expected", "looks"),
    [
        (None, [(5, 5, 0), (5, 5, 10)]),  # nothing to read
        (10, [(5, 9, 0), (7, 9, 10)]),  # moves
        (0, [(5, 9, 0), (5, 9, 10), (5, 9, 20)]),  # stands still since the first look
        (None, [(5, 9, 0), (5, 9, 10), (9, 9, 20)]),  # went on
        (20, [(5, 9, 0), (9, 9, 10), (9, 12, 20)]),  # new records just now
    ],
)
def test_a_partition_that_stands_still_is_noticed(
    expected: float | None, looks: list[tuple[int, int, float]]
) -> None:
    """Position, end and time of each look: still since the first look at which nothing had moved."""
    ours = Assigned(committed=0, end=0, claim=Claim("i", 1))
    for position, end, now in looks:
        ours.position = position
        ours.watch(end, now)
    assert expected == ours.still_since


@pytest.mark.parametrize(("expected", "key"), [(2, "RJ1"), (0, "X24")])
def test_the_partition_of_a_key_is_kafkas(expected: int, key: str) -> None:
    """murmur2 as the Java client's and aiokafka's default partitioners have it."""
    assert expected == partition_of(key, 4)
    assert expected == DefaultPartitioner()(key.encode(), [0, 1, 2, 3], [0, 1, 2, 3])


EVENTS = TopicPartition("oversight.events", 0)


async def test_a_silent_broker_is_a_problem_of_its_own() -> None:
    """Not before fifteen seconds; the metric says so sooner; and it passes with the next answer."""
    clock, group, metrics = Clock(), Group(), Metrics()
    watch = Watch(Log(group, {EVENTS: (0, 9)}), EVENTS, metrics, clock)

    def reachable() -> float | None:
        return metrics.registry.get_sample_value("oversight_broker_reachable")

    await watch.look({})
    assert (1, []) == (reachable(), list(watch.problems({})))
    group.away, clock.now = True, 10
    await watch.look({})
    assert (0, []) == (reachable(), list(watch.problems({})))
    clock.now = 16
    assert ["the broker has not answered for 16 s"] == list(watch.problems({}))
    group.away = False
    await watch.look({})
    assert (1, []) == (reachable(), list(watch.problems({})))


async def test_a_partition_that_stands_still_is_named_and_measured() -> None:
    """Nine records to read, none read for 40 seconds."""
    clock, metrics = Clock(), Metrics()
    watch = Watch(Log(Group(), {EVENTS: (0, 9)}), EVENTS, metrics, clock)
    ours = {EVENTS: Assigned(0, 0, Claim("i", 1))}
    for clock.now in (0, 20, 40):
        await watch.look(ours)
    labels = {"topic": EVENTS.topic, "partition": "0"}
    assert 40 == metrics.registry.get_sample_value("oversight_partition_standing_still_seconds", labels)
    assert ["1 partitions have records to read and stand still: oversight.events/0"] == list(
        watch.problems(ours)
    )


@pytest.mark.parametrize(
    ("expected", "count", "size"),
    [(False, MAX_PENDING_RECORDS, 1), (True, MAX_PENDING_RECORDS + 1, 1), (True, 5, MAX_PENDING_BYTES // 4)],
)
def test_so_much_may_wait_and_no_more(*, expected: bool, count: int, size: int) -> None:
    """By number and by bytes; beyond them a checkpoint comes before the next batch."""
    of = engine()
    path = HotPath(Settings(), of, Snapshotter(of), metrics=Metrics(), pulse=Pulse(15))
    path._assigned[EVENTS] = Assigned(
        0, 0, Claim("i", 1), outputs=[Output("oversight.late", b"k", bytes(size))] * count
    )
    assert expected == path._full()


@pytest.mark.parametrize(
    ("expected", "took", "setting"),
    [(0.25, 0.02, 0.25), (0.6, 0.2, 0.25), (1.0, 8.0, 0.25), (5.0, 0.2, 5.0)],
)
def test_a_tick_follows_what_a_checkpoint_takes(expected: float, took: float, setting: float) -> None:
    """Never shorter than the setting, and not long after one that waited for the broker."""
    assert expected == pytest.approx(tick_after(took, setting))


def test_a_late_tick_is_a_problem() -> None:
    """Eleven seconds after the last checkpoint of a tick that comes every second."""
    of = engine()
    metrics = Metrics()
    path = HotPath(Settings(), of, Snapshotter(of), metrics=metrics, pulse=Pulse(15))
    path._joined, path._checkpointed = True, time.monotonic() - 12
    (problem,) = path.problems()
    assert problem.startswith("the tick is late: no checkpoint for 1")
    assert 11 == pytest.approx(metrics.registry.get_sample_value("oversight_tick_late_seconds"), abs=5)


async def test_a_worker_that_stays_refused_joins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its session and a deadline, and then each time as long again; never while it is a member."""
    of = engine()
    path = HotPath(
        Settings(session_timeout_seconds=6, deadline_seconds=4),
        of,
        Snapshotter(of),
        metrics=Metrics(),
        pulse=Pulse(15),
    )
    now, rejoined = 0.0, []

    async def rejoin() -> None:
        rejoined.append(now)

    monkeypatch.setattr(path, "rejoin", rejoin)
    monkeypatch.setattr("streams.pipeline.hot_path.time.monotonic", lambda: now)
    for lost, seconds in ((True, 9), (False, 5), (True, 30)):
        path._membership = SimpleNamespace(lost=lost)
        for _ in range(seconds):
            now += 1
            await path._rejoin_if_lost()

    assert [26, 37] == rejoined
