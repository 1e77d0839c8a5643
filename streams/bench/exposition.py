"""Scrapes and ticks: how long /metrics takes, and how long anything of a tick holds the event loop.

    python -m streams.bench.exposition scrapes|ticks ORGANISATIONS FAMILY,FAMILY ROUNDS     figures as JSON

Scrapes go through the ASGI application, without a network; between two of them nothing has changed, or a
share of the organisations has. A tick is the checkpoint of a partition with many organisations, and the
board that takes what it writes; the broker is left out. Sending events and checking bodies are outside the
clock: before its figures count a body must be what the rows of a board fed at once come to, series by series.
"""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec
import structlog
import uvloop

from streams.bench.assessing import Assessing
from streams.bench.holds import Holds
from streams.bench.scene import Scene
from streams.errors import BenchmarkError
from streams.pipeline.collector import calm_collector, collect_young
from streams.sources.simulator import FAMILY_NAMES

GOAL_SERIES = 50_000
UNCHANGED_GOAL_MS, CHANGED_GOAL_MS, HOLD_GOAL_MS = 10, 60, 60
SHARE = 0.05
"""Of the organisations that change between two scrapes, or in a tick."""
ROUNDS = 9
_DEADLINE_SECONDS = 600
_QUARTER_SECONDS, _SILENCE_SECONDS = 900, 6 * 3600
_MEBIBYTE = 1 << 20
_Found = TypeVar("_Found")


class Shape(msgspec.Struct, frozen=True):
    """What the organisations are and publish."""

    organisations: int
    families: tuple[str, ...]


SHAPES = (
    Shape(1, ("ambulance_handover", "theatre_session")),  # a small page
    Shape(145, ("ambulance_handover",)),  # 50,000
    Shape(200, ("ed_attendance", "theatre_session")),  # many times that
)
TICKS = (
    Shape(250, ("ed_attendance", "theatre_session")),
    Shape(250, FAMILY_NAMES),  # every indicator of the catalogue
)


class Times(msgspec.Struct, frozen=True):
    """What the rounds took, milliseconds: elapsed, and processor time of the process."""

    ms: list[float] = []
    cpu_ms: list[float] = []


class Scrapes(msgspec.Struct, frozen=True):
    """The scrapes of one shape.

    Attributes:
        organisations: that publish; their ICBs and regions come on top.
        changed: how many of them change between two scrapes.
        series: of the indicators.
        plain_bytes: size of a body.
        gzip_bytes: of the same as it travels.
        plain_unchanged: plain, when nothing has changed since the last one.
        gzip_unchanged: the same compressed.
        plain_changed: plain, when some have changed.
        gzip_changed: the same compressed.
        hold_ms: longest hold of the event loop by any of them.
        hold_cpu_ms: the same in processor time of its thread.
    """

    organisations: int
    changed: int
    series: int
    plain_bytes: int
    gzip_bytes: int
    plain_unchanged: Times
    gzip_unchanged: Times
    plain_changed: Times
    gzip_changed: Times
    hold_ms: float
    hold_cpu_ms: float


class Work(msgspec.Struct, frozen=True):
    """Something that a worker does on its event loop; figures are medians of the rounds, holds the longest.

    Attributes:
        name: what.
        ms: how long it took.
        cpu_ms: processor time of the process.
        hold_ms: longest hold of the event loop.
        hold_cpu_ms: the same in processor time of its thread.
    """

    name: str
    ms: float
    cpu_ms: float
    hold_ms: float
    hold_cpu_ms: float


class Ticks(msgspec.Struct, frozen=True):
    """A worker's ticks."""

    families: int
    organisations: int
    changed: int
    series: int
    work: list[Work]


class Exposition(msgspec.Struct, frozen=True):
    """All of it."""

    scrapes: list[Scrapes]
    ticks: list[Ticks]


def measure(
    shapes: Sequence[Shape] = SHAPES, ticks: Sequence[Shape] = TICKS, rounds: int = ROUNDS
) -> Exposition:
    """Measure everything, each shape in an interpreter of its own.

    Args:
        shapes: whose scrapes.
        ticks: whose ticks.
        rounds: how often each time is taken.

    Raises:
        BenchmarkError: one failed, or a body is wrong.
    """
    return Exposition(
        [msgspec.json.decode(_apart("scrapes", one, rounds), type=Scrapes) for one in shapes],
        [msgspec.json.decode(_apart("ticks", one, rounds), type=Ticks) for one in ticks],
    )


def _apart(what: str, shape: Shape, rounds: int) -> bytes:
    """Measure one shape in a fresh interpreter."""
    asked = (what, str(shape.organisations), ",".join(shape.families), str(rounds))
    command = (sys.executable, "-m", "streams.bench.exposition", *asked)
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_DEADLINE_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{' '.join(asked)} did not end in {_DEADLINE_SECONDS} s") from None
    if done.returncode != 0:
        said = "\n    ".join(done.stderr.decode(errors="replace").splitlines()[-15:])
        raise BenchmarkError(f"{' '.join(asked)} failed (status {done.returncode}):\n    {said}")
    return done.stdout


async def scrapes(shape: Shape, rounds: int) -> Scrapes:
    """Measure the scrapes of one shape.

    Raises:
        BenchmarkError: a body is wrong.
    """
    scene = Scene(shape.organisations, shape.families)
    worker = Assessing(scene)
    await worker.tick()
    calm_collector()
    times: dict[tuple[bool, bool], Times] = {
        (zipped, change): Times([], []) for zipped in (False, True) for change in (False, True)
    }
    bodies: dict[bool, bytes] = {}
    longest = longest_cpu = 0.0
    changed = 0
    for number in range(rounds + 1):  # the first warms up
        for zipped in (False, True):
            for change in (True, False):
                if change:
                    changed = scene.change(SHARE)
                    await worker.tick()
                async with Holds() as holds:
                    cpu, started = time.process_time(), time.perf_counter()
                    body = await worker.scrape(gzip=zipped)
                    took, used = time.perf_counter() - started, time.process_time() - cpu
                    await holds.settle()
                if number:
                    times[zipped, change].ms.append(took * 1000)
                    times[zipped, change].cpu_ms.append(used * 1000)
                    longest, longest_cpu = max(longest, holds.longest), max(longest_cpu, holds.longest_cpu)
                bodies[zipped] = b"".join(body)
        if number in (0, rounds):
            worker.check(gzip.decompress(bodies[True]))
    series = worker.check(await worker.body())
    return Scrapes(
        shape.organisations,
        changed,
        series,
        len(bodies[False]),
        len(bodies[True]),
        times[False, False],
        times[True, False],
        times[False, True],
        times[True, True],
        longest * 1000,
        longest_cpu * 1000,
    )


class _Stopwatch:
    """Takes the times of pieces of work, and how long each holds the event loop."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Work]] = {}

    async def time(self, name: str, work: Callable[[], Awaitable[_Found]]) -> _Found:
        async with Holds() as holds:
            cpu, started = time.process_time(), time.perf_counter()
            found = await work()
            took, used = time.perf_counter() - started, time.process_time() - cpu
            await holds.settle()
        one = Work(name, took * 1000, used * 1000, holds.longest * 1000, holds.longest_cpu * 1000)
        self._runs.setdefault(name, []).append(one)
        return found

    def results(self) -> list[Work]:
        return [
            Work(
                name,
                median(one.ms for one in runs),
                median(one.cpu_ms for one in runs),
                max(one.hold_ms for one in runs),
                max(one.hold_cpu_ms for one in runs),
            )
            for name, runs in self._runs.items()
        ]


async def ticks(shape: Shape, rounds: int, directory: Path) -> Ticks:
    """Measure the ticks of one shape.

    Args:
        shape: whose.
        rounds: how often.
        directory: where states are saved.

    Raises:
        BenchmarkError: a body is wrong.
    """
    scene = Scene(shape.organisations, shape.families)
    worker = Assessing(scene)
    calm_collector()
    watch = _Stopwatch()
    changed = 0
    records = await watch.time("first_publish", worker.publish)
    await watch.time("first_assess", partial(worker.assess, records))
    await watch.time("finals", worker.issue)
    await watch.time("first_collect", _collect)
    for _ in range(rounds):
        changed = scene.change(SHARE)
        records = await watch.time("publish", worker.publish)
        await watch.time("assess", partial(worker.assess, records))
        await watch.time("scrape", lambda: worker.scrape(gzip=True))
        await watch.time("save", lambda: worker.save(directory))
    for _ in range(min(rounds, 3)):
        worker.now += _QUARTER_SECONDS
        scene.change(SHARE)
        records = await watch.time("whole_publish", worker.publish)
        await watch.time("whole_assess", partial(worker.assess, records))
        await watch.time("collect", _collect)
        scene.change(SHARE)
        await watch.time("together", lambda: _together(worker, directory))
    series = worker.check(await worker.body())
    worker.now += _SILENCE_SECONDS
    records = await worker.publish()
    await watch.time("silent", partial(worker.assess, records))
    worker.check(await worker.body())
    return Ticks(len(shape.families), shape.organisations, changed, series, watch.results())


async def _collect() -> None:
    """Do what the hot path does every few seconds."""
    collect_young()


async def _together(worker: Assessing, directory: Path) -> None:
    """Have a tick, a save and scrapes want the event loop at one time."""

    async def scraping() -> None:
        for zipped in (True, False, True):
            await worker.scrape(gzip=zipped)

    await asyncio.gather(worker.tick(), worker.save(directory), scraping())


_WORDS = {
    "first_publish": "first tick, hot path: every organisation, its closed periods too",
    "first_assess": "first tick, assessment: every organisation",
    "first_collect": "pass of the cycle collector after these",
    "finals": "finals of all periods that have ended, worked out",
    "publish": "tick, hot path: organisations that changed",
    "assess": "tick, assessment: their roll-up, judgement and text",
    "scrape": "scrape after it, gzip",
    "save": "saving the engine's state",
    "whole_publish": "tick at a quarter of an hour, hot path: every organisation",
    "whole_assess": "tick at a quarter of an hour, assessment",
    "collect": "pass of the cycle collector after it",
    "together": "a tick, a save and three scrapes at one time",
    "silent": "tick in which every source of a stream turns out to be silent, assessment",
}


def lines(result: Exposition) -> list[str]:
    """Give the figures as Markdown: a table of scrapes, a table of a worker's ticks, notes with the goals."""
    found = [
        "| scrape of | MiB: plain, gzip | unchanged: plain | gzip | 5 % changed: plain | gzip | hold |",
        "| --: | --: | --: | --: | --: | --: | --: |",
    ]
    found += [
        _row(
            f"{one.series:,} series",
            f"{one.plain_bytes / _MEBIBYTE:.1f}, {one.gzip_bytes / _MEBIBYTE:.2f}",
            *map(_typical, (one.plain_unchanged, one.gzip_unchanged, one.plain_changed, one.gzip_changed)),
            f"{one.hold_ms:.0f} ({one.hold_cpu_ms:.0f})",
        )
        for one in result.scrapes
    ]
    works = [{work.name: work for work in ticks.work} for ticks in result.ticks]
    heads = [cell for one in result.ticks for cell in (f"{one.families} families: takes", "longest hold")]
    found += ["", _row("work on the event loop", *heads), _row("---", *["--:"] * len(heads))]
    found += [_row(_WORDS[name], *_cells(of[name] for of in works)) for name in (works[0] if works else ())]
    found += [
        "",
        (
            f"- Goals: with {GOAL_SERIES:,} series a scrape takes at most {UNCHANGED_GOAL_MS} ms when nothing"
            f" has changed and {CHANGED_GOAL_MS} ms when {SHARE:.0%} of the organisations have; nothing holds"
            f" the event loop for more than {HOLD_GOAL_MS} ms."
        ),
        *(
            f"- The ticks of {ticks.families} families are of {ticks.organisations} organisations and"
            f" {ticks.series:,} series; {ticks.changed} of the organisations change in a tick, in each family"
            " of episodes."
            for ticks in result.ticks
        ),
        "- Milliseconds, in brackets of processor time: medians of the rounds, and the longest hold of any.",
        "- Each body counts only when it says, series by series, what a board that was fed at once says.",
    ]
    return found


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(works: Iterable[Work]) -> Iterator[str]:
    for one in works:
        yield f"{one.ms:,.0f} ({one.cpu_ms:,.0f})"
        yield f"{one.hold_ms:.0f} ({one.hold_cpu_ms:.0f})"


def _typical(times: Times) -> str:
    return f"{median(times.ms):.1f} ({median(times.cpu_ms):.1f})"


def main(what: str, organisations: str, families: str, rounds: str) -> bytes:
    """Measure one shape, and give its figures as JSON."""
    shape = Shape(int(organisations), tuple(families.split(",")))
    if what == "scrapes":
        return msgspec.json.encode(uvloop.run(scrapes(shape, int(rounds))))
    with tempfile.TemporaryDirectory(prefix="oversight-bench-") as directory:
        return msgspec.json.encode(uvloop.run(ticks(shape, int(rounds), Path(directory))))


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the result has stdout
    sys.stdout.buffer.write(main(*sys.argv[1:]))
