"""One service under fault: a broker behind a proxy, workers, a publisher, a timeline, and the comparison."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from aiokafka.errors import KafkaError
from broker import administrator, offsets, records
from fault_proxy import KafkaProxy
from ledger import Verdict, compare_figures, compare_places, midnight_is_near, shown, utc_now, withheld
from publisher import Publisher
from service import Service
from timeline import Timeline
from traffic import ORGANISATIONS, Traffic

from streams.local import ApacheKafka, free_port

SESSION_SECONDS = 4
_COPIES = 3
_FAILED = re.compile(r"^oversight_checkpoints_failed_total\S* (\S+)$", re.MULTILINE)


@dataclass
class Broker:
    """An Apache Kafka, behind a proxy where it has one node."""

    kafka: ApacheKafka
    proxy: KafkaProxy | None

    @property
    def bootstrap(self) -> str:
        """What clients are told."""
        return f"127.0.0.1:{self.proxy.port}" if self.proxy else self.kafka.bootstrap

    @property
    def replication(self) -> int:
        """Copies of each topic."""
        return 1 if self.proxy else _COPIES


@contextlib.contextmanager
def running_broker(directory: Path, *, nodes: int = 1) -> Iterator[Broker]:
    """An Apache Kafka that makes no topics by itself; of one node, it advertises a proxy."""
    properties = {"auto.create.topics.enable": "false", "group.min.session.timeout.ms": "2000"}
    proxy = None
    if nodes == 1:
        proxy = KafkaProxy(free_port())
        properties["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{proxy.port}"
    else:
        properties["min.insync.replicas"] = "2"
    kafka = ApacheKafka(directory, nodes=nodes, properties=properties, java_options=("-Xms128m", "-Xmx512m"))
    if proxy is not None:
        proxy.target = kafka.port
        proxy.start()
    try:
        with kafka:
            yield Broker(kafka, proxy)
    finally:
        if proxy is not None:
            proxy.stop()


@dataclass
class Injection:
    """One fault: when it began, when it was taken away, and what had been acknowledged then."""

    began: float
    removed: float = 0.0
    handovers: int = 0


@dataclass
class World:
    """Everything a fault needs.

    Args:
        broker: where.
        directory: for logs.
        workers: how many share the work at the beginning.
        rate: messages a second.
        seed: of everything random.
        settings: more settings of the workers.
        preload: messages sent before anything happens.
        pool: how many episodes there are at most; see `Traffic`.
    """

    broker: Broker
    directory: Path
    workers: int = 1
    rate: float = 60
    seed: int = 1
    settings: dict[str, object] = field(default_factory=dict)
    preload: int = 2_000
    pool: int | None = None

    services: list[Service] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - moments, not secrets
        self.name = f"f{uuid4().hex[:10]}"
        self._spare: list[Service] = []
        traffic = Traffic(self.seed, pool=self.pool)
        self.publisher = Publisher(self.broker.bootstrap, self.name, rate=self.rate, traffic=traffic)
        self.timeline = Timeline(lambda: self.publisher.offered_handovers)

    def __enter__(self) -> Self:
        for _ in range(self.workers):
            self.add_worker()
        try:
            self.services[0].start()  # it makes the topics
            for one in self.services[1:]:
                one.start()
            self.publisher.start()
            reports = [self.publisher.traffic.report(org, 0) for org in ORGANISATIONS[:2]]
            self.publisher.send(reports)
            self.publisher.burst(self.preload)
            assert self.publisher.settle(), "the broker does not take the first messages"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.timeline.stop()
        self.publisher.stop()
        for one in (*self.services, *self._spare):
            one.process.kill()

    @property
    def worker(self) -> Service:
        """The first worker."""
        return self.services[0]

    @property
    def kafka(self) -> ApacheKafka:
        """The broker's processes."""
        return self.broker.kafka

    @property
    def proxy(self) -> KafkaProxy:
        """The way to the broker."""
        assert self.broker.proxy is not None
        return self.broker.proxy

    @property
    def group(self) -> str:
        """The hot path's consumer group."""
        return f"{self.name}-hot-path"

    def topic(self, name: str) -> str:
        """Give the full name of a topic."""
        return f"{self.name}.{name}"

    def state_directory(self, number: int) -> Path:
        """Give where a worker saves its state."""
        return self.directory / f"state-{self.name}-{number}"

    def add_worker(self, **settings: object) -> Service:
        """Make a worker, not started, and watch it."""
        given: dict[str, object] = {
            "replication": self.broker.replication,
            "session_timeout_seconds": SESSION_SECONDS,
            "smallest_count": 1,  # every stratum is compared
        }
        number = len(self.services) + len(self._spare)
        given["instance"] = f"worker-{number}"
        given["state_directory"] = self.state_directory(number)
        one = Service(
            self.broker.bootstrap,
            self.directory,
            name=self.name,
            **{**given, **self.settings, **settings},
        )
        self.services.append(one)
        self.timeline.watch(one.url)
        return one

    def use(self, workers: int) -> None:
        """Let so many workers share the work from now on: start what is missing, stop what is over."""
        while len(self.services) > workers:
            one = self.services.pop()
            one.process.terminate()
            one.process.wait_ended(grace_seconds=20)
            self._spare.append(one)
        while len(self.services) < workers:
            if self._spare:
                self.services.append(self._spare.pop())
            else:
                self.add_worker()
        self.ensure_running()
        for one in self.services:
            self.wait_ready(one)

    @staticmethod
    def now() -> float:
        """Give the clock that moments are told by."""
        return time.monotonic()

    def begin(self) -> None:
        """Note that a fault begins."""
        self.injections.append(Injection(time.monotonic()))

    def removed(self) -> None:
        """Note that the last fault was taken away: from now on the service may recover."""
        one = self.injections[-1]
        one.removed, one.handovers = time.monotonic(), self.publisher.ledger.handovers

    def wait_shown(self, within: float = 180) -> float:
        """Wait until everything acknowledged at the last removal is shown; give the seconds it took.

        Raises:
            AssertionError: it was not shown in time.
        """
        one = self.injections[-1]
        ends_at = time.monotonic() + within
        while time.monotonic() < ends_at:
            at = self.timeline.first_at_least(one.handovers, one.removed)
            if at is not None:
                return at - one.removed
            time.sleep(0.05)
        raise AssertionError(f"{one.handovers} handovers are not shown within {within:g} s: {self.state()}")

    def recoveries(self) -> list[float]:
        """Give the seconds each recovery took, of faults that were followed by none before it was over."""
        found = []
        for one, after in zip(self.injections, [*self.injections[1:], None], strict=True):
            at = self.timeline.first_at_least(one.handovers, one.removed) if one.removed else None
            if at is not None and (after is None or at <= after.began):
                found.append(at - one.removed)
        return found

    def state(self) -> str:
        """Say how the workers are, for a failure's message."""
        return "; ".join(
            f"{one.process.name} {one.readyz() if one.process.is_running else one.process._ending()}"
            for one in self.services
        )

    def ensure_running(self) -> None:
        """Start every worker that has ended."""
        for one in self.services:
            if not one.process.is_running:
                one.process.start()

    def wait_ready(self, one: Service, within: float = 180) -> None:
        """Wait until a worker says that it is ready, starting it anew if it gives up."""
        ends_at = time.monotonic() + within
        while one.readyz()[0] != 200:
            if not one.process.is_running:
                one.process.start()
            assert time.monotonic() < ends_at, f"not ready within {within:g} s: {self.state()}"
            time.sleep(0.05)

    def wait_until(self, ask: Callable[[], bool], within: float) -> bool:
        """Wait until `ask` says yes; False when it did not in time."""
        ends_at = time.monotonic() + within
        while time.monotonic() < ends_at:
            if ask():
                return True
            time.sleep(0.1)
        return False

    def failed_checkpoints(self) -> float:
        """Give how often checkpoints failed, over all workers."""
        texts = [one.get("/metrics")[1] for one in self.services if one.process.is_running]
        return sum(float(found) for text in texts for found in _FAILED.findall(text))

    def verdict(self, within: float = 120) -> Verdict:
        """Stop the publisher, and compare what is shown with what must be, until they agree or time is up."""
        assert self.publisher.settle(), "the broker does not acknowledge"
        ends_at = time.monotonic() + within
        while True:
            verdict = self._figures()
            if not verdict.is_right and time.monotonic() < ends_at:
                time.sleep(0.3)
                continue
            break
        ledger = self.publisher.ledger
        sent = ledger.unwelcome | {withheld(len(value)) for value in ledger.unwelcome}
        while True:
            outputs = Verdict()
            for what, want in (("dead-letters", ledger.refused), ("late", ledger.late)):
                got = asyncio.run(_places(self.broker.bootstrap, self.topic(what)))
                compare_places(what, want, got, sent, outputs, once=what == "late")
            outputs.wrong += self._uncommitted()
            if outputs.is_right or time.monotonic() > ends_at:
                break
            time.sleep(0.5)
        verdict.lost += outputs.lost
        verdict.double_counted += outputs.double_counted
        verdict.wrong += outputs.wrong
        verdict.repeated_outputs = outputs.repeated_outputs
        return verdict

    def _figures(self) -> Verdict:
        while midnight_is_near(utc_now()):
            time.sleep(1)
        texts = [one.get("/metrics")[1] for one in self.services if one.process.is_running]
        serving = [one for one in map(shown, texts) if one]
        if len(serving) != 1:
            return Verdict(wrong=[f"{len(serving)} workers serve indicators: {self.state()}"])
        return compare_figures(self.publisher.ledger.expected(utc_now()), serving[0])

    def _uncommitted(self) -> list[str]:
        found = asyncio.run(
            offsets(self.broker.bootstrap, self.group, self.topic("events"), self.topic("returns"))
        )
        return [
            f"{one.topic}/{one.partition}: committed {committed}, the end is {end}"
            for one, (committed, end) in found.items()
            if committed != end
        ]

    def administer(self, work: Callable[[Any], Any]) -> Any:
        """Run one call on an admin client."""

        async def run() -> Any:
            async with administrator(self.broker.bootstrap) as admin:
                return await work(admin)

        for _ in range(20):
            try:
                return asyncio.run(run())
            except (KafkaError, OSError):
                time.sleep(0.5)
        return asyncio.run(run())


async def _places(bootstrap: str, topic: str) -> list[tuple[tuple[str, int, int], bytes]]:
    found = []
    for one in await records(bootstrap, topic):
        name, partition, offset = one.key.decode().rsplit("/", 2)
        length = dict(one.headers).get("oversight_cut_from_bytes")
        value = one.value if length is None else withheld(int(length))
        found.append(((name.rsplit(".", 1)[-1], int(partition), int(offset)), value))
    return found
