"""Whether the partitions that we think are ours still are: asked of the group before we publish.

A worker that stood still longer than its session is out of the group without knowing it. Its commit is
refused then, so a commit of what is committed already tells. A group without any members takes commits
from anybody; that another worker has been there shows in the epoch of the commit that stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import CommitFailedError, GroupLoadInProgressError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.pulse import Pulse
from streams.settings import Settings


class NotAMemberError(Exception):
    """The group has given our partitions away, or is about to: publish nothing until it has assigned."""


class Membership:
    """Our place in the group.

    Args:
        group: its name.
        pulse: of this process.
        admin: to read commits.
        told: whether the broker keeps what a commit says; without it there is no asking whose commit stands.
    """

    def __init__(self, group: str, pulse: Pulse, admin: Any, *, told: bool = True) -> None:
        self._group = group
        self._told = told
        self._pulse = pulse
        self._admin = admin
        self._confirmed_at = pulse.pauses()
        self._doubtful = False
        self._lost = False
        self._terms = 0

    @property
    def lost(self) -> bool:
        """Whether it was refused and the group has not assigned since."""
        return self._lost

    def doubt(self) -> None:
        """Have it confirmed before the next publication."""
        self._doubtful = True

    def assigned(self) -> None:
        """Hear that the group has assigned: we are a member of it now."""
        self._terms += 1
        self._confirmed_at = self._pulse.pauses()
        self._lost = self._doubtful = False

    async def commit(self, consumer: Any, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets; a refusal means that we are not a member.

        Raises:
            NotAMemberError: the group refuses.
            KafkaError: the broker cannot take it now.
        """
        term = self._terms
        try:
            await consumer.commit(dict(offsets))
        except IllegalStateError as error:
            # The client's own word: a takeover that the group overtook asks for what was assigned before.
            raise NotAMemberError(str(error)) from error
        except CommitFailedError as error:
            # One of before the last assignment says nothing about it, and no other assignment may follow.
            self._lost = self._lost or term == self._terms
            raise NotAMemberError(str(error)) from error

    async def confirm(self, consumer: Any, assigned: Mapping[TopicPartition, Assigned]) -> None:
        """Make sure that the group still counts us in, where there is reason to doubt it.

        Raises:
            NotAMemberError: it does not.
            KafkaError: the broker cannot be asked now.
        """
        pauses = self._pulse.pauses()
        if self._lost:
            raise NotAMemberError("the group has not assigned partitions since it refused a commit")
        if (pauses == self._confirmed_at and not self._doubtful) or not assigned or not self._told:
            return
        term = self._terms
        known = await committed(self._admin, self._group, assigned)
        for partition, ours in assigned.items():
            if (found := known.get(partition)) is None or found[1] != ours.claim:
                self._lost = self._lost or term == self._terms
                raise NotAMemberError(f"another worker has {partition.topic}/{partition.partition}")
        offsets = {
            one: OffsetAndMetadata(known[one][0], ours.claim.metadata) for one, ours in assigned.items()
        }
        await self.commit(consumer, offsets)
        self._confirmed_at, self._doubtful = pauses, False


async def committed(
    admin: Any, group: str, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, tuple[int, Claim]]:
    """Give next offset and claim of the commits of a group that stand; those without a claim are left out.

    Raises:
        GroupLoadInProgressError: the broker does not know the group's commits yet.
        KafkaError: it cannot be asked now.
    """
    asked = list(partitions)
    answer = await admin.list_consumer_group_offsets(group, partitions=asked)
    if any(one not in answer for one in asked):
        # A coordinator that has just started says so beside an empty answer, and the client leaves that out:
        # taken for "nobody has committed", everything would be claimed as if it were new.
        raise GroupLoadInProgressError(f"the broker is still loading the commits of {group}")
    return {
        partition: (offset.offset, claim)
        for partition, offset in answer.items()
        if offset.offset >= 0 and (claim := Claim.read(offset.metadata or "")) is not None
    }


async def owners(settings: Settings, group: str) -> dict[TopicPartition, str] | None:
    """Give the client names of a group's members by partition; None while the group is not settled.

    Raises:
        KafkaError: the broker cannot say.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    async with asyncio.timeout(settings.deadline_seconds):
        await admin.start()
        try:
            answers = await admin.describe_consumer_groups([group])
        finally:
            await admin.close()
    (described,) = answers[0].to_object()["groups"]
    if described["state"] != "Stable":
        return None
    return {
        partition: str(member["client_id"])
        for member in described["members"]
        if member["member_assignment"]
        for partition in ConsumerProtocolMemberAssignment.decode(member["member_assignment"]).partitions()
    }
