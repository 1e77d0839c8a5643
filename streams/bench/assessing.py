"""A worker in memory: the checkpoint, the board, its text and the web application, without Kafka.

    scene's engine ─► checkpoint ─► records ─► upkeep of the board ─► text ─► /metrics

All of it is the service's own code; only the broker is left out. What the checkpoint writes is handed to the
assessment as it was encoded, as the snapshots topic would.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from schemas.outputs import Position
from streams.assessment import Board, Row
from streams.assessment.finals import Finals
from streams.bench.scene import EVENTS, NOW_MS, TODAY, Scene
from streams.engine import EngineSettings
from streams.engine.saved import View as SavedView
from streams.engine.saved import fingerprint
from streams.engine.snapshots import RETURN_CORRECTABLE_DAYS
from streams.errors import BenchmarkError
from streams.exposition.renderer import STATUS_CODES, Renderer, end_seconds, family_name
from streams.exposition.web import OPENMETRICS, View, create_web
from streams.pipeline.cache import Cache
from streams.pipeline.checkpoint import Checkpoint
from streams.pipeline.collector import collect_young
from streams.pipeline.finals import SLICE
from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.membership import Membership
from streams.pipeline.metrics import Metrics
from streams.pipeline.outputs import Output
from streams.pipeline.pulse import Pulse
from streams.pipeline.upkeep import Upkeep
from streams.pipeline.writer import Writer
from streams.settings import Settings

Samples = dict[str, float]
"""Name and sorted labels to value; text, since there may be a million and more."""

Record = tuple[bytes, bytes | None]
"""Key and value."""

_ABSENT_SECONDS = 10.0
_CLAIM = Claim("bench", 1)
_NOT_ROWS = ("oversight_indicator_info", "oversight_organisation_info", "oversight_sources")


class _Loopback(Writer):
    """Keeps what would go to the broker."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, None)
        self._snapshots = settings.topic("snapshots")
        self._written: list[Record] = []

    async def write(self, outputs: Sequence[Output]) -> None:
        """Keep snapshots."""
        self._written += [(one.key, one.value) for one in outputs if one.topic == self._snapshots]

    def taken(self) -> list[Record]:
        """Give what was written since the last call."""
        written, self._written = self._written, []
        return written


class _Commits:
    """Takes every commit."""

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Take one."""


class Assessing:
    """The worker.

    Args:
        scene: the engine, and what is sent to it.

    Attributes:
        now: wall time, seconds; whoever measures moves it.
    """

    def __init__(self, scene: Scene) -> None:
        settings = Settings()
        self._scene = scene
        self.now = NOW_MS / 1000
        self._metrics = Metrics()
        self._board = Board(scene.catalogue, scene.register)
        self._renderer = Renderer(scene.catalogue, scene.register)
        self._finals = Finals(self._board, scene.engine.settings.horizon_days, RETURN_CORRECTABLE_DAYS)
        self._upkeep = Upkeep(self._board, self._renderer, self._metrics, self._clock, self._finals)
        self._ours = Assigned(0, 0, _CLAIM, position=scene.position)
        self._broker = _Loopback(settings)
        self._checkpoint = Checkpoint(
            settings,
            scene.engine,
            scene.snapshotter,
            membership=Membership("bench", Pulse(math.inf), None),
            consumer=_Commits(),
            writer=self._broker,
            metrics=self._metrics,
            clock=self._clock,
        )
        self.web: Any = create_web(
            View(
                indicators=lambda names: self._upkeep.chunks(TODAY, names),
                own=self._metrics.registry,
                rows=list,
                names=list,
                problems=list,
                warnings=list,
                title_of={},
            )
        )

    def _clock(self) -> float:
        return self.now

    @property
    def series(self) -> int:
        """How many series the board comes to."""
        return self._renderer.series

    async def publish(self) -> list[Record]:
        """Do the hot path's half of a tick: the snapshots of what changed, and a commit.

        Raises:
            BenchmarkError: the checkpoint failed.
        """
        self.now += 1
        self._ours.position = self._scene.position
        if not await self._checkpoint.make({EVENTS: self._ours}):
            raise BenchmarkError(f"the checkpoint failed: {self._checkpoint.problem}")
        return self._broker.taken()

    async def assess(self, records: Sequence[Record]) -> None:
        """Do the assessment's half: take records, roll up, judge, render."""
        for key, value in records:
            self._upkeep.take(key, value)
        await self._upkeep.feed()
        await self._upkeep.observe(_ABSENT_SECONDS, [EVENTS])
        while await self._upkeep.work_out():
            pass

    async def tick(self) -> None:
        """Do both."""
        await self.assess(await self.publish())

    async def issue(self) -> int:
        """Work out which finals are due, and take them for issued; give how many there were."""
        count, left = 0, 1
        while left:
            found, left = self._finals.due(int(self.now * 1000), SLICE)
            self._finals.issued(found)
            count += len(found)
            collect_young()
            await asyncio.sleep(0)
        return count

    async def save(self, directory: Path) -> None:
        """Save the engine's state.

        Raises:
            BenchmarkError: it could not be saved.
        """
        cache = Cache(directory, fingerprint(EngineSettings(), {}))
        view = SavedView(self._scene.engine.partitions[EVENTS])
        if not await cache.save(EVENTS.topic, EVENTS.partition, _CLAIM.identity, view):
            raise BenchmarkError("the state could not be saved")

    async def scrape(self, *, gzip: bool) -> list[bytes]:
        """Ask for /metrics as Prometheus does, without a network; give the body as it travels, in pieces.

        Raises:
            BenchmarkError: it was refused, or has not the encoding asked for.
        """
        headers = [(b"accept", OPENMETRICS.encode())] + [(b"accept-encoding", b"gzip")] * gzip
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/metrics",
            "root_path": "",
            "query_string": b"",
            "headers": headers,
        }
        answer: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()  # nothing more comes, and nobody leaves
            return {}

        async def send(message: Mapping[str, Any]) -> None:
            answer.append(message)

        await self.web(scope, receive, send)
        encoded = (b"content-encoding", b"gzip") in answer[0]["headers"]
        if answer[0]["status"] != 200 or encoded != gzip:  # noqa: PLR2004 - HTTP's word for done
            raise BenchmarkError(f"/metrics answered {answer[0]['status']} {answer[0]['headers']}")
        return [one["body"] for one in answer[1:]]

    async def body(self) -> bytes:
        """Give the whole body of a plain scrape."""
        return b"".join(await self.scrape(gzip=False))

    def check(self, body: bytes) -> int:
        """Compare a body with the rows of a board that was fed at once; give how many series agree.

        Raises:
            BenchmarkError: naming a difference.
        """
        own = {metric.name for metric in self._metrics.registry.collect()}
        found: Samples = {}
        for family in parse(body.decode()):
            if family.name not in own and family.name not in _NOT_ROWS:
                for one in family.samples:
                    found[_written(one.name, one.labels.items())] = one.value
        want = expected(self._rows(), self._scene)
        if found != want:
            differ = [key for key in found.keys() | want.keys() if found.get(key) != want.get(key)]
            first = min(differ)
            raise BenchmarkError(
                f"/metrics and the board differ in {len(differ)} series; {first}:"
                f" {found.get(first)}, not {want.get(first)}"
            )
        return len(found)

    def _rows(self) -> Iterator[Row]:
        """Give the rows of another board that takes every organisation's snapshot of now."""
        board = Board(self._scene.catalogue, self._scene.register)
        now_ms = int(self.now * 1000)
        at = Position(EVENTS.topic, _CLAIM.identity, EVENTS.partition, self._scene.position, now_ms, 1)
        for one in self._scene.snapshotter.current(EVENTS, self._scene.codes, at):
            board.apply(one, now_ms)
        board.apply(self._scene.snapshotter.heartbeat(EVENTS, at, now_ms), now_ms)
        board.observe(now_ms, int(_ABSENT_SECONDS * 1000), [EVENTS])
        return board.rows()


def _written(name: str, labels: Iterable[tuple[str, str]]) -> str:
    return f"{name} {sorted(labels)}"


def _about(row: Row, scene: Scene) -> Iterator[tuple[str, float | None]]:
    """Give what is said of a row besides its figure."""
    yield "status", STATUS_CODES.get(row.status)
    yield "threshold", row.threshold
    if not row.strata:
        yield "as_at_timestamp_seconds", row.as_at_ms / 1000
        yield "period_end_timestamp_seconds", end_seconds(row.period_end)
        restated = row.restated_at_ms
        yield "restated_timestamp_seconds", None if restated is None else restated / 1000
        yield "reference", _reference(row, scene)


def _reference(row: Row, scene: Scene) -> float | None:
    """Give the line that stands beside a figure of days, if any is declared for it."""
    if isinstance(row.period_start, datetime):
        return None
    own = scene.catalogue.indicators[row.indicator].reference
    fits = (one for one in own if row.window in one.windows and row.level in one.levels)
    return next((one.value for one in fits if one.valid_from <= row.period_start), None)


def expected(rows: Iterator[Row], scene: Scene) -> Samples:
    """Give what rows must come to, one after the other."""
    found: Samples = {}
    said: tuple[str, ...] = ()
    for row in rows:
        name = f"oversight_{row.indicator}"
        labels = [("org", row.org), ("level", row.level), ("window", row.window), ("basis", row.basis)]
        labels.append(("stratum", ",".join(f"{stratum}={value}" for stratum, value in row.strata.items())))
        parts = {
            family_name(scene.catalogue.indicators[row.indicator]): row.value,
            f"{name}_numerator": row.numerator,
            f"{name}_denominator": row.denominator,
        }
        for part, value in parts.items():
            if value is not None:
                found[_written(part, labels)] = value
        labels.append(("indicator", row.indicator))
        own = set(row.flags).difference(said) if row.strata else row.flags
        for flag in own:
            found[_written("oversight_indicator_flag", [*labels, ("flag", flag)])] = 1
        said = said if row.strata else row.flags
        for what, value in _about(row, scene):
            if value is not None:
                found[_written(f"oversight_indicator_{what}", labels)] = value
        for dimension, share in row.coded.items():
            if share is not None:
                key = _written("oversight_indicator_coded_ratio", [*labels, ("dimension", dimension)])
                found[key] = share
    return found
