"""The report: what was measured, as JSON, and a page made from that JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from streams.bench.measured import Measured
from streams.bench.parts import PARTS, Part, pictures, tell
from streams.bench.plot import bars
from streams.bench.ratios import GOALS, cpu, faster, pairs, rate, thriftier
from streams.bench.rounds import Runs
from streams.errors import BenchmarkError

TITLES = {
    "raw": "raw consumer: aiokafka `getmany`, nothing else",
    "panes": "**Kafka to panes**: `getmany` and the engine, as the hot path runs them",
    "least": "the least: `getmany`, three fields decoded, one ratio in a dict, nothing checked or corrected",
    "one": "Kafka to panes, with the facts of one indicator only",
    "engine": "engine alone, the same records in memory",
    "decode": "fast decoder alone (msgspec and the rules between fields)",
    "pydantic": "pydantic model alone",
    "faust": "Faust: an agent with a table",
    "quix": "Quix Streams: tumbling window, RocksDB",
    "bytewax": "Bytewax: `fold_window`",
    "kafka_streams_memory": "Kafka Streams (Java): window store in memory",
    "kafka_streams_rocksdb": "Kafka Streams (Java): window store in RocksDB",
    "flink": "Apache Flink (Java): mini cluster, heap state",
}
DRAWN = {
    "raw": "aiokafka getmany alone",
    "panes": "oversight, every fact, upsert",
    "least": "aiokafka and a dict",
    "one": "oversight, one indicator",
    "kafka_streams_memory": "Kafka Streams, memory",
    "kafka_streams_rocksdb": "Kafka Streams, RocksDB",
    "flink": "Flink",
    "bytewax": "Bytewax",
    "quix": "Quix Streams",
    "faust": "Faust",
}
AGAINST = {
    "raw": "raw consumer, by time",
    "faust": "Faust, by time",
    "quix": "Quix Streams, by time",
    "bytewax": "Bytewax, by time",
    "kafka_streams_wall": "Kafka Streams in memory, by time",
    "kafka_streams_cpu": "Kafka Streams in memory, by processor time",
}
REBUILD_TITLES = {
    "log": "**from the log**: Kafka to panes",
    "engine": "from the log: the engine alone, the same records in memory",
    "snapshot": "**from a snapshot**: its file read, checked and made into state, in turns",
    "save": "writing the snapshot (memory: of the process that holds the state)",
}
REBUILD_GOAL_SECONDS, SNAPSHOT_GOAL_SECONDS, HOLD_GOAL_MS = 15, 3, 60
PLOT = "benchmarks.svg"
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
    """A whole run of the benchmark; the rounds are kept, summaries are made from them.

    `ratios` are ours against each contender over the first workload, medians of the rounds
    (`streams.bench.ratios`); `parts` are by the names of `streams.bench.parts`.
    """

    measured_on: str
    versions: dict[str, str]
    machine: dict[str, str | int | float]
    results: list[Result]
    rebuild: Rebuild | None = None
    ratios: dict[str, float] = {}
    parts: dict[str, Part] = {}


def spread(values: list[float], digits: int = 0) -> str:
    """Give the median with the smallest and the largest, `61,200 (58,900-63,000)`."""
    low, middle, high = (f"{one:,.{digits}f}" for one in (min(values), median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}-{high})"


def _each(runs: list[Measured], figure: Callable[[Measured], float]) -> list[float]:
    return [figure(one) for one in runs]


def table(result: Result) -> list[str]:
    """Give a workload's figures as a Markdown table, and the ratios under it."""
    lines = [
        "| what | events/s | CPU seconds a million events | peak memory, MiB |",
        "| --- | --: | --: | --: |",
    ]
    for name, runs in result.runs.items():
        figures = (
            spread(_each(runs, rate)),
            spread(_each(runs, cpu), 1),
            spread(_each(runs, lambda one: one.peak_bytes / _MEBIBYTE)),
        )
        fewer = f" (the first {runs[0].events:,})" if runs[0].events < result.events else ""
        lines.append(f"| {TITLES[name]}{fewer} | {' | '.join(figures)} |")
    lines.append("")
    if "raw" in result.runs and "panes" in result.runs:
        wall, processor = (spread(pairs(result.runs, "raw", one), 2) for one in (faster, thriftier))
        lines.append(
            f"- Kafka to panes over raw consumer, pair by pair: **{wall}** by time, {processor} by CPU."
        )
    if "engine" in result.runs:
        held = spread(_each(result.runs["engine"], lambda one: one.grown_bytes / max(one.held, 1)))
        lines.append(f"- Memory of a held episode, its share of panes and indexes included: {held} bytes.")
    return lines


def ratio_table(found: dict[str, float]) -> list[str]:
    """Give the ratios beside their goals, as a Markdown table."""
    lines = ["| Kafka to panes against | ratio | goal |", "| --- | --: | --: |"]
    lines += [
        f"| {AGAINST[name]} | {ratio:.2f} | {GOALS[name]:g}{'' if ratio >= GOALS[name] else ', missed'} |"
        for name, ratio in found.items()
    ]
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


def _circumstances(report: Report | Rebuild | Part) -> list[str]:
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
    for number, result in enumerate(report.results):
        lines += ["", f"## {_heading(result.workload)}", "", _description(result), "", *table(result)]
        if number == 0 and report.ratios:
            lines += ["", *ratio_table(report.ratios), "", f"![Every contender's rate and cost]({PLOT})"]
    if report.rebuild is not None:
        result = report.rebuild.result
        lines += [
            "",
            "## Rebuild: the state of one partition after a start",
            "",
            *_circumstances(report.rebuild),
        ]
        lines += ["", _description(result), "", *rebuild_table(result)]
    for name, kind in PARTS.items():
        if (part := report.parts.get(name)) is not None:
            lines += ["", f"## {kind.title}", "", *_circumstances(part), "", *tell(name, part)]
    return "\n".join(lines)


def page(report: Report) -> str:
    """Give `docs/benchmarks.md`."""
    return f"{_BEGINNING}\n{summary(report)}\n{_READING}"


def _heading(work: dict[str, Any]) -> str:
    """Name a workload by what disturbs it."""
    kinds = (("corrections", "corrections"), ("duplicates", "repeated messages"), ("disorder", "sent late"))
    shares = ", ".join(f"{work[name]:.0%} {what}" for name, what in kinds if work[name])
    return f"{str(work['name']).capitalize()}: {shares or 'each attendance once, in order'}"


def _description(result: Result) -> str:
    rounds = len(next(iter(result.runs.values())))
    what = "records of all families, 70 % attendances," if result.workload.get("mixed") else "attendances"
    return (
        f"{result.events:,} {what} of {result.bytes_an_event} bytes on average,"
        f" {result.workload['organisations']} organisations of unequal size,"
        f" {result.workload.get('days', 28)} days, one partition."
        f" Rounds: {rounds}; median, smallest and largest:"
    )


_BEGINNING = """\
# Benchmarks

Generated by `oversight bench` from `benchmarks.json`; `make bench` measures anew where you are.
"""

_READING = """
## How to read it

- Every contender runs in a fresh interpreter, one after the other, the order reversed every other round,
  after one warm-up round. The broker runs on the same machine and shares its cores.
- A run of the engine counts only when its panes equal those of an oracle (plain Python over the newest
  version of every attendance) cell by cell, and when it holds every attendance and refused none. A wrong
  result ends the benchmark without a figure.
- The raw consumer is the ceiling: no service on aiokafka reads one partition faster. The ratio says how much
  of it remains with decoding, validation, upsert and panes. Ratios travel between machines better than
  rates, and the ratio by CPU is the steadier one on a busy machine.
- The other stream processors compute one ratio over one tumbling day by organisation, as their own
  documentation recommends, with their settings tuned (`streams/bench/peers/`). None of them takes
  corrections, retractions or a repeated message; ours does, and computes every fact of the family by stratum
  and quarter of an hour. Their result is compared with a recount before their time counts, too.
- Durability differs: Faust writes every change to a changelog topic and has no way without; Quix Streams has
  RocksDB and a changelog; Bytewax keeps no recovery store, as by default; Kafka Streams and Flink run without
  changelog and checkpoints, which favours them. Ours needs none: its log is the input topic.
- Start and imports are outside every contender's clock. In Java the warming of its compiler is inside, as the
  first records are: over 300,000 events that is about half of the processor time, over a million a fifth.
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
- The mix is held to a few facts of each of its seven families (`streams/bench/mix_oracle.py`).

## What is not measured

- Events in binary mode, which are put into structured form and then read one by one.
- A machine that the broker does not share.
"""


def write_report(report: Report, directory: Path) -> list[Path]:
    """Write `benchmarks.json`, and `benchmarks.md` made from it, with the pictures of what was measured.

    Raises:
        BenchmarkError: the directory is not there, as in an installed wheel.
    """
    if not directory.is_dir():
        raise BenchmarkError(
            "there is no docs directory here: run from a checkout of the repository, or with --no-write"
        )
    measured = report
    data, text = directory / "benchmarks.json", directory / "benchmarks.md"
    if data.exists():
        report = _merged(read(data), report)
    data.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    text.write_text(page(read(data)), encoding="utf-8")
    drawn = pictures(measured.parts)
    if measured.results:
        drawn[PLOT] = bars(measured.results[0].runs, DRAWN)
    for name, picture in drawn.items():
        (directory / name).write_bytes(picture)
    return [data, text, *(directory / name for name in drawn)]


def _merged(before: Report, report: Report) -> Report:
    """Keep the part that was not measured this time, under its own date."""
    of_rates = report if report.results else before
    return msgspec.structs.replace(
        of_rates, rebuild=report.rebuild or before.rebuild, parts=before.parts | report.parts
    )


def read(path: Path) -> Report:
    """Read a `benchmarks.json`."""
    return msgspec.json.decode(path.read_bytes(), type=Report)
