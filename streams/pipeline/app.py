"""The Faust app: it owns the hot path, the assessment's agent and the web server, and their life.

app.start ─► group joined ─► hot path, assessment, web ─► … ─► app.stop (reverse order)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from importlib.metadata import version
from typing import Any, TypeVar

import faust
import mode
import structlog
import uvicorn

from streams.assessment import Board, Row
from streams.assessment.finals import Finals
from streams.catalogue import Catalogue, read_sources
from streams.engine import Engine
from streams.engine.calendar import day_number
from streams.engine.saved import fingerprint
from streams.engine.snapshots import RETURN_CORRECTABLE_DAYS, Snapshotter
from streams.errors import DeliveryError, PortTakenError
from streams.exposition.renderer import Renderer
from streams.exposition.web import View, create_web
from streams.organisations import Register
from streams.pipeline.assess import Assessment
from streams.pipeline.cache import Cache
from streams.pipeline.collector import calm_collector
from streams.pipeline.coverage import Coverage, Group
from streams.pipeline.finals import Issuing
from streams.pipeline.hot_path import HotPath, partition_of
from streams.pipeline.metrics import Metrics
from streams.pipeline.pulse import Pulse
from streams.pipeline.retained import engine_settings
from streams.pipeline.topics import ACCEPTS, prepare_topics
from streams.settings import Settings

log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")


class Web(mode.Service):
    """Serves an ASGI application on the worker's loop."""

    abstract = False

    def __init__(self, application: Any, listener: socket.socket, **kwargs: Any) -> None:
        self._listener = listener
        config = uvicorn.Config(application, log_level="warning", lifespan="off", access_log=False)
        self._server = _Server(config)
        super().__init__(**kwargs)

    @mode.Service.task
    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])

    async def on_stop(self) -> None:
        """Close the listener and finish open requests."""
        self._server.should_exit = True
        await self.sleep(0)


class _Server(uvicorn.Server):
    """Leaves signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Worker:
    """One process of the service.

    Args:
        settings: how to run.
        clock: wall time in seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.catalogue = Catalogue.with_local(settings.local)
        self.register = Register.configured(settings.register_directory, settings.organisations)
        self._clock = clock
        self._partitions: dict[str, int] = {}
        self._coverage = Coverage(settings, self.metrics)
        self._engine = engine = Engine(
            self.catalogue.measures,
            engine_settings(settings),
            route=self._route,
        )
        changes = [day_number(day) for day in self.register.change_days()]
        expected = read_sources(settings.sources) if settings.sources else ()
        self.board = Board(self.catalogue, self.register, expected, settings.rule)
        renderer = Renderer(self.catalogue, self.register)
        # The embedded broker cannot say who owns what, so that after a pause nobody could be asked.
        pulse = Pulse(settings.session_timeout_seconds / 2 if settings.append_time == "broker" else math.inf)
        self.hot_path = HotPath(
            settings, engine, Snapshotter(engine, changes), metrics=self.metrics, pulse=pulse, clock=clock
        )
        finals = Finals(self.board, engine.settings.horizon_days, RETURN_CORRECTABLE_DAYS)
        self.assessment = Assessment(
            settings, self.board, renderer, metrics=self.metrics, pulse=pulse, clock=clock, finals=finals
        )
        self.issuing = Issuing(settings, self.assessment, finals, self.metrics, clock)

    def _route(self, topic: str, key: str) -> int | None:
        count = self._partitions.get(topic)
        return None if count is None else partition_of(key, count)

    def problems(self) -> list[str]:
        """Say what keeps this worker from being ready."""
        found = list(self.hot_path.problems())
        if self.assessment.owned and not self.assessment.serving:
            found.append("the assessment is reading its snapshots")
        found += self._coverage.problems()
        return found

    def warnings(self) -> list[str]:
        """Say what makes figures doubtful although this worker is ready: publishers, or other workers."""
        found = self.assessment.doubts()
        if split := self.board.sources_on_two_partitions():
            found.append(f"{len(split)} publishers stand on two partitions: {', '.join(split[:3])}")
        return found

    def shows(self, records: int) -> bool:
        """Whether the board holds at least the first `records` records of topics that were made empty."""
        beats = self.board.sources.values()
        return self.assessment.serving and sum(beat.at.next_offset for beat in beats) >= records

    def view(self) -> View:
        """Give what the HTTP side may ask."""
        names = self.register.name

        def organisations() -> list[tuple[str, str]]:
            found = self.board.organisations() if self.assessment.serving else set()
            return sorted(((code, names(code)) for code in found), key=lambda one: one[1])

        def rows() -> list[Row]:
            """Give what is worked out already: the page must not work out what is not, all at once."""
            if not self.assessment.serving:
                return []
            return [row for of in self.board.slots().values() for row in of]

        return View(
            indicators=self.assessment.chunks,
            own=self.metrics.registry,
            rows=rows,
            names=organisations,
            problems=self.problems,
            warnings=self.warnings,
            title_of={one.id: one.title for one in self.catalogue.indicators.values()},
        )

    def _faust(self, directory: str) -> faust.App:
        settings = self.settings
        app = faust.App(
            self.assessment.group,
            broker_client_id=self.assessment.client,
            broker="kafka://" + settings.bootstrap_servers.replace(",", ";kafka://"),
            datadir=directory,
            store="memory://",
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            topic_replication_factor=settings.replication,
            topic_partitions=1,
            consumer_group_instance_id=settings.instance,
            broker_session_timeout=settings.session_timeout_seconds,
            broker_heartbeat_interval=settings.session_timeout_seconds / 10,
            broker_rebalance_timeout=settings.session_timeout_seconds + 10,
            broker_request_timeout=settings.session_timeout_seconds + 30,
            producer_request_timeout=settings.deadline_seconds,
            key_serializer="raw",
            value_serializer="raw",
        )
        topic = app.topic(
            settings.topic("snapshots"), key_serializer="raw", value_serializer="raw", partitions=1
        )
        app.agent(topic, name="assessment")(self.assessment.consume)

        async def assigned(_app: Any, assigned: set[Any], **_: Any) -> None:
            self.assessment.assigned(assigned)

        app.on_partitions_assigned.connect(assigned, weak=False)
        return app

    async def run(self, stop: asyncio.Event, started: Callable[[int], None] = lambda _port: None) -> None:
        """Run until `stop` is set.

        Args:
            stop: set it to stop gracefully.
            started: called with the port once everything has started.

        Raises:
            TopicError: a topic is missing or wrong, or Kafka cannot be reached.
            PortTakenError: the page's port is in use.
            DeliveryError: a part of the service died.
        """
        listener = _listen(self.settings.host, self.settings.port)
        with listener, tempfile.TemporaryDirectory(prefix="oversight-") as directory:
            prepared = await _unless(stop, prepare_topics(self.settings))
            if prepared is None:
                return
            self._partitions = prepared
            inputs = [self.settings.topic(name) for name in ACCEPTS]
            self.assessment.expect({topic: prepared[topic] for topic in inputs})
            self._use_cache()
            app = self._faust(directory)
            web = Web(create_web(self.view()), listener)
            await web.start()
            app.finalize()
            self._cover(app, inputs)
            try:
                await app.start()
                await self.assessment.start()
                await self.issuing.start()
                await self.hot_path.start()
                if self.settings.append_time == "broker":
                    await self._coverage.start()
                calm_collector()
                started(listener.getsockname()[1])
                await self._wait(stop, app)
            finally:
                for service in (self._coverage, self.hot_path, self.issuing, self.assessment, app, web):
                    await service.stop()

    def _cover(self, app: faust.App, inputs: Sequence[str]) -> None:
        snapshots = self.settings.topic("snapshots")

        async def rejoin() -> None:
            await app.consumer.subscribe([snapshots])

        read = {topic: self._partitions[topic] for topic in inputs}
        self._coverage.over(Group(self.hot_path.group, read, self.hot_path.rejoin))
        self._coverage.over(Group(self.assessment.group, {snapshots: 1}, rejoin))

    def _use_cache(self) -> None:
        """Keep states on disk, where configured; what gives one its meaning is part of its name."""
        if self.settings.state_directory is None:
            return
        meaning = fingerprint(
            self._engine.settings,
            self.catalogue.measures,
            version("ics-oversight"),
            json.dumps(self._partitions, sort_keys=True),
        )

        def count(outcome: str) -> None:
            self.metrics.states.labels(outcome).inc()

        self.hot_path.keep_in(Cache(self.settings.state_directory, meaning, count))

    async def _wait(self, stop: asyncio.Event, app: Any) -> None:
        while not stop.is_set():
            for service in (app, self.hot_path, self.assessment, self.issuing):
                if service.crashed:
                    reason = service.crash_reason
                    raise DeliveryError(f"{service.label} died: {reason!r}; start the worker again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, _Result]) -> _Result | None:
    """Wait for `work`, but give it up, and None, as soon as `stop` is set."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"port {port} on {host} cannot be used ({error.strerror}): stop the program that has it,"
            " or choose another with --port or OVERSIGHT_PORT"
        ) from None
    return listener


def quiet(level: int = logging.INFO) -> None:
    """Log the service's own lines from `level` on, and of the libraries only warnings."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    for name in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def run_until_signal(worker: Worker, started: Callable[[int], None] = lambda _port: None) -> None:
    """Run a worker until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await worker.run(stop, started)
