"""What the group gave: where it stands is found out, and it is claimed under a new epoch before we write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import structlog
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.membership import Membership, committed
from streams.settings import Settings

log = structlog.get_logger(__name__)


class Taken(NamedTuple):
    """A partition that is ours now.

    Attributes:
        ours: where it stands; reading goes on at its position.
        continued: whether the engine's state of before goes on; else it is to be built anew.
        log_from_ms: append time from which a log is read that is built anew; None from its first record.
        earliest: the partition's first offset.
    """

    ours: Assigned
    continued: bool
    log_from_ms: int | None = None
    earliest: int = 0


class Takeover:
    """Takes partitions over.

    Args:
        settings: how to run.
        group: the consumer group's name.
        consumer: a member of it.
        admin: to read what is committed.
        membership: to commit.
        start_ms: append time from which a partition of events has to be read, given the time now.
        clock: wall time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        *,
        consumer: Any,
        admin: Any,
        membership: Membership,
        start_ms: Callable[[int], int],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._group = group
        self._consumer = consumer
        self._admin = admin
        self._membership = membership
        self._start_ms = start_ms
        self._clock = clock

    async def take(
        self, given: Collection[TopicPartition], kept: Mapping[TopicPartition, Assigned]
    ) -> dict[TopicPartition, Taken]:
        """Look partitions up and claim them.

        Args:
            given: what the group gave.
            kept: what we had before, as it stood when it was revoked; left unchanged.

        Raises:
            NotAMemberError: the group has gone on meanwhile.
            KafkaError: the broker cannot be asked now.
        """
        beginnings = await self._consumer.beginning_offsets(list(given))
        ends = await self._consumer.end_offsets(list(given))
        known = await committed(self._admin, self._group, given)
        starts = await self._starts(given, beginnings, ends)
        taken, claims = {}, {}
        for partition in given:
            begin, end = beginnings[partition], ends[partition]
            offset, claim = known.get(partition, (begin, None))
            if offset > end:
                log.error(
                    "the partition ends before what was committed: it was made anew or has lost records",
                    topic=partition.topic,
                    partition=partition.partition,
                    committed=offset,
                    end=end,
                )
                offset, claim = begin, None
            before = kept.get(partition)
            if before is not None and before.claim == claim and before.position >= begin:
                taken[partition] = Taken(before.after(offset, claim, end), continued=True)
                continue
            mine = Claim.first() if claim is None else claim.next()
            claims[partition] = OffsetAndMetadata(offset, mine.metadata)
            if before is not None and before.claim.identity == mine.identity and before.position >= begin:
                taken[partition] = Taken(before.after(offset, mine, end), continued=True)
            else:
                # What nobody has acknowledged is read, even where it is older than the open days.
                start, log_from_ms = starts.get(partition, (begin, None))
                start = max(begin, min(start, offset))
                ours = Assigned(offset, end, mine, position=start)
                log_from_ms = log_from_ms if start else None
                taken[partition] = Taken(ours, continued=False, log_from_ms=log_from_ms, earliest=begin)
        if claims:
            await self._membership.commit(self._consumer, claims)
        return taken

    async def _starts(
        self,
        given: Collection[TopicPartition],
        beginnings: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Find by time where reading begins: offset and append time; what is read whole is left out.

        Only the broker's own append times grow along a partition; returns are held as long as their topic.
        """
        if self._settings.append_time != "broker":
            return {}
        by_time = [one for one in given if one.topic == self._settings.topic("events")]
        if not by_time:
            return {}
        start_ms = self._start_ms(int(self._clock() * 1000))
        found = await self._consumer.offsets_for_times(dict.fromkeys(by_time, start_ms))
        starts = {}
        for partition in by_time:
            first = found[partition]
            if first is None:
                starts[partition] = ends[partition], start_ms
            elif first.offset == beginnings[partition]:  # the log holds less than that
                starts[partition] = first.offset, max(start_ms, first.timestamp)
            else:
                starts[partition] = first.offset, start_ms
        return starts
