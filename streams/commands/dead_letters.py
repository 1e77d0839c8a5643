"""Dead letters: what was refused, why, and sending it again after a fix.

A dead letter keeps the original bytes and attributes, unless they are withheld; our headers say where it
stood and what was wrong. What is withheld is read from there again. Sending it again is idempotent, because
events are: the same version counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.envelope import Headers
from streams.commands.publish import Published, Publisher
from streams.errors import SourceError
from streams.pipeline.outputs import HEADER_PREFIX
from streams.pipeline.reading import read_to_end
from streams.pipeline.topics import prepare_topics
from streams.pipeline.unreadable import UNREADABLE
from streams.settings import Settings


@dataclass(frozen=True)
class DeadLetter:
    """One refused record.

    Attributes:
        identity: input topic, partition and offset, `oversight.events/0/12`.
        reason: one word, as counted.
        problems: what was wrong, field by field.
        value: the original bytes; none when `cut_from_bytes` says how many there were.
        headers: the attributes of an event in binary mode.
        cut_from_bytes: length of the original when it was withheld, else None.
    """

    identity: str
    reason: str
    problems: str
    value: bytes
    headers: Headers
    cut_from_bytes: int | None = None

    @property
    def whole(self) -> bool:
        """Whether the original is here, so that it can be sent again."""
        return self.cut_from_bytes is None and bool(self.value)

    @property
    def place(self) -> tuple[TopicPartition, int]:
        """Partition and offset at which the original stands."""
        topic, partition, offset = self.identity.rsplit("/", 2)
        return TopicPartition(topic, int(partition)), int(offset)


async def dead_letters(settings: Settings) -> AsyncIterator[DeadLetter]:
    """Read the dead letters that are there now, oldest first; a repeated one once.

    Raises:
        TopicError: when Kafka cannot be reached or the topic is missing.
    """
    await prepare_topics(settings, create=False)
    partition = TopicPartition(settings.topic("dead-letters"), 0)
    seen: set[str] = set()
    async with aclosing(read_to_end(settings, [partition])) as reading:
        async for record in reading:
            letter = _letter(record.key or b"", record.value or b"", record.headers)
            if letter.identity not in seen:
                seen.add(letter.identity)
                yield letter


def _letter(key: bytes, value: bytes, headers: Headers) -> DeadLetter:
    ours = {name: text.decode(errors="replace") for name, text in headers if name.startswith(HEADER_PREFIX)}
    cut = ours.get("oversight_cut_from_bytes")
    return DeadLetter(
        identity=key.decode(errors="replace"),
        reason=ours.get("oversight_reason", ""),
        problems=ours.get("oversight_problems", ""),
        value=value,
        headers=[(name, text) for name, text in headers if not name.startswith(HEADER_PREFIX)],
        cut_from_bytes=None if cut is None else int(cut),
    )


async def find(settings: Settings, identity: str) -> DeadLetter:
    """Give one dead letter.

    Raises:
        SourceError: when there is none of that identity.
    """
    async for letter in dead_letters(settings):
        if letter.identity == identity:
            return letter
    raise SourceError(
        f"there is no dead letter {identity!r}; `oversight dead-letters list` shows what there is"
    )


async def retry(
    settings: Settings, identities: Collection[str], reasons: Collection[str]
) -> tuple[Published, Counter[str]]:
    """Check dead letters again and send those that now meet the contract to the topic of their family.

    Args:
        settings: where Kafka is.
        identities: which; empty for all.
        reasons: of which reasons; empty for all.

    Returns:
        What was acknowledged or refused again, and how many could not be tried, by cause.
    """
    passed: Counter[str] = Counter()
    chosen: list[tuple[str, bytes, Headers]] = []
    async with _Originals(settings) as originals:
        async for letter in dead_letters(settings):
            if (identities and letter.identity not in identities) or (
                reasons and letter.reason not in reasons
            ):
                continue
            if letter.whole:
                chosen.append((letter.identity, letter.value, letter.headers))
            elif (original := await originals.read(letter)) is not None:
                chosen.append((letter.identity, original.value or b"", original.headers))
            else:
                passed["whose original is withheld and not to be had in its place any more"] += 1
    async with Publisher(settings) as publisher:
        return await publisher.publish_records(chosen), passed


class _Originals:
    """Reads withheld records where they stand; an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers, group_id=None, enable_auto_commit=False
        )
        self._timeout_ms = int(settings.deadline_seconds * 1000)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self, letter: DeadLetter) -> Any:
        """Give the original record of a dead letter; None when it is gone, or cannot be read."""
        partition, offset = letter.place
        consumer = self._consumer
        consumer.assign([partition])
        first = (await consumer.beginning_offsets([partition]))[partition]
        if not first <= offset < (await consumer.end_offsets([partition]))[partition]:
            return None
        consumer.seek(partition, offset)
        try:
            found = await consumer.getmany(partition, timeout_ms=self._timeout_ms, max_records=1)
        except UNREADABLE:
            return None
        return next((one for one in found.get(partition, ()) if one.offset == offset), None)
