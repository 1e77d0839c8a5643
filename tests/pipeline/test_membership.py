"""Our place in the group: a refusal counts until the group assigns; one of before it does not count."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, GroupLoadInProgressError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from kafka_doubles import Group

from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.membership import Membership, NotAMemberError, committed
from streams.pipeline.pulse import Pulse

EVENTS = TopicPartition("oversight.events", 0)
OFFSETS = {EVENTS: OffsetAndMetadata(7, "abc/1")}


async def test_a_refusal_counts_until_the_group_assigns() -> None:
    """Nothing is published between."""
    group = Group()
    membership = Membership("g", Pulse(15), group)
    group.refuses = True

    with pytest.raises(NotAMemberError):
        await membership.commit(group, OFFSETS)

    assert membership.lost
    membership.assigned()
    assert not membership.lost


async def test_a_refusal_of_before_the_assignment_does_not_count() -> None:
    """A takeover's commit that fails after the group has assigned again would otherwise stop us for good."""
    membership = Membership("g", Pulse(15), Group())
    asked, answer = asyncio.Event(), asyncio.Event()

    class Slow:
        async def commit(self, _: object) -> None:
            asked.set()
            await answer.wait()
            raise CommitFailedError("the group has rebalanced")

    committing = asyncio.ensure_future(membership.commit(Slow(), OFFSETS))
    await asked.wait()
    membership.assigned()
    answer.set()

    with pytest.raises(NotAMemberError):
        await committing
    assert not membership.lost


async def test_a_partition_that_is_not_assigned_says_nothing_about_membership() -> None:
    """A takeover that a new assignment overtook commits what it was given before, in the new term already."""

    class Overtaken:
        async def commit(self, _: object) -> None:
            raise IllegalStateError("the partition is not assigned")

    membership = Membership("g", Pulse(15), Group())
    membership.assigned()

    with pytest.raises(NotAMemberError):
        await membership.commit(Overtaken(), OFFSETS)

    assert not membership.lost


async def test_a_coordinator_that_is_still_loading_is_not_one_without_commits() -> None:
    """After a restart of the broker: neither is what we have another's, nor is what is there nobody's."""
    group = Group({EVENTS: (7, "abc/1")})
    membership = Membership("g", Pulse(15), group)
    membership.doubt()
    ours = {EVENTS: Assigned(7, 7, Claim("abc", 1), position=7)}
    group.loading = True

    with pytest.raises(GroupLoadInProgressError):
        await committed(group, "g", [EVENTS])
    with pytest.raises(GroupLoadInProgressError):
        await membership.confirm(group, ours)

    group.loading = False
    await membership.confirm(group, ours)
    assert not membership.lost
