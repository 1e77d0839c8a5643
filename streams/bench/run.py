"""The whole benchmark: a Kafka of its own, two workloads, rounds, one report."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from streams.bench import machine
from streams.bench.contender import CONTENDERS
from streams.bench.measured import Task
from streams.bench.mix import mixed
from streams.bench.oracle import Expected
from streams.bench.parts import PARTS, Place, measure_parts
from streams.bench.ratios import ratios
from streams.bench.report import Rebuild, Report, Result
from streams.bench.rounds import PEERS, Say, run_rounds
from streams.bench.topic import fill
from streams.bench.workload import Workload, messages
from streams.local import ApacheKafka

_IN_MEMORY = ("engine", "decode", "pydantic")
_QUICK_EVENTS = 20_000
_MOST_REBUILDS = 3
_MIX_DAYS = 12
"""So long that the census of the day before the first is still open."""

What = Literal["all", "rates", "rebuild", "scaling", "year", "latency", "workers", "exposition"]
"""What can be measured by itself: the rates of the workloads, the rebuild, or a part of `PARTS`."""


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        events: messages in a topic.
        rounds: rounds that count; one more runs before them.
        organisations: publishers, of unequal size.
        corrections: share of corrections in the second workload.
        duplicates: share of repeated messages there.
        disorder: share of attendances sent late there.
        kafka: False for what needs no broker.
        held: episodes of the rebuild.
        peers: whether other stream processors run beside ours, over the clean workload.
        parts: whether all of it takes in what is measured by itself (`streams.bench.parts`).
        part: what to measure, or all of it.
    """

    events: int = 300_000
    rounds: int = 5
    organisations: int = 200
    corrections: float = 0.05
    duplicates: float = 0.02
    disorder: float = 0.1
    kafka: bool = True
    held: int = 1_000_000
    part: What = "all"
    peers: bool = True
    parts: bool = True

    def quick(self) -> Options:
        """Give a run that shows whether everything works, and no figure to quote."""
        events, held = min(self.events, _QUICK_EVENTS), min(self.held, _QUICK_EVENTS)
        return dataclasses.replace(self, events=events, held=held, rounds=1, peers=False, parts=False)

    def workloads(self) -> list[tuple[Workload, tuple[str, ...]]]:
        """Give each workload with its contenders: clean, the headline; disturbed; and all families."""
        clean = Workload("clean", self.events, self.organisations)
        contenders = (*CONTENDERS, *(PEERS if self.peers else ())) if self.kafka else _IN_MEMORY
        found: list[tuple[Workload, tuple[str, ...]]] = [(clean, contenders)]
        disturbed = dataclasses.replace(
            clean,
            name="disturbed",
            corrections=self.corrections,
            duplicates=self.duplicates,
            disorder=self.disorder,
        )
        few = ("raw", "panes") if self.kafka else ("engine",)
        if self.corrections or self.duplicates or self.disorder:
            found.append((disturbed, few))
        found.append((dataclasses.replace(disturbed, name="mix", days=_MIX_DAYS, mixed=True), few))
        return found


def run(options: Options, say: Say) -> Report:
    """Run the benchmark.

    Raises:
        BenchmarkError: a contender failed or its result is wrong.
        LocalServerError: Apache Kafka cannot be had here.
    """
    with tempfile.TemporaryDirectory(prefix="oversight-bench-") as name:
        directory = Path(name)
        if not options.kafka:
            return Run(Place(directory, "", say)).measure(options)
        say("starting Apache Kafka")
        with ApacheKafka(directory / "kafka") as kafka:
            return Run(Place(directory, kafka.bootstrap, say)).measure(options)


@dataclass(frozen=True)
class Run:
    """A run of the benchmark, where things are."""

    place: Place

    def measure(self, options: Options) -> Report:
        """Measure what the options ask for."""
        busy, versions = machine.machine(), machine.versions(kafka=bool(self.place.bootstrap))
        today = datetime.now(UTC).date().isoformat()
        results = self.measure_rates(options) if options.part in ("all", "rates") else []
        rebuild = None
        if options.part in ("all", "rebuild"):
            rebuild = Rebuild(today, versions, machine.machine(), self.measure_rebuild(options))
        return Report(
            measured_on=today,
            versions=versions | machine.peer_versions({name for one in results for name in one.runs}),
            machine=busy,
            results=results,
            ratios=ratios(results[0].runs) if results else {},
            rebuild=rebuild,
            parts=measure_parts(self._parts(options), self.place),
        )

    def _parts(self, options: Options) -> list[str]:
        """Give the parts that are asked for and can be measured here; the smoke test leaves them out."""
        if options.part in PARTS:
            return [options.part]
        return list(PARTS) if options.part == "all" and options.kafka and options.parts else []

    def measure_rebuild(self, options: Options) -> Result:
        """Measure how long the state takes to come back, from the log and from a snapshot."""
        workload = Workload("rebuild", options.held, options.organisations)
        contenders = ("log" if self.place.bootstrap else "engine", "save", "snapshot")
        return self._measure(workload, contenders, min(options.rounds, _MOST_REBUILDS))

    def measure_rates(self, options: Options) -> list[Result]:
        """Make, fill and measure each workload of the options."""
        return [
            self._measure(workload, contenders, options.rounds)
            for workload, contenders in options.workloads()
        ]

    def _measure(self, workload: Workload, contenders: tuple[str, ...], rounds: int) -> Result:
        name = workload.name
        self.place.say(f"{name}: making {workload.events:,} events and the result they must have")
        make = mixed if workload.mixed else messages
        sent = make(workload, datetime.now(UTC).replace(microsecond=0))
        topic = f"bench.{name}"
        if self.place.bootstrap:
            asyncio.run(fill(self.place.bootstrap, topic, sent))
        values = self.place.directory / f"{name}.jsonl"
        values.write_bytes(b"\n".join(one.value for one in sent))
        states = self.place.directory / "states"
        states.mkdir(exist_ok=True)  # peers make directories of their own in it
        task = Task(
            contender="",
            events=len(sent),
            values=str(values),
            bootstrap=self.place.bootstrap,
            topic=topic,
            append_ms=int(time.time() * 1000),
            sums=str(self.place.directory / "sums.json"),
            states=str(states),
            mixed=workload.mixed,
        )
        runs = run_rounds(
            task,
            contenders,
            want=Expected([one.value for one in sent]),
            rounds=rounds,
            warm_up=1 if rounds > 1 else 0,
            say=lambda text: self.place.say(f"{name}, {text}"),
        )
        size = round(sum(len(one.value) for one in sent) / len(sent))
        return Result(dataclasses.asdict(workload), len(sent), size, runs)
