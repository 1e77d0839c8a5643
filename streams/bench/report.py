"""The report: what was measured, as JSON, and a page made from that JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from streams.bench.measured import Measured
from streams.bench.rounds import Runs
from streams.errors import BenchmarkError

TITLES = {
    "raw": "raw consumer: aiokafka `getmany`, nothing else",
    "panes": "**Kafka to panes**: `getmany` and the engine, as the hot path runs them",
    "engine": "engine alone, the same records in memory",
    "decode": "fast decoder alone (msgspec and the rules between fields)",
    "pydantic": "pydantic model alone",
}
REBUILD_TITLES = {
    "log": "**from the log**: Kafka to panes",
    "engine": "from the log: the engine alone, the same records in memory",
    "snapshot": "**from a snapshot**: its file read, checked and made into state, in turns",
    "save": "writing the snapshot (memory: of the process that holds the state)",
}
REBUILD_GOAL_SECONDS, SNAPSHOT_GOAL_SECONDS, HOLD_GOAL_MS = 15, 3, 60
GOAL = 0.60
"""Share of the raw consumer's rate that Kafka to panes is meant to reach."""
_MEBIBYTE = 1 << 20


class Result(msgspec.Struct, frozen=True):
    """One workload: what it was, how many messages of what mean size, and every run that counted."""

    workload: dict[str, Any]
    events: int
    bytes_an_event: int
    runs: Runs


class Rebuild(msgspec.Struct, frozen=True):
    """How long the state takes to come back; its own circumstances, as it can be measured alone."""

    measured_on: str
    versions: dict[str, str]
    machine: dict[str, str | int | float]
    result: Result


class Report(msgspec.Struct, frozen=True):
    """A whole run of the benchmark; the rounds are kept, summaries are made from them."""

    measured_on: str
    versions: dict[str, str]
    machine: dict[str, str | int | float]
    results: list[Result]
    rebuild: Rebuild | None = None


def spread(values: list[float], digits: int = 0) -> str:
    """Give the median with the smallest and the largest, `61,200 (58,900-63,000)`."""
    low, middle, high = (f"{one:,.{digits}f}" for one in (min(values), median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}-{high})"


def _each(runs: list[Measured], figure: Callable[[Measured], float]) -> list[float]:
    return [figure(one) for one in runs]


def _rate(one: Measured) -> float:
    return one.events / one.wall_seconds


def _cpu(one: Measured) -> float:
    """Give processor seconds a million events, which is µs an event."""
    return one.cpu_seconds / one.events * 1e6


def pairs(result: Result, figure: Callable[[Measured, Measured], float]) -> list[float]:
    """Give a figure of (raw, Kafka to panes) for each pair that ran one after the other."""
    return [figure(raw, panes) for raw, panes in zip(result.runs["raw"], result.runs["panes"], strict=True)]


def table(result: Result) -> list[str]:
    """Give a workload's figures as a Markdown table, and the ratios under it."""
    lines = [
        "| what | events/s | CPU seconds a million events | peak memory, MiB |",
        "| --- | --: | --: | --: |",
    ]
    for name, runs in result.runs.items():
        figures = (
            spread(_each(runs, _rate)),
            spread(_each(runs, _cpu), 1),
            spread(_each(runs, lambda one: one.peak_bytes / _MEBIBYTE)),
        )
        lines.append(f"| {TITLES[name]} | {' | '.join(figures)} |")
    lines.append("")
    if "raw" in result.runs and "panes" in result.runs:
        wall = spread(pairs(result, lambda raw, panes: _rate(panes) / _rate(raw)), 2)
        cpu = spread(pairs(result, lambda raw, panes: _cpu(raw) / _cpu(panes)), 2)
        lines.append(f"- Kafka to panes over raw consumer, pair by pair: **{wall}** by time, {cpu} by CPU.")
    if "engine" in result.runs:
        held = spread(_each(result.runs["engine"], lambda one: one.grown_bytes / max(one.held, 1)))
        lines.append(f"- Memory of a held episode, its share of panes and indexes included: {held} bytes.")
    return lines


def rebuild_table(result: Result) -> list[str]:
    """Give the figures of a rebuild as a Markdown table, and what a save costs under it."""
    lines = ["| what | seconds | CPU seconds | peak memory, MiB |", "| --- | --: | --: | --: |"]
    for name, runs in result.runs.items():
        figures = (
            spread(_each(runs, lambda one: one.wall_seconds), 1),
            spread(_each(runs, lambda one: one.cpu_seconds), 1),
            spread(_each(runs, lambda one: one.peak_bytes / _MEBIBYTE)),
        )
        lines.append(f"| {REBUILD_TITLES[name]} | {' | '.join(figures)} |")
    saves, loads = result.runs["save"], result.runs["snapshot"]
    size = spread(_each(saves, lambda one: one.file_bytes / _MEBIBYTE))
    view, view_cpu = (
        spread(_each(saves, lambda one: one.view_seconds * 1000)),
        spread(_each(saves, lambda one: one.view_cpu_seconds * 1000)),
    )
    (save, save_cpu), (load, load_cpu) = (
        (
            spread(_each(runs, lambda one: one.hold_seconds * 1000)),
            spread(_each(runs, lambda one: one.hold_cpu_seconds * 1000)),
        )
        for runs in (saves, loads)
    )
    lines += [
        "",
        f"- Goals: {REBUILD_GOAL_SECONDS} s from the log, {SNAPSHOT_GOAL_SECONDS} s from a snapshot.",
    ]
    lines.append(
        f"- The snapshot's file has {size} MiB. The view to be written takes {view} ms, {view_cpu} of CPU."
    )
    lines.append(
        f"- Longest hold of the event loop while writing, the view included: {save} ms, {save_cpu} of CPU"
        f" (goal {HOLD_GOAL_MS}); while reading: {load} ms, {load_cpu} of CPU."
    )
    return lines


def _circumstances(report: Report | Rebuild) -> list[str]:
    names = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    place = report.machine
    memory = f", {place['memory_gib']} GiB" if "memory_gib" in place else ""
    return [
        f"Measured on {report.measured_on}: {names}; {place['cores']} cores of {place['processor']}{memory},",
        f"{place['system']}; load average before the start {place['load_average']}.",
    ]


def summary(report: Report) -> str:
    """Give the circumstances and the tables, as Markdown."""
    lines = []
    if report.results:
        lines += _circumstances(report)
    for result in report.results:
        lines += ["", f"## {_heading(result.workload)}", "", _description(result), "", *table(result)]
    if report.rebuild is not None:
        result = report.rebuild.result
        lines += [
            "",
            "## Rebuild: the state of one partition after a start",
            "",
            *_circumstances(report.rebuild),
        ]
        lines += ["", _description(result), "", *rebuild_table(result)]
    return "\n".join(lines)


def page(report: Report) -> str:
    """Give `docs/benchmarks.md`."""
    return f"{_BEGINNING}\n{summary(report)}\n{_READING}"


def _heading(work: dict[str, Any]) -> str:
    kinds = (("corrections", "corrections"), ("duplicates", "repeated messages"), ("disorder", "sent late"))
    shares = ", ".join(f"{work[name]:.0%} {what}" for name, what in kinds if work[name])
    return f"{str(work['name']).capitalize()}: {shares or 'each attendance once, in order'}"


def _description(result: Result) -> str:
    rounds = len(next(iter(result.runs.values())))
    return (
        f"{result.events:,} emergency attendances of {result.bytes_an_event} bytes on average,"
        f" {result.workload['organisations']} organisations of unequal size,"
        f" {result.workload.get('days', 28)} days, one partition."
        f" Rounds: {rounds}; median, smallest and largest:"
    )


_BEGINNING = """\
# Benchmarks

Generated by `oversight bench` from `benchmarks.json`; `make bench` measures anew where you are.
"""

_READING = f"""
## How to read it

- Every contender runs in a fresh interpreter, one after the other, the order reversed every other round,
  after one warm-up round. The broker runs on the same machine and shares its cores.
- A run of the engine counts only when its panes equal those of an oracle (plain Python over the newest
  version of every attendance) cell by cell, and when it holds every attendance and refused none. A wrong
  result ends the benchmark without a figure.
- The raw consumer is the ceiling: no service on aiokafka reads one partition faster. The ratio says how much
  of it remains with decoding, validation, upsert and panes; the goal is {GOAL:.2f}. Ratios travel between
  machines better than rates, and the ratio by CPU is the steadier one on a busy machine.
- Raw consumer and hot path have the same consumer settings, records a call, event loop (uvloop) and
  cycle-collector settings (`streams.pipeline.collector`): those of the worker. Neither joins a group,
  commits or publishes snapshots, which happens once a tick and not once an event.
- The topic holds batches of 256 KiB, as our publisher sends a backlog. Many small batches slow the raw
  consumer more than the engine, so the ratio would be higher.
- CPU is that of the contender's process alone. The peak of what runs in memory includes all the records.
  A held episode's memory is the growth of the resident set while the engine runs.
- In the rebuild every state must equal the oracle's too: the one that was saved and the one that came back.
  The event loop is wanted every millisecond by a task that notes how late it gets it; on a busy machine that
  includes what other processes took, which its thread's processor time does not.
- The days are past when their records are appended, as after a restart: each event also notes a
  restatement, which live traffic seldom does.

## What is not measured yet

- Peers (Kafka Streams, Bytewax, Quix Streams, Faust agents and tables): a later issue.
- Other families than emergency attendances, and events in binary mode.
- Several partitions in one worker, and the tick's snapshots beside full load.
"""


def write_report(report: Report, directory: Path) -> list[Path]:
    """Write `benchmarks.json`, and `benchmarks.md` made from it.

    Raises:
        BenchmarkError: the directory is not there, as in an installed wheel.
    """
    if not directory.is_dir():
        raise BenchmarkError(
            "there is no docs directory here: run from a checkout of the repository, or with --no-write"
        )
    data, text = directory / "benchmarks.json", directory / "benchmarks.md"
    if data.exists():
        report = _merged(read(data), report)
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    text.write_text(page(read(data)), encoding="utf-8")
    return [data, text]


def _merged(before: Report, report: Report) -> Report:
    """Keep the part that was not measured this time, under its own date."""
    if not report.results:
        return msgspec.structs.replace(before, rebuild=report.rebuild)
    return msgspec.structs.replace(report, rebuild=report.rebuild or before.rebuild)


def read(path: Path) -> Report:
    """Read a `benchmarks.json`."""
    return msgspec.json.decode(path.read_bytes(), type=Report)
