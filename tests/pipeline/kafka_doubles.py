"""Doubles of what the hot path asks: a group's commits, a log's ends, a producer's answers, the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.structs import OffsetAndMetadata, OffsetAndTimestamp


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Give them."""
        return self.now


class Group:
    """A consumer group on a broker: what is committed, and whether it takes commits from us.

    Attributes:
        commits: what stands.
        history: every commit, in order.
        refuses: whether we are not a member.
        away: whether the broker does not answer.
        loading: whether its coordinator has just started and does not know the commits yet.
    """

    def __init__(self, commits: Mapping[TopicPartition, tuple[int, str]] | None = None) -> None:
        self.commits = {one: OffsetAndMetadata(*pair) for one, pair in (commits or {}).items()}
        self.history: list[dict[TopicPartition, OffsetAndMetadata]] = []
        self.refuses = self.away = self.loading = False

    async def list_consumer_group_offsets(
        self, group: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Answer as the admin client does."""
        assert group
        self._answer()
        if self.loading:
            return {}
        return {one: self.commits.get(one, OffsetAndMetadata(-1, "")) for one in partitions}

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        """Answer as the consumer does."""
        self._answer()
        if self.refuses:
            raise CommitFailedError("the group has rebalanced")
        self.commits |= offsets
        self.history.append(offsets)

    def _answer(self) -> None:
        if self.away:
            raise KafkaError("nobody answers")


class Log:
    """Partitions on a broker: [begin, end) and append times by offset."""

    def __init__(self, group: Group, spans: Mapping[TopicPartition, tuple[int, int]]) -> None:
        self._group = group
        self.spans = dict(spans)
        self.times: dict[TopicPartition, dict[int, int]] = {}
        self.asked_from_ms: int | None = None

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer as the consumer does."""
        return {one: self.spans[one][0] for one in partitions}

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer as the consumer does."""
        self._group._answer()
        return {one: self.spans[one][1] for one in partitions}

    async def offsets_for_times(
        self, asked: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """Answer as the consumer does: the first record at or after a time, None when there is none."""
        found: dict[TopicPartition, OffsetAndTimestamp | None] = {}
        for partition, since in asked.items():
            self.asked_from_ms = since
            fitting = [one for one in sorted(self.times.get(partition, {}).items()) if one[1] >= since]
            found[partition] = OffsetAndTimestamp(*fitting[0]) if fitting else None
        return found

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit to the group."""
        await self._group.commit(offsets)

    async def position(self, partition: TopicPartition) -> int:
        """Give no position beyond the beginning."""
        return self.spans[partition][0]


class Topics:
    """Stands for a producer: what was written, and topics that refuse.

    Attributes:
        written: acknowledged records: (topic, key, value).
        refusals: topic to the error with which it answers.
        made: how many producers there have been.
    """

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes, bytes]] = []
        self.refusals: dict[str, KafkaError] = {}
        self.names: set[str] = set()
        self.made = 0

    async def start(self) -> None:
        """Connect."""
        self.made += 1

    async def stop(self) -> None:
        """Disconnect."""

    async def flush(self) -> None:
        """Wait for nothing."""

    async def list_topics(self) -> list[str]:
        """Answer as the admin client does."""
        return sorted(self.names)

    async def send(self, topic: str, value: bytes, key: bytes, **_: Any) -> asyncio.Future[None]:
        """Answer as the producer does: with a future."""
        future = asyncio.get_running_loop().create_future()
        if topic in self.refusals:
            future.set_exception(self.refusals[topic])
        else:
            self.written.append((topic, key, value))
            future.set_result(None)
        return future
