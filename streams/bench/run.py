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
from streams.bench.oracle import Expected
from streams.bench.ratios import ratios
from streams.bench.report import Rebuild, Report, Result
from streams.bench.rounds import PEERS, Say, run_rounds
from streams.bench.topic import fill
from streams.bench.workload import Workload, messages
from streams.local import ApacheKafka

_IN_MEMORY = ("engine", "decode", "pydantic")
_QUICK_EVENTS = 20_000
_MOST_REBUILDS = 3

Part = Literal["all", "rates", "rebuild"]


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
        part: what to measure: rates, rebuild, or all of it.
    """

    events: int = 300_000
    rounds: int = 5
    organisations: int = 200
    corrections: float = 0.05
    duplicates: float = 0.02
    disorder: float = 0.1
    kafka: bool = True
    held: int = 1_000_000
    part: Part = "all"
    peers: bool = True

    def quick(self) -> Options:
        """Give a run that shows whether everything works, and no figure to quote."""
        events, held = min(self.events, _QUICK_EVENTS), min(self.held, _QUICK_EVENTS)
        return dataclasses.replace(self, events=events, held=held, rounds=1, peers=False)

    def workloads(self) -> list[tuple[Workload, tuple[str, ...]]]:
        """Give each workload with its contenders: clean, the headline; and disturbed, unless nothing is."""
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
        if self.corrections or self.duplicates or self.disorder:
            found.append((disturbed, ("raw", "panes") if self.kafka else ("engine",)))
        return found


def run(options: Options, say: Say) -> Report:
    """Run the benchmark.

    Raises:
        BenchmarkError: a contender failed or its result is wrong.
        LocalServerError: Apache Kafka cannot be had here.
    """
    busy = machine.machine()
    with tempfile.TemporaryDirectory(prefix="oversight-bench-") as name:
        directory = Path(name)
        if not options.kafka:
            results, rebuild = Place(directory, "", say).measure_parts(options)
        else:
            say("starting Apache Kafka")
            with ApacheKafka(directory / "kafka") as kafka:
                results, rebuild = Place(directory, kafka.bootstrap, say).measure_parts(options)
    today, versions = datetime.now(UTC).date().isoformat(), machine.versions(kafka=options.kafka)
    ran = {name for result in results for name in result.runs}
    return Report(
        measured_on=today,
        versions=versions | machine.peer_versions(ran),
        machine=busy,
        results=results,
        ratios=ratios(results[0].runs) if results else {},
        rebuild=None if rebuild is None else Rebuild(today, versions, busy, rebuild),
    )


@dataclass(frozen=True)
class Place:
    """Where things are while the benchmark runs: files, Kafka (empty for none), and who is told."""

    directory: Path
    bootstrap: str
    say: Say

    def measure_parts(self, options: Options) -> tuple[list[Result], Result | None]:
        """Measure what the options ask for: the workloads' rates and the rebuild."""
        rates = [] if options.part == "rebuild" else self.measure_all(options)
        return rates, None if options.part == "rates" else self.measure_rebuild(options)

    def measure_rebuild(self, options: Options) -> Result:
        """Measure how long the state takes to come back, from the log and from a snapshot."""
        workload = Workload("rebuild", options.held, options.organisations)
        contenders = ("log" if self.bootstrap else "engine", "save", "snapshot")
        return self._measure(workload, contenders, min(options.rounds, _MOST_REBUILDS))

    def measure_all(self, options: Options) -> list[Result]:
        """Make, fill and measure each workload of the options."""
        return [
            self._measure(workload, contenders, options.rounds)
            for workload, contenders in options.workloads()
        ]

    def _measure(self, workload: Workload, contenders: tuple[str, ...], rounds: int) -> Result:
        name = workload.name
        self.say(f"{name}: making {workload.events:,} events and the result they must have")
        sent = messages(workload, datetime.now(UTC).replace(microsecond=0))
        topic = f"bench.{name}"
        if self.bootstrap:
            asyncio.run(fill(self.bootstrap, topic, sent))
        values = self.directory / f"{name}.jsonl"
        values.write_bytes(b"\n".join(one.value for one in sent))
        states = self.directory / "states"
        states.mkdir(exist_ok=True)  # peers make directories of their own in it
        task = Task(
            contender="",
            events=len(sent),
            values=str(values),
            bootstrap=self.bootstrap,
            topic=topic,
            append_ms=int(time.time() * 1000),
            sums=str(self.directory / "sums.json"),
            states=str(states),
        )
        runs = run_rounds(
            task,
            contenders,
            want=Expected([one.value for one in sent]),
            rounds=rounds,
            warm_up=1 if rounds > 1 else 0,
            say=lambda text: self.say(f"{name}, {text}"),
        )
        size = round(sum(len(one.value) for one in sent) / len(sent))
        return Result(dataclasses.asdict(workload), len(sent), size, runs)
