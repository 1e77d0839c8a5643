"""Writes records, all acknowledged or an error that says which topic refuses what, and what to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streams.errors import DeliveryError
from streams.pipeline.outputs import Output
from streams.settings import Settings

log = structlog.get_logger(__name__)

MAX_RECORD_BYTES = 8 << 20
"""What a record of ours may have, and what the topics we write to are made for."""
_BATCH_BYTES = 256 * 1024
"""A batch is a round trip to the broker, and a partition's follow one another. An organisation's snapshot has
10 to 25 kB, so that the client's own 16 kB would make each of hundreds in a tick wait for the one before.
"""
_DIAGNOSIS_SECONDS = 5.0
_CLOSING_SECONDS = 5.0


class Writer:
    """Our producer. A record stays pending with whoever gave it until `write` has returned.

    Args:
        settings: how to run.
        admin: to ask about a topic that does not answer.
    """

    def __init__(self, settings: Settings, admin: Any) -> None:
        self._settings = settings
        self._admin = admin
        self._producer: Any = None
        self._spoiled = False
        self._topics: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Connect."""
        settings = self._settings
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap_servers,
            acks="all",
            enable_idempotence=settings.append_time == "broker",
            linger_ms=5,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(settings.deadline_seconds * 1000),
        )
        await self._producer.start()
        self._spoiled = False

    async def stop(self) -> None:
        """Disconnect, soon even when the broker is away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._producer.stop()

    async def write(self, outputs: Sequence[Output]) -> None:
        """Write records and wait until the broker has acknowledged each.

        Raises:
            DeliveryError: a topic refuses one; the others are written.
            KafkaError: the broker cannot take them now.
        """
        if not outputs:
            return
        await self._renew()
        self._topics = frozenset(one.topic for one in outputs)
        sent: list[Any] = [await self._send(one) for one in outputs]
        waiting = [one for one in sent if not isinstance(one, KafkaError)]
        answers = iter(await asyncio.gather(*waiting, return_exceptions=True))
        for output, one in zip(outputs, sent, strict=True):
            answer = one if isinstance(one, KafkaError) else next(answers)
            if isinstance(answer, BaseException):
                self._raise(output, answer)
        self._topics = frozenset()

    async def _send(self, one: Output) -> Any:
        try:
            return await self._producer.send(
                one.topic, one.value, key=one.key, headers=list(one.headers), partition=one.partition
            )
        except MessageSizeTooLargeError as error:  # larger than the client itself sends
            return error

    def _raise(self, output: Output, error: BaseException) -> None:
        if not isinstance(error, KafkaError):
            raise error
        # A refused batch has taken sequence numbers that the broker has not seen: this producer is done for.
        self._spoiled = self._spoiled or not error.retriable
        if isinstance(error, MessageSizeTooLargeError):
            key, size = output.key.decode(errors="replace"), len(output.value or b"")
            raise DeliveryError(
                f"topic {output.topic} refuses a record of {size} bytes, key {key}: raise its"
                f" limit with kafka-configs --alter --entity-type topics --entity-name {output.topic}"
                f" --add-config max.message.bytes={MAX_RECORD_BYTES}"
            ) from error
        if not error.retriable:
            raise DeliveryError(
                f"topic {output.topic} refuses a record ({type(error).__name__}): look at the topic's"
                " settings and at the rights of this service on it"
            ) from error
        raise error

    async def _renew(self) -> None:
        """Start over with another producer after a refusal, once nothing of the old one is on its way."""
        if self._spoiled:
            await self._producer.flush()
            await self._producer.stop()
            await self.start()

    async def missing(self) -> str | None:
        """Say which topic of an unfinished write does not exist, and what to do; None when all do.

        The client waits for a missing topic without a word.
        """
        if not self._topics:
            return None
        try:
            async with asyncio.timeout(_DIAGNOSIS_SECONDS):  # asking by name could create it, made wrongly
                gone = sorted(self._topics - set(await self._admin.list_topics()))
        except (KafkaError, TimeoutError, OSError):
            return None
        if not gone:
            return None
        return (
            f"topic {gone[0]} does not exist: create it as docs/topics.md says;"
            " `oversight worker` does so at its start"
        )
