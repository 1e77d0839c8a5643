"""Partitions and workers: a backlog read from a cold start by real `oversight worker` processes.

Topics are made as the service makes them and filled before anything starts. The clock runs from the start of
the processes until all of them say on /readyz that they are ready; making and sending the events is outside
it. Processor time is that of the workers alone, from /proc. What as many workers over empty topics take in
the same time, asked as often, is measured beside it and taken off: every worker loads its own libraries and
has ticks without events, and that is no matter of events.

A case counts only when the four-hour standard of every organisation and of England equals a recount of what
was sent (`streams.bench.oracle`). Broker and workers share the machine's cores, so that two workers on two
cores cannot be twice as fast; processor time an event is the figure that counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiokafka.admin import AIOKafkaAdminClient

from streams.bench.oracle import Expected
from streams.bench.served import ENGLAND, MEASURE, Figures, Topics, Worker, figures
from streams.bench.topic import send
from streams.bench.workload import Message, Workload, messages
from streams.engine.calendar import local_day, midnight
from streams.errors import BenchmarkError
from streams.local import ApacheKafka
from streams.pipeline.topics import TOPICS, prepare_topics

CASES = ((1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2))
"""Partitions and workers of each case."""
EVENTS, ORGANISATIONS = 300_000, 200
GOAL_PARTITIONS, GOAL_RATIO = 2, 1.1
_DAYS = 12
"""Stretch of the events: whole days, inside the correction horizon even when a midnight passes meanwhile."""
_WINDOW = "28d"
_POLL_SECONDS, _LOOK_SECONDS = 0.05, 0.25
"""Between two questions for /readyz, and for figures, which cost the worker more."""
_WAIT_FOR_WORKERS = {"group.initial.rebalance.delay.ms": "3000"}
_READY_SECONDS = 600.0
_RIGHT_SECONDS = 60.0


class Case(msgspec.Struct, frozen=True):
    """One case.

    Attributes:
        partitions: of the topic of events.
        workers: processes.
        events: in the topic when they start.
        ready_seconds: from their start until all are ready.
        cpu_seconds: of all workers until then.
        right_seconds: from their start until every figure is right, too.
        right_cpu_seconds: of all workers until that.
        empty_ready_seconds: from start to ready of as many over empty topics.
        empty_cpu_seconds: of them, when these are ready.
        empty_right_cpu_seconds: of them, when every figure of these is right.
        largest_share: of the events, how many are in the fullest partition: no worker can be done before.
    """

    partitions: int
    workers: int
    events: int
    ready_seconds: float
    cpu_seconds: float
    right_seconds: float
    right_cpu_seconds: float
    empty_ready_seconds: float
    empty_cpu_seconds: float
    empty_right_cpu_seconds: float
    largest_share: float

    @property
    def rate(self) -> float:
        """Events a second, the start of the processes taken off."""
        return self.events / max(self.ready_seconds - self.empty_ready_seconds, 1e-9)

    @property
    def cpu(self) -> float:
        """Processor seconds a million events, which is µs an event; what none would take is taken off."""
        return (self.cpu_seconds - self.empty_cpu_seconds) / self.events * 1e6

    @property
    def right_cpu(self) -> float:
        """The same until every figure is right: with the first roll-up of all organisations."""
        return (self.right_cpu_seconds - self.empty_right_cpu_seconds) / self.events * 1e6


class Workers(msgspec.Struct, frozen=True):
    """Every case."""

    cases: list[Case]
    organisations: int

    def ratio(self, partitions: int) -> float | None:
        """Give the processor time an event with two workers over that with one; None without both.

        Until every figure is right: what one worker has published of a partition before it has read the
        other differs from case to case, and what there is to do in the end does not.
        """
        cpu = {one.workers: one.right_cpu for one in self.cases if one.partitions == partitions}
        return cpu[2] / cpu[1] if {1, 2} <= cpu.keys() else None


def measure_apart(directory: Path) -> Workers:
    """Measure each case with a Kafka of its own, which waits for workers that start together.

    So does Kafka by default; ours do not wait, for the sake of tests. There the first worker gets every
    partition and reads for seconds what it then hands over.

    Raises:
        BenchmarkError: as `measure` says.
        LocalServerError: Kafka did not start.
    """
    with ApacheKafka(directory / "kafka-workers", properties=_WAIT_FOR_WORKERS) as kafka:
        return measure(kafka.bootstrap, directory)


def measure(
    bootstrap: str,
    directory: Path,
    cases: Sequence[tuple[int, int]] = CASES,
    *,
    events: int = EVENTS,
    organisations: int = ORGANISATIONS,
) -> Workers:
    """Measure each case with topics of its own.

    Args:
        bootstrap: where Kafka is.
        directory: for the workers' logs.
        cases: partitions and workers of each.
        events: in the backlog.
        organisations: publishers, of unequal size.

    Raises:
        BenchmarkError: figures are not those of what was sent, or a worker did not get ready.
    """
    until = datetime.fromtimestamp(midnight(local_day(int(time.time()))), UTC) - timedelta(minutes=1)
    sent = messages(Workload("workers", events, organisations, days=_DAYS), until)
    want = expected(sent)
    place = _Place(bootstrap, directory)
    found = []
    for partitions, workers in cases:
        name = f"bench.workers-{partitions}-{workers}"
        full = _run(place, Topics(name, partitions), workers, sent, want)
        empty = _run(place, Topics(f"{name}-empty", partitions), workers, [], {}, beside=full)
        found.append(
            Case(
                partitions=partitions,
                workers=workers,
                events=len(sent),
                ready_seconds=full.ready_seconds,
                cpu_seconds=full.cpu_seconds,
                right_seconds=full.right_seconds,
                right_cpu_seconds=full.right_cpu_seconds,
                empty_ready_seconds=empty.ready_seconds,
                empty_cpu_seconds=empty.cpu_seconds,
                empty_right_cpu_seconds=empty.right_cpu_seconds,
                largest_share=max(full.shares) / len(sent),
            )
        )
    return Workers(found, organisations)


def expected(sent: Sequence[Message]) -> Figures:
    """Recount the four-hour standard of every organisation and of England."""
    found: Figures = {}
    for place, facts in Expected([one.value for one in sent]).ratio.items():
        for org in (place.split("/")[0], ENGLAND):
            for part, fact in (("numerator", "within_4h"), ("denominator", "attended")):
                found[org, part] = found.get((org, part), 0) + facts.get(fact, 0)
    return found


class _Place(NamedTuple):
    bootstrap: str
    directory: Path


class _Run(NamedTuple):
    ready_seconds: float
    cpu_seconds: float
    right_seconds: float
    right_cpu_seconds: float
    shares: list[int]


def _run(
    place: _Place,
    topics: Topics,
    workers: int,
    sent: Sequence[Message],
    want: Figures,
    *,
    beside: _Run | None = None,
) -> _Run:
    """Fill topics, start workers over them, wait until they are ready and right, and clear all away.

    Beside another run their processor time is taken when that was ready and right; they are asked so long.
    """
    bootstrap, directory = place
    settings = topics.settings(bootstrap)
    asyncio.run(prepare_topics(settings))
    shares = asyncio.run(send(bootstrap, settings.topic("events"), sent, topics.partitions))
    running = [Worker(bootstrap, directory, topics, number) for number in range(1, workers + 1)]
    with ExitStack() as started:
        for one in running:
            started.callback(one.kill)
        began = time.monotonic()
        for one in running:
            one.start()
        _wait(running, lambda: _unready(running), _READY_SECONDS)
        ready = time.monotonic() - began
        _ask(lambda: _unready(running), began + (beside.ready_seconds if beside else 0), _POLL_SECONDS)
        cpu = _cpu(running)
        _wait(running, lambda: _differs(running, want), _RIGHT_SECONDS, _LOOK_SECONDS)
        _ask(lambda: _differs(running, want), began + (beside.right_seconds if beside else 0), _LOOK_SECONDS)
        right, right_cpu = time.monotonic() - began, _cpu(running)
    asyncio.run(_delete(bootstrap, [settings.topic(one.name) for one in TOPICS]))
    return _Run(ready, cpu, right, right_cpu, shares)


def _ask(question: Callable[[], str], until: float, every: float) -> None:
    """Ask as often as one who waits for the answer, until a moment."""
    while time.monotonic() < until:
        question()
        time.sleep(every)


def _cpu(running: Sequence[Worker]) -> float:
    return sum(one.cpu_seconds() for one in running)


def _wait(
    running: Sequence[Worker], problem: Callable[[], str], seconds: float, every: float = _POLL_SECONDS
) -> None:
    """Wait until there is no problem left, while every worker runs."""
    ends_at = time.monotonic() + seconds
    while said := problem():
        for one in running:
            if not one.process.is_running:
                raise BenchmarkError(f"a worker ended: see {one.process.log_path}")
        if time.monotonic() > ends_at:
            raise BenchmarkError(f"after {seconds:g} s {said}")
        time.sleep(every)


def _unready(running: Sequence[Worker]) -> str:
    waiting = sum(not one.is_ready() for one in running)
    return f"{waiting} workers are not ready" if waiting else ""


def _differs(running: Sequence[Worker], want: Figures) -> str:
    """Say where the figures of the worker that serves them differ first from those wanted."""
    names = [f"oversight_{MEASURE}_{part}" for part in ("numerator", "denominator")]
    got: Figures = {}
    for one in running:
        got |= figures(one.metrics(*names), MEASURE, _WINDOW)
    wrong = sorted(key for key in want.keys() | got.keys() if want.get(key) != got.get(key))
    if not wrong:
        return ""
    org, part = wrong[0]
    return f"the {part} of {org} is {got.get(wrong[0])}, not {want.get(wrong[0])}"


async def _delete(bootstrap: str, topics: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics(topics)
    finally:
        await admin.close()


def lines(found: Workers) -> list[str]:
    """Give the figures as a Markdown table, and what they depend on under it."""
    heads = (
        "partitions",
        "workers",
        "start to ready, s",
        "without events, s",
        "events/s",
        "CPU µs an event until ready",
        "until every figure is right",
    )
    told = [f"| {' | '.join(heads)} |", f"|{' --: |' * len(heads)}"]
    told += [
        f"| {one.partitions} | {one.workers} | {one.ready_seconds:.1f} | {one.empty_ready_seconds:.1f}"
        f" | {one.rate:,.0f} | {one.cpu:.1f} | {one.right_cpu:.1f} |"
        for one in found.cases
    ]
    told.append("")
    ratio = found.ratio(GOAL_PARTITIONS)
    if ratio is not None:
        told.append(
            f"- Two workers on {GOAL_PARTITIONS} partitions take {ratio:.2f} times as much processor time an"
            " event as one, until every figure is right"
            f" (goal: at most {GOAL_RATIO:g}, {'reached' if ratio <= GOAL_RATIO else 'missed'})."
        )
    if found.cases:
        late = max(one.right_seconds - one.ready_seconds for one in found.cases)
        told.append(
            f"- A backlog of {found.cases[0].events:,} events of {found.organisations} organisations, read"
            f" from a cold start; every figure is right at most {late:.1f} s after all workers are ready."
        )
    shares = {one.partitions: one.largest_share for one in found.cases if one.partitions > 1}
    if shares:
        fullest = ", ".join(f"{share:.0%} of all events with {count}" for count, share in shares.items())
        told.append(
            f"- Organisations are of unequal size, and a partition has one worker: the fullest has {fullest}."
        )
    told.append(
        "- Taken off: of the rate, the start of as many workers over empty topics; of processor time, what"
        " these take in the same time. Broker and workers share the machine's cores: processor time counts."
    )
    return told
