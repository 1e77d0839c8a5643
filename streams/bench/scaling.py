"""The engine as more is held, and over more organisations: rate, and memory an episode.

    python -m streams.bench.scaling HELD ORGANISATIONS     points as JSON, from a fresh interpreter

At every step the next 100,000 attendances are timed. They are made from as many templates with keys of
their own, so that ten million need no file. Organisations are few where the held episodes are counted:
all panes are there from the first step on, and what grows is what is held.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from aiokafka.structs import ConsumerRecord

from streams.bench.measured import PARTITION, status_bytes
from streams.bench.panes import Panes
from streams.bench.plot import curves
from streams.bench.workload import Workload, messages
from streams.engine.families.emergency import ATTENDANCE_FACTS
from streams.errors import BenchmarkError
from streams.pipeline.collector import calm_collector
from streams.pipeline.hot_path import MAX_RECORDS

STEPS = (10_000, 100_000, 1_000_000, 3_000_000, 10_000_000)
ORGANISATIONS = (20, 200, 1_000)
GOAL_HELD, GOAL_RATIO, GOAL_BYTES = 3_000_000, 0.8, 250
_MEBIBYTE = 1 << 20
_FEW = 20
_TIMED = 100_000
_DAYS = 13
_TOPIC = "bench.scaling"
_KEY = b'"attendance_key":"a'
_DIGITS = 4
_DEADLINE_SECONDS = 1_800
_ATTENDED = [ATTENDANCE_FACTS.index(one) for one in ("attended", "attended_type5")]


class Point(msgspec.Struct, frozen=True):
    """One step.

    Attributes:
        held: episodes held before the timed ones.
        organisations: how many there are.
        series: series of organisation and site.
        rate: events a second over the timed ones.
        cpu: processor seconds a million of them.
        resident_bytes: of the process, with `held` and the timed ones held.
    """

    held: int
    organisations: int
    series: int
    rate: float
    cpu: float
    resident_bytes: int


class Scaling(msgspec.Struct, frozen=True):
    """Every step of both."""

    held: list[Point]
    organisations: list[Point]

    @property
    def bytes_an_episode(self) -> float:
        """What one more episode takes, between the last two steps."""
        first, last = self.held[-2], self.held[-1]
        return (last.resident_bytes - first.resident_bytes) / (last.held - first.held)

    def slowdown(self, few: int, many: int) -> float | None:
        """Give the rate with many held over the rate with few, by processor time."""
        cpu = {one.held: one.cpu for one in self.held}
        return cpu[few] / cpu[many] if few in cpu and many in cpu else None


def measure(most: int = STEPS[-1], organisations: Sequence[int] = ORGANISATIONS) -> Scaling:
    """Measure both, each series of steps in an interpreter of its own.

    Args:
        most: the largest number of held episodes.
        organisations: how many organisations, each with 100,000 held.

    Raises:
        BenchmarkError: a step failed.
    """
    steps = [one for one in STEPS if one <= most]
    return Scaling(_apart(steps, _FEW), [_apart([_TIMED], one)[0] for one in organisations])


def _apart(steps: Sequence[int], organisations: int) -> list[Point]:
    """Run the steps in a fresh interpreter."""
    command = (sys.executable, "-m", "streams.bench.scaling", ",".join(map(str, steps)), str(organisations))
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_DEADLINE_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"scaling to {steps[-1]} held did not end in {_DEADLINE_SECONDS} s") from None
    if done.returncode != 0:
        said = "\n    ".join(done.stderr.decode(errors="replace").splitlines()[-15:])
        raise BenchmarkError(f"scaling to {steps[-1]} held failed (status {done.returncode}):\n    {said}")
    return msgspec.json.decode(done.stdout, type=list[Point])


def climb(steps: Sequence[int], organisations: int, timed: int = _TIMED) -> Iterator[Point]:
    """Hold more and more, and give a point at each step.

    Raises:
        BenchmarkError: an event was not taken, or an episode is missing.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    workload = Workload("scaling", timed, organisations, days=_DAYS)
    templates = [one.value for one in messages(workload, now - timedelta(hours=1))]
    records = _records(templates, int(now.timestamp() * 1000))
    panes = Panes(_TOPIC)
    calm_collector()
    sent = 0
    for step in steps:
        while sent < step:
            batch = _next(records, min(MAX_RECORDS, step - sent))
            panes.take(batch)
            sent += len(batch)
        panes.settle()
        wall = cpu = 0.0
        for _ in range(0, timed, MAX_RECORDS):
            batch = _next(records, MAX_RECORDS)
            began, began_cpu = time.perf_counter(), time.process_time()
            panes.take(batch)
            wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - began_cpu
            sent += len(batch)
        began, began_cpu = time.perf_counter(), time.process_time()
        panes.settle()
        wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - began_cpu
        _check(panes, sent)
        count = -(-timed // MAX_RECORDS) * MAX_RECORDS
        yield Point(
            step,
            organisations,
            len(panes.partition.series),
            count / wall,
            cpu / count * 1e6,
            status_bytes("VmRSS"),
        )


def _check(panes: Panes, sent: int) -> None:
    attended = sum(
        tally.facts[one]
        for one in _ATTENDED
        for series in panes.partition.series.values()
        for pane in series.panes.values()
        for tally in pane.values()
    )
    if not sent == attended == len(panes.partition.held):
        raise BenchmarkError(f"{sent} sent, {attended} counted, {len(panes.partition.held)} held")


def _records(templates: list[bytes], append_ms: int) -> Iterator[ConsumerRecord[bytes, bytes]]:
    """Give records without end, each an attendance of its own."""
    places = [value.index(_KEY) + len(_KEY) for value in templates]
    offset = copy = 0
    while True:
        digits = b"%0*d" % (_DIGITS, copy)
        for place, template in zip(places, templates, strict=True):
            value = b"%b%b%b" % (template[:place], digits, template[place + _DIGITS :])
            yield ConsumerRecord(_TOPIC, PARTITION, offset, append_ms, 1, b"", value, None, 0, len(value), ())
            offset += 1
        copy += 1


def _next(records: Iterator[ConsumerRecord[bytes, bytes]], count: int) -> list[ConsumerRecord[bytes, bytes]]:
    return [next(records) for _ in range(count)]


def lines(found: Scaling) -> list[str]:
    """Give the figures as Markdown: a table of both climbs, and the goals under it."""
    told = [
        "| held before | organisations | series | events/s | CPU µs an event | resident memory, MiB |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    told += [
        f"| {one.held:,} | {one.organisations:,} | {one.series:,} | {one.rate:,.0f} | {one.cpu:.1f}"
        f" | {one.resident_bytes / _MEBIBYTE:,.0f} |"
        for one in (*found.held, *found.organisations)
    ]
    told += ["", f"- The engine alone: each row times the next {_TIMED:,} attendances."]
    slower = found.slowdown(STEPS[0], GOAL_HELD)
    if slower is not None:
        told.append(
            f"- With {GOAL_HELD:,} held the rate is {slower:.2f} of that with {STEPS[0]:,}, by processor time"
            f" (goal: at least {GOAL_RATIO:g}, {'reached' if slower >= GOAL_RATIO else 'missed'})."
        )
    if len(found.held) > 1:
        each = found.bytes_an_episode
        told.append(
            f"- A held attendance takes {each:.0f} bytes, all that grows with it included (goal: at most"
            f" {GOAL_BYTES}, {'reached' if each <= GOAL_BYTES else 'missed'})."
        )
    return told


def picture(found: Scaling) -> bytes:
    """Draw rate and memory over what is held, as SVG."""
    points = found.held
    return curves(
        "held attendances",
        [one.held for one in points],
        {
            "events a second": [one.rate for one in points],
            "CPU µs an event": [one.cpu for one in points],
            "resident memory, MiB": [one.resident_bytes / _MEBIBYTE for one in points],
        },
    )


if __name__ == "__main__":
    asked = [int(one) for one in sys.argv[1].split(",")]
    sys.stdout.buffer.write(msgspec.json.encode(list(climb(asked, int(sys.argv[2])))))
