"""From the broker's append of an event to its value on /metrics, at steady rates, through the real service.

    publisher ─► Kafka, which stamps each event ─► `oversight worker`, as it ships ─► /metrics ◄─ asked again
    and again: an organisation's n-th attendance is visible once its denominator is n

Every attendance that the four-hour standard counts is followed, so a figure is over thousands of events and
not over samples. Broker, service, publisher and the one who asks share the machine and its clock. What is
sent in the first seconds is not counted: the broker's code is still being compiled. Making the events, and
the start of everything, are outside the clock. An event that does not become visible, or one too many, ends
it without a figure.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec

from streams.bench.served import ENGLAND, MEASURE, Topics, Worker, figures, total
from streams.bench.steady import AGO_SECONDS, STRETCH_SECONDS, Order, Sent
from streams.engine.calendar import local_day, midnight
from streams.errors import BenchmarkError
from streams.local import ManagedProcess
from streams.pipeline.topics import prepare_topics
from streams.settings import Settings

CASES = ((100, 200), (1_000, 200), (10_000, 200), (1_000, 20))
"""Events a second and organisations: those of England, and those of a few integrated care systems."""
GOAL_RATE, GOAL_SECONDS = 1_000, 1.0
_TICK = "oversight_tick_duration_seconds"
_WINDOW = "since_midnight"
_ASK_SECONDS, _PAUSE = 0.02, 3.0
"""How long it is not asked again: at least so long, and so many times as long as the answer took."""
_NAMES = (f"oversight_{MEASURE}_denominator", f"{_TICK}_sum", f"{_TICK}_count")
_READY_SECONDS = 90.0
_VISIBLE_SECONDS = 60.0
_SPARE_SECONDS = 120
_STEADY = 0.98
"""Share of the wanted rate below which the table tells the rate that was sent."""


class Rate(msgspec.Struct, frozen=True):
    """One rate.

    Attributes:
        asked: events a second that were wanted.
        organisations: publishers, of unequal size.
        sent: events a second that were sent.
        events: how many were followed.
        p50: median seconds from append to visible.
        p99: 99 of 100 were visible by then.
        longest: seconds of the slowest.
        between_answers: median seconds between two answers of /metrics: how finely this was looked at.
        answer_seconds: median seconds that /metrics took to answer.
        answer_bytes: of the last answer.
        worker_cores: processor time of the worker over elapsed time, the answers included.
        checkpoint_seconds: mean time of a checkpoint.
    """

    asked: int
    organisations: int
    sent: float
    events: int
    p50: float
    p99: float
    longest: float
    between_answers: float
    answer_seconds: float
    answer_bytes: int
    worker_cores: float
    checkpoint_seconds: float


class Latency(msgspec.Struct, frozen=True):
    """Every rate, and what it was measured with.

    Attributes:
        rates: one a rate.
        seconds: how long each rate was kept up and counted.
        partitions: of the topic of events.
        tick_seconds: the service's setting.
    """

    rates: list[Rate]
    seconds: float
    partitions: int
    tick_seconds: float

    def reached(self) -> dict[int, bool]:
        """Whether the goal was reached, by how many organisations share its rate."""
        return {one.organisations: one.p99 <= GOAL_SECONDS for one in self.rates if one.asked == GOAL_RATE}


def measure(
    bootstrap: str,
    directory: Path,
    cases: Sequence[tuple[int, int]] = CASES,
    *,
    seconds: float = 60.0,
    warm_up: float = 5.0,
) -> Latency:
    """Measure each case with topics and a worker of its own.

    Args:
        bootstrap: where Kafka is.
        directory: for the workers' logs.
        cases: events a second, and how many organisations they come from.
        seconds: how long each is kept up and counted.
        warm_up: seconds of the same rate before that.

    Raises:
        BenchmarkError: the publisher failed, or what is visible is not what was sent.
        LocalServerError: a worker did not get ready.
    """
    shipped = Settings.model_construct()
    found = []
    for rate, organisations in cases:
        topics = Topics(f"bench.latency-{rate}-{organisations}", shipped.partitions)
        asyncio.run(prepare_topics(topics.settings(bootstrap)))
        order = Order(
            bootstrap=bootstrap,
            topic=topics.settings(bootstrap).topic("events"),
            partitions=topics.partitions,
            organisations=organisations,
            rate=rate,
            seconds=seconds,
            warm_up=warm_up,
        )
        _keep_off_midnight(warm_up + seconds)
        with Worker(bootstrap, directory, topics) as worker:
            worker.process.wait_ready(worker.is_ready, deadline_seconds=_READY_SECONDS)
            found.append(_follow(worker, order))
    return Latency(found, seconds, shipped.partitions, shipped.tick_seconds)


def _keep_off_midnight(seconds: float) -> None:
    """Wait until a run fits between two midnights in London: the window that is looked at begins there."""
    now = time.time()
    today = local_day(int(now))
    since, left = now - midnight(today), midnight(today + 1) - now
    before = STRETCH_SECONDS + AGO_SECONDS
    if left < seconds + _VISIBLE_SECONDS + _SPARE_SECONDS:
        time.sleep(left + before + 1)
    elif since < before:
        time.sleep(before - since + 1)


class Watcher:
    """Asks a worker for /metrics again and again, and notes when an organisation's denominator grew."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.seen: dict[str, int] = {}
        self.grew: list[tuple[float, str, int]] = []
        self.answered: list[float] = []
        self.took: list[float] = []
        self.text = b""

    def look(self) -> None:
        """Ask once, note what was seen when the answer was there, and wait for the next time."""
        asked = time.time()
        self.text = self._worker.metrics(*_NAMES)
        at = time.time()
        self.answered.append(at)
        self.took.append(at - asked)
        for (org, part), value in figures(self.text, MEASURE, _WINDOW).items():
            if part == "denominator" and org != ENGLAND and value != self.seen.get(org, 0):
                self.seen[org] = value
                self.grew.append((at, org, value))
        time.sleep(max(_ASK_SECONDS, _PAUSE * (at - asked)))


def _follow(worker: Worker, order: Order) -> Rate:
    """Have a publisher send, and look until everything is visible."""
    told = worker.process.directory / f"{order.topic}.json"
    publisher = ManagedProcess(
        f"publisher-{order.rate}",
        (sys.executable, "-m", "streams.bench.steady", msgspec.json.encode(order).decode(), str(told)),
        directory=worker.process.directory,
    )
    watcher = Watcher(worker)
    watcher.look()
    before, cpu, began = watcher.text, worker.cpu_seconds(), time.monotonic()
    with publisher:
        while publisher.is_running:
            watcher.look()
    if not told.exists():
        raise BenchmarkError(f"the publisher failed; see {publisher.log_path}")
    sent = msgspec.json.decode(told.read_bytes(), type=Sent)
    want = {org: len(appended) for org, appended in sent.appended_ms.items()}
    ends_at = time.monotonic() + _VISIBLE_SECONDS
    while watcher.seen != want and time.monotonic() < ends_at:
        watcher.look()
    if watcher.seen != want:
        raise BenchmarkError(f"visible is not what was sent: {_first_difference(want, watcher.seen)}")
    cores = (worker.cpu_seconds() - cpu) / (time.monotonic() - began)
    waits = sorted(delays(sent, watcher.grew))
    count, spent = (
        total(watcher.text, name) - total(before, name) for name in (f"{_TICK}_count", f"{_TICK}_sum")
    )
    return Rate(
        asked=order.rate,
        organisations=order.organisations,
        sent=sent.events / sent.seconds,
        events=len(waits),
        p50=percentile(waits, 0.5),
        p99=percentile(waits, 0.99),
        longest=waits[-1],
        between_answers=median(b - a for a, b in pairwise(watcher.answered)),
        answer_seconds=median(watcher.took),
        answer_bytes=len(watcher.text),
        worker_cores=cores,
        checkpoint_seconds=spent / count,
    )


def delays(sent: Sent, grew: Sequence[tuple[float, str, int]]) -> Iterator[float]:
    """Give the seconds from append to visible of every event after the warm-up.

    Args:
        sent: with the append times.
        grew: (wall time, organisation, its denominator from then on), in order of time.

    Raises:
        BenchmarkError: a denominator went back.
    """
    visible: dict[str, int] = {}
    for at, org, value in grew:
        first = visible.get(org, 0)
        if value < first:
            raise BenchmarkError(f"the denominator of {org} went back from {first} to {value}")
        for appended in sent.appended_ms.get(org, [])[first:value]:
            if appended >= sent.counted_from_ms:
                yield at - appended / 1000
        visible[org] = value


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share of the ordered values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _first_difference(want: Mapping[str, int], seen: Mapping[str, int]) -> str:
    return next(
        f"{org} has sent {want.get(org, 0)}, and {seen.get(org, 0)} are shown"
        for org in sorted(want.keys() | seen.keys())
        if want.get(org) != seen.get(org)
    )


def lines(found: Latency) -> list[str]:
    """Give the figures as a Markdown table, and what they depend on under it."""
    told = [
        "| events/s | from | followed | p50, s | p99, s | longest, s | looked every, ms | worker, cores |",
        "| --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for one in found.rates:
        short = f" ({one.sent:,.0f} sent)" if one.sent < _STEADY * one.asked else ""
        figures_told = (
            f"{one.asked:,}{short}",
            f"{one.organisations} organisations",
            f"{one.events:,}",
            *(f"{seconds:.2f}" for seconds in (one.p50, one.p99, one.longest)),
            f"{one.between_answers * 1000:.0f}",
            f"{one.worker_cores:.2f}",
        )
        told.append(f"| {' | '.join(figures_told)} |")
    reached = ", ".join(
        f"{'reached' if one else 'missed'} with {organisations} organisations"
        for organisations, one in found.reached().items()
    )
    told += [
        "",
        f"- Goal: p99 of at most {GOAL_SECONDS:g} s at {GOAL_RATE:,} events/s: {reached or 'not measured'}.",
        (
            f"- {found.partitions} partitions, a tick of {found.tick_seconds:g} s, as shipped;"
            f" {found.seconds:g} s a rate. An event waits half a tick on average, then for its checkpoint,"
            " the roll-up and the text."
        ),
    ]
    if found.rates:
        largest = max(found.rates, key=lambda one: one.answer_bytes)
        slowest = max(one.checkpoint_seconds for one in found.rates)
        told.append(
            f"- A checkpoint takes up to {slowest * 1000:.0f} ms on average; an answer of /metrics with the"
            f" family that is asked for has up to {largest.answer_bytes / 1e6:.1f} MB and takes"
            f" {largest.answer_seconds * 1000:.0f} ms, which counts."
        )
    told.append(
        "- Broker, worker, publisher and the one who asks share the machine's cores. Asking so often is a"
        " load that no Prometheus is: the worker's cores include it."
    )
    return told
