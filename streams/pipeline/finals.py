"""Finals on Kafka: the assessment's owner looks back at what has been issued, and issues what is due.

One write at a time, each acknowledged before the next is worked out: a final that was not acknowledged is
written again, and its key and identity say that it is the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import mode
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.outputs import Final, encode, final_key
from streams.assessment.finals import Finals
from streams.pipeline.assess import Assessment
from streams.pipeline.collector import collect_young
from streams.pipeline.metrics import Metrics
from streams.pipeline.reading import read_to_end
from streams.settings import Settings
from streams.turns import in_turns

log = structlog.get_logger(__name__)

SLICE = 10
"""Periods looked at before the event loop gets its turn."""
_AGAIN_SECONDS = 5.0
"""How often periods that wait for sources are looked at again."""
_RETRY_SECONDS = 1.0
_DAY_MS = 86_400_000
IDENTITY = "oversight_identity"
"""Header of a final: what it is of, so that looking back need not decode it."""


class Issuing(mode.Service):
    """Issues finals while this worker serves the assessment.

    Args:
        settings: how to run.
        assessment: whose owner issues.
        finals: what is to be issued.
        metrics: where to count.
        clock: wall time in seconds.
    """

    abstract = False

    def __init__(
        self,
        settings: Settings,
        assessment: Assessment,
        finals: Finals,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        self._settings = settings
        self._topic = settings.topic("finals")
        self._assessment = assessment
        self._finals = finals
        self._metrics = metrics
        self._clock = clock
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap_servers,
            acks="all",
            enable_idempotence=self._settings.append_time == "broker",
            linger_ms=5,
            request_timeout_ms=int(self._settings.deadline_seconds * 1000),
        )
        await self._producer.start()

    async def on_stop(self) -> None:
        """Disconnect; what was not acknowledged is worked out again by the next owner."""
        await self._producer.stop()

    @mode.Service.task
    async def _issue(self) -> None:
        looked_back = -1
        again_at = 0.0
        while not self.should_stop:
            term = self._assessment.term
            if not self._assessment.serving:
                await self.sleep(self._settings.tick_seconds)
                continue
            try:
                if looked_back != term:
                    await self._look_back()
                    looked_back = term
                now_ms = int(self._clock() * 1000)
                if self._clock() >= again_at:
                    again_at = self._clock() + _AGAIN_SECONDS
                    await in_turns(self._finals.again(now_ms))
                if not self._assessment.hears_all:  # what an absent worker holds may change a roll-up
                    await self.sleep(self._settings.tick_seconds)
                    continue
                found, left = self._finals.due(now_ms, SLICE)
                await self._write(found, term)
            except (KafkaError, OSError) as error:
                if self.should_stop:
                    return
                log.warning("finals cannot be read or written now", error=str(error) or type(error).__name__)
                looked_back = -1
                await self.sleep(_RETRY_SECONDS)
                continue
            collect_young()
            await asyncio.sleep(0)
            if not left:
                await self.sleep(self._settings.tick_seconds)

    async def _write(self, finals: list[Final], term: int) -> None:
        if not finals or not self._assessment.serving or self._assessment.term != term:
            return
        sent = [
            await self._producer.send(
                self._topic, encode(one), key=final_key(one), headers=[(IDENTITY, one.identity.encode())]
            )
            for one in finals
        ]
        for one in sent:
            await one
        self._finals.issued(finals)
        for one in finals:
            self._metrics.finals.labels("restated" if one.revision else "first").inc()

    async def _look_back(self) -> None:
        """Read what has been issued of periods that can still be corrected, and look at all of them again."""
        since_ms = None
        if self._settings.append_time == "broker":  # another does not find offsets by time
            since_ms = int(self._clock() * 1000) - self._finals.look_back_days * _DAY_MS
        partition = TopicPartition(self._topic, 0)
        count = 0
        async with aclosing(
            read_to_end(self._settings, [partition], since_ms=since_ms, wanted=lambda: not self.should_stop)
        ) as reading:
            async for record in reading:
                count += 1
                self._take(record)
        await in_turns(self._finals.begin())
        log.info("the assessment knows which finals have been issued", finals=count)

    def _take(self, record: Any) -> None:
        identity = dict(record.headers).get(IDENTITY, b"").decode()
        name, _, revision = (record.key or b"").decode().rpartition("/")
        try:
            self._finals.known(name, int(revision), identity)
        except ValueError:
            log.warning(
                "a record of the finals topic is not ours and is ignored",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
            )
