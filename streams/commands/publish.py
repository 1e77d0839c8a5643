"""Publishing events to Kafka: each is checked first, and what is refused is reported with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.envelope import Headers, family_of
from schemas.fast import RefusedError, decode, event_type
from streams.commands.replay import Line
from streams.engine.core import RETURN_FAMILIES
from streams.errors import DeliveryError
from streams.pipeline.topics import prepare_topics
from streams.settings import Settings

_IN_FLIGHT = 5_000
"""Records handed to the producer before their acknowledgements are awaited."""


@dataclass
class Published:
    """What became of the lines: acknowledged by topic, refused by reason, the first refusals in words."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def refuse(self, where: str, reason: str, problem: str, limit: int = 20) -> None:
        """Note a refused record."""
        self.refused[reason] += 1
        if len(self.problems) < limit:
            self.problems.append(f"{where}: {reason}: {problem}")

    def report(self) -> list[str]:
        """Say it in lines."""
        lines = list(self.problems)
        if (more := self.refused.total() - len(self.problems)) > 0:
            lines.append(f"… and {more} more")
        for topic, count in sorted(self.acknowledged.items()):
            lines.append(f"{topic}: {count} acknowledged")
        if self.refused:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.refused.items()))
            lines.append(f"refused, not sent: {reasons}")
        return lines or ["nothing to publish"]


class Publisher:
    """Sends checked events, keyed by their publisher's code; an async context manager.

    Args:
        settings: where Kafka is, and how long to wait for it.
        stamp_recorded: give records their event's `recordedtime`, as if sent then. For a demonstration's
            history on the embedded broker; a topic with LogAppendTime overrules it.

    Raises:
        TopicError: when Kafka cannot be reached, or a topic is missing or not as the service needs it.
        DeliveryError: when Kafka did not acknowledge.
    """

    def __init__(self, settings: Settings, *, stamp_recorded: bool = False) -> None:
        self._settings = settings
        self._stamp_recorded = stamp_recorded

    async def __aenter__(self) -> Self:
        await prepare_topics(self._settings, create=False)  # else Kafka would make them its own way
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap_servers,
            acks="all",
            enable_idempotence=self._settings.append_time == "broker",
            linger_ms=20,
            max_batch_size=256 * 1024,
            max_request_size=self._settings.max_event_bytes + (1 << 20),
            request_timeout_ms=int(self._settings.deadline_seconds * 1000),
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(
        self, lines: Iterable[Line], progress: Callable[[int], None] = lambda _count: None
    ) -> Published:
        """Send lines and wait for every acknowledgement.

        Args:
            lines: one event each, structured mode.
            progress: called with the number of lines handled so far.
        """
        return await self.publish_records(((line.where, line.value, ()) for line in lines), progress)

    async def publish_records(
        self,
        records: Iterable[tuple[str, bytes, Headers]],
        progress: Callable[[int], None] = lambda _count: None,
    ) -> Published:
        """Send records, structured or binary, and wait for every acknowledgement.

        Args:
            records: where each stands, its value and headers.
            progress: called with the number of records handled so far.
        """
        done = Published()
        waiting: list[tuple[str, Any]] = []
        number = 0
        for number, (where, value, headers) in enumerate(records, 1):
            if (event := self._checked(done, where, value, headers)) is not None:
                topic, key = self._address(event)
                stamp = int(event.recordedtime.timestamp() * 1000) if self._stamp_recorded else None
                try:
                    future = await self._producer.send(
                        topic, value, key=key, timestamp_ms=stamp, headers=list(headers)
                    )
                except KafkaError as error:
                    raise _not_acknowledged(error, done) from None
                waiting.append((topic, future))
            if len(waiting) >= _IN_FLIGHT:
                await _acknowledged(waiting, done)
                progress(number)
        await _acknowledged(waiting, done)
        progress(number)
        return done

    def _checked(self, done: Published, where: str, value: bytes, headers: Headers) -> Any:
        if len(value) > self._settings.max_event_bytes:
            limit = self._settings.max_event_bytes
            done.refuse(where, "too_large", f"{len(value)} bytes, more than {limit}")
            return None
        try:
            return decode(value, headers)
        except RefusedError as error:
            done.refuse(where, error.refusal.reason, "; ".join(error.refusal.problems))
            return None

    def _address(self, event: Any) -> tuple[str, bytes]:
        name = "returns" if family_of(event_type(event)) in RETURN_FAMILIES else "events"
        return self._settings.topic(name), event.partitionkey.encode()


async def _acknowledged(waiting: list[tuple[str, Any]], done: Published) -> None:
    try:
        for topic, future in waiting:
            await future
            done.acknowledged[topic] += 1
    except (TimeoutError, KafkaError) as error:
        raise _not_acknowledged(error, done) from None
    waiting.clear()


def _not_acknowledged(error: Exception, done: Published) -> DeliveryError:
    return DeliveryError(
        f"Kafka did not acknowledge ({error}); {done.acknowledged.total()} events were before."
        " Publish the file again: events are idempotent"
    )
