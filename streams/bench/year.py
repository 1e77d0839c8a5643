"""A year of England's emergency attendances through the engine, scaled from three million.

    python -m streams.bench.year EVENTS      what it took, as JSON

Each record is appended five minutes after its departure, a hundred at a time, so that days close behind the
append clock as they do in service: totals are made, episodes are let go, hashes of them kept. Three million
are a ninth of England's, so they come from a ninth of its organisations: each is as busy as it is there. One
template day is sent again for each day of the year under other dates and keys. Making the records is outside
the clock.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec
from aiokafka.structs import ConsumerRecord

from schemas.outputs import DayTotal
from streams.bench.measured import PARTITION, status_bytes
from streams.bench.panes import Panes
from streams.bench.workload import Workload, messages
from streams.engine.families.emergency import ATTENDANCE_FACTS
from streams.errors import BenchmarkError
from streams.pipeline.collector import calm_collector

ENGLAND = 27_000_000
"""Attendances a year at emergency departments in England, all types, rounded (NHS England statistics)."""
GOAL_MINUTES = 5.0
EVENTS = 3_000_000
_MEBIBYTE = 1 << 20
_DAYS = 365
_ORGANISATIONS = 200 * EVENTS // ENGLAND
_FIRST = date(2025, 1, 1)
_TOGETHER = 100
_TOPIC = "bench.year"
_KEY = b'"attendance_key":"a'
_DIGITS = 4
_DEADLINE_SECONDS = 900


class Year(msgspec.Struct, frozen=True):
    """What it took.

    Attributes:
        events: attendances sent.
        cpu_seconds: of the engine.
        held: episodes held at the end.
        totals: totals of closed days that were made.
        resident_bytes: of the process at the end.
    """

    events: int
    cpu_seconds: float
    held: int
    totals: int
    resident_bytes: int

    @property
    def minutes_for_england(self) -> float:
        """Processor time for all of England's, if each takes as long."""
        return self.cpu_seconds / self.events * ENGLAND / 60


def measure(events: int = EVENTS) -> Year:
    """Measure it in a fresh interpreter.

    Raises:
        BenchmarkError: it failed, or the result is wrong.
    """
    command = (sys.executable, "-m", "streams.bench.year", str(events))
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_DEADLINE_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"the year did not end in {_DEADLINE_SECONDS} s") from None
    if done.returncode != 0:
        said = "\n    ".join(done.stderr.decode(errors="replace").splitlines()[-15:])
        raise BenchmarkError(f"the year failed (status {done.returncode}); it said:\n    {said}")
    return msgspec.json.decode(done.stdout, type=Year)


def run(events: int) -> Year:
    """Send a year of so many attendances, and count what came out.

    Raises:
        BenchmarkError: one was not taken, or counts twice.
    """
    panes = Panes(_TOPIC)
    calm_collector()
    seconds, sent, totals, closed = 0.0, 0, 0, 0
    for records in _days(max(events // _DAYS, 1)):
        began = time.process_time()
        outputs = [
            panes.take(records[start : start + _TOGETHER]) for start in range(0, len(records), _TOGETHER)
        ]
        panes.settle()
        seconds += time.process_time() - began
        sent += len(records)
        for one in (one for out in outputs for one in out.totals if isinstance(one, DayTotal)):
            totals += 1
            closed += _attended(cell.facts for cell in one.cells)
    still_open = sum(
        _attended(tally.facts for tally in pane.values())
        for series in panes.partition.series.values()
        for pane in series.panes.values()
    )
    if sent != closed + still_open:
        raise BenchmarkError(
            f"{sent} attendances sent, {closed} in closed days and {still_open} in open ones"
        )
    return Year(sent, seconds, len(panes.partition.held), totals, status_bytes("VmRSS"))


def _attended(vectors: Iterator[list[int]]) -> int:
    kinds = [ATTENDANCE_FACTS.index(one) for one in ("attended", "attended_type5")]
    return sum(facts[one] for facts in vectors for one in kinds)


def _days(each: int) -> Iterator[list[ConsumerRecord[bytes, bytes]]]:
    """Give the records of each day."""
    midnight = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=UTC)
    template = [
        one.value
        for one in messages(Workload("year", each, _ORGANISATIONS, days=1), midnight + timedelta(days=1))
    ]
    places = [value.index(_KEY) + len(_KEY) for value in template]
    dates = [_FIRST + timedelta(days=back) for back in (1, 0, -1)]  # the latest first: they are replaced
    step = timedelta(days=1) / each
    for number in range(_DAYS):
        ahead = timedelta(days=number)
        changed = [(f"{one}T".encode(), f"{one + ahead}T".encode()) for one in dates]
        changed = changed if number else []
        records = []
        for n, (place, value) in enumerate(zip(places, template, strict=True)):
            altered = b"%b%0*d%b" % (value[:place], _DIGITS, number, value[place + _DIGITS :])
            for before, after in changed:
                altered = altered.replace(before, after)
            together = min(n - n % _TOGETHER + _TOGETHER, each)
            append = midnight + ahead + together * step + timedelta(minutes=5)
            records.append(
                ConsumerRecord(
                    _TOPIC,
                    PARTITION,
                    number * each + n,
                    int(append.timestamp() * 1000),
                    1,
                    b"",
                    altered,
                    None,
                    0,
                    len(altered),
                    (),
                )
            )
        yield records


def lines(found: Year) -> list[str]:
    """Give the figures as Markdown."""
    minutes = found.minutes_for_england
    verdict = "reached" if minutes <= GOAL_MINUTES else "missed"
    each, mebibytes = found.cpu_seconds / found.events * 1e6, found.resident_bytes / _MEBIBYTE
    took = (
        f"- {found.events:,} attendances of one year took the engine {found.cpu_seconds:.0f} s of processor"
        f" time, {each:.1f} µs each; days closed behind them, with {found.totals:,} totals of an"
        " organisation, site and day."
    )
    scaled = (
        f"- Scaled to the {ENGLAND / 1e6:.0f} million of England in a year: **{minutes:.1f} minutes** a core"
        f" (goal: {GOAL_MINUTES:g}, {verdict})."
    )
    return [took, scaled, f"- At the end {found.held:,} were held, in {mebibytes:.0f} MiB."]


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(int(sys.argv[1]))))
