"""A guard against slow decay: a short pair of raw consumer and hot path beside the stored figures.

It compares how much of the raw consumer's work the hot path does with a second of processor time: machines
differ in speed, and that ratio hardly does. It says when the ratio has fallen; it never fails, as a machine
under test is busy with other things. A wrong result does end it, as everywhere in the benchmark.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from streams.bench.measured import Task
from streams.bench.oracle import Expected
from streams.bench.ratios import OURS, pairs, thriftier
from streams.bench.report import Report
from streams.bench.rounds import Runs, run_rounds
from streams.bench.topic import fill
from streams.bench.workload import Workload, messages

RAW = "raw"
EVENTS, ROUNDS = 60_000, 3
TOLERANCE = 0.7
"""Share of the stored ratio below which it is said."""
_TOPIC = "bench.guard"


class Guard(msgspec.Struct, frozen=True):
    """The ratio measured now, and the one that is stored: events a processor second, hot path over raw."""

    measured: float
    stored: float

    @property
    def warning(self) -> str | None:
        """What there is to say; None while the ratio holds."""
        if self.measured >= TOLERANCE * self.stored:
            return None
        return (
            f"Kafka to panes over raw consumer is {self.measured:.3f} by processor time, less than"
            f" {TOLERANCE:.0%} of the stored {self.stored:.3f}: has the hot path become slower? Look with"
            " `make bench`; if it is meant to be so, commit the new figures"
        )


def measure(bootstrap: str, directory: Path, stored: Report, *, events: int = EVENTS) -> Guard | None:
    """Run both contenders, and compare; None when nothing is stored to compare with.

    Args:
        bootstrap: where Kafka is.
        directory: for files.
        stored: the committed figures.
        events: in the topic.

    Raises:
        BenchmarkError: a contender failed, or its result is wrong.
    """
    before = ratio(stored.results[0].runs) if stored.results else None
    if before is None:
        return None
    sent = messages(Workload("guard", events), datetime.now(UTC).replace(microsecond=0))
    asyncio.run(fill(bootstrap, _TOPIC, sent))
    task = Task(
        contender="",
        events=len(sent),
        values="",
        bootstrap=bootstrap,
        topic=_TOPIC,
        append_ms=int(time.time() * 1000),
        sums=str(directory / "sums.json"),
    )
    runs = run_rounds(
        task,
        (RAW, OURS),
        want=Expected([one.value for one in sent]),
        rounds=ROUNDS,
        warm_up=0,
        say=lambda _text: None,
    )
    now = ratio(runs)
    return None if now is None else Guard(now, before)


def ratio(runs: Runs) -> float | None:
    """Give the median ratio of the rounds by processor time; None without both contenders."""
    return median(pairs(runs, RAW, thriftier)) if runs.get(RAW) and runs.get(OURS) else None
