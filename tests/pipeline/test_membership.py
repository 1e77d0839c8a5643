"""Our place in the group: confirmed after a pause, lost by a refusal until the group assigns."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, GroupLoadInProgressError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from kafka_doubles import Clock, Group

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


def timed(group: Group, clock: Clock) -> Membership:
    return Membership("g", Pulse(15, clock), group)


def ours() -> dict[TopicPartition, Assigned]:
    return {EVENTS: Assigned(5, 0, Claim("abc", 7), position=9)}


async def test_without_a_pause_nothing_is_asked() -> None:
    """Two looks five seconds apart are no pause."""
    clock, group = Clock(), Group({EVENTS: (5, "abc/7")})
    us = timed(group, clock)
    clock.now = 5
    await us.confirm(group, ours())
    assert [] == group.history


async def test_after_a_pause_what_is_committed_is_committed_again() -> None:
    """The group takes it, so we are a member still; and it is asked once."""
    clock, group = Clock(), Group({EVENTS: (5, "abc/7")})
    us = timed(group, clock)
    clock.now = 20
    await us.confirm(group, ours())
    await us.confirm(group, ours())
    assert [{EVENTS: (5, "abc/7")}] == group.history


@pytest.mark.parametrize("stands", [None, (5, "abc/8"), (5, "other/7")])
async def test_another_claim_means_that_we_are_out(stands: tuple[int, str] | None) -> None:
    """Even where a group without members would take our commit: it stays as it is."""
    clock, group = Clock(), Group({EVENTS: stands} if stands else None)
    us = timed(group, clock)
    clock.now = 20
    with pytest.raises(NotAMemberError):
        await us.confirm(group, ours())
    assert (True, []) == (us.lost, group.history)


async def test_once_out_nothing_is_published_until_the_group_assigns() -> None:
    """A refused commit is final, whatever the broker would say the next time."""
    clock, group = Clock(), Group({EVENTS: (5, "abc/7")})
    us = timed(group, clock)
    group.refuses, clock.now = True, 20
    with pytest.raises(NotAMemberError):
        await us.confirm(group, ours())
    group.refuses = False
    with pytest.raises(NotAMemberError):
        await us.confirm(group, ours())
    us.assigned()
    await us.confirm(group, ours())


async def test_a_broker_that_does_not_answer_leaves_the_doubt() -> None:
    """It is asked again the next time."""
    clock, group = Clock(), Group({EVENTS: (5, "abc/7")})
    us = timed(group, clock)
    group.away, clock.now = True, 20
    with pytest.raises(KafkaError):
        await us.confirm(group, ours())
    group.away = False
    await us.confirm(group, ours())
    assert 1 == len(group.history)


def test_a_pause_is_noticed_by_whoever_looks_first() -> None:
    """Sixteen seconds between two looks are one; ten times one second is none."""
    clock = Clock()
    pulse = Pulse(15, clock)
    for _ in range(10):
        clock.now += 1
        assert 0 == pulse.pauses()
    clock.now += 16
    assert [1, 1] == [pulse.pauses(), pulse.pauses()]
