"""Takeover: epochs, what goes on, and what is built anew."""

from __future__ import annotations

import math

import pytest
from aiokafka import TopicPartition
from kafka_doubles import Group, Log

from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.membership import Membership, NotAMemberError
from streams.pipeline.outputs import Output
from streams.pipeline.pulse import Pulse
from streams.pipeline.takeover import Takeover
from streams.settings import Settings

EVENTS = TopicPartition("oversight.events", 3)
RETURNS = TopicPartition("oversight.returns", 3)
SETTINGS = Settings()


def takeover(group: Group, log: Log, settings: Settings = SETTINGS) -> Takeover:
    return Takeover(
        settings,
        "g",
        consumer=log,
        admin=group,
        membership=Membership("g", Pulse(math.inf), group),
        start_ms=lambda now_ms: now_ms - 60_000,
        clock=lambda: 100.0,
    )


@pytest.mark.parametrize(
    ("expected", "metadata"),
    [
        (Claim("abc", 7), "abc/7"),
        (Claim("abc", 0), "abc"),  # written before there were epochs
        (Claim("abc", 0), "abc/x"),
        (None, ""),
    ],
)
def test_a_claim_is_read_from_a_commit(expected: Claim | None, metadata: str) -> None:
    """Metadata without an epoch is accepted."""
    assert expected == Claim.read(metadata)
    if expected is not None:
        assert expected == Claim.read(expected.metadata)


async def test_the_first_claim_on_a_partition_is_committed_with_its_beginning() -> None:
    """Epoch 1 of a new identity; reading begins at the beginning, and nothing is suppressed."""
    group = Group()
    taken = await takeover(group, Log(group, {EVENTS: (5, 9)})).take([EVENTS], {})
    ours = taken[EVENTS].ours
    assert (5, 5, 9, 1) == (ours.position, ours.committed, ours.end, ours.claim.epoch)
    assert not taken[EVENTS].continued
    assert (5, ours.claim.metadata) == tuple(group.commits[EVENTS])


@pytest.mark.parametrize(("expected", "metadata"), [("abc/8", "abc/7"), ("abc/1", "abc")])
async def test_a_takeover_raises_the_epoch(expected: str, metadata: str) -> None:
    """Before anything is published, at the offset that stands."""
    group = Group({EVENTS: (8, metadata)})
    taken = await takeover(group, Log(group, {EVENTS: (0, 9)})).take([EVENTS], {})
    assert (8, expected) == tuple(group.commits[EVENTS])
    assert (expected, 8) == (taken[EVENTS].ours.claim.metadata, taken[EVENTS].ours.committed)


async def test_events_are_read_from_a_time_and_returns_whole() -> None:
    """From the first record appended at or after the start of the open days."""
    group = Group({EVENTS: (90, "abc/1"), RETURNS: (90, "def/1")})
    log = Log(group, {EVENTS: (0, 100), RETURNS: (2, 100)})
    log.times[EVENTS] = {39: 39_999, 40: 40_000, 41: 41_000}
    taken = await takeover(group, log).take([EVENTS, RETURNS], {})
    assert (40, 2) == (taken[EVENTS].ours.position, taken[RETURNS].ours.position)
    assert 40_000 == log.asked_from_ms


async def test_nothing_since_that_time_is_read_from_the_end() -> None:
    """All records of the partition are older than the open days, and acknowledged."""
    group = Group({EVENTS: (100, "abc/1")})
    taken = await takeover(group, Log(group, {EVENTS: (0, 100)})).take([EVENTS], {})
    assert (100, False) == (taken[EVENTS].ours.position, taken[EVENTS].ours.rebuilding)


async def test_what_nobody_acknowledged_is_read_however_old() -> None:
    """A record below the start by time, but not below the committed offset, has had no answer yet."""
    group = Group({EVENTS: (30, "abc/1")})
    log = Log(group, {EVENTS: (0, 100)})
    log.times[EVENTS] = {40: 50_000}
    assert 30 == (await takeover(group, log).take([EVENTS], {}))[EVENTS].ours.position


async def test_without_the_brokers_time_everything_is_read() -> None:
    """The embedded broker keeps the publisher's times, which do not grow along the log."""
    group = Group({EVENTS: (90, "abc/1")})
    log = Log(group, {EVENTS: (0, 100)})
    settings = Settings(append_time="publisher")
    taken = await takeover(group, log, settings).take([EVENTS], {})
    assert (0, None) == (taken[EVENTS].ours.position, log.asked_from_ms)


def kept(position: int = 9, **more: object) -> Assigned:
    pending = [Output("oversight.late", b"k", b"v", offset=one) for one in (6, 8)]
    return Assigned(5, 4, Claim("abc", 7), position=position, complete_since_ms=99, outputs=pending, **more)  # type: ignore[arg-type]


async def test_what_comes_back_goes_on_where_it_was() -> None:
    """Nobody else had it: same epoch, no commit, everything that waits still waits."""
    group = Group({EVENTS: (5, "abc/7")})
    taken = await takeover(group, Log(group, {EVENTS: (0, 20)})).take([EVENTS], {EVENTS: kept()})
    ours = taken[EVENTS].ours
    assert taken[EVENTS].continued
    assert (9, 99, [6, 8], []) == (
        ours.position,
        ours.complete_since_ms,
        [one.offset for one in ours.outputs],
        group.history,
    )


async def test_what_another_had_meanwhile_goes_on_under_a_new_epoch() -> None:
    """Its outputs below the newer committed offset are not written again, and readers get everything anew."""
    group = Group({EVENTS: (8, "abc/8")})
    taken = await takeover(group, Log(group, {EVENTS: (0, 20)})).take([EVENTS], {EVENTS: kept()})
    ours = taken[EVENTS].ours
    assert taken[EVENTS].continued
    assert (9, 0, 20, [8]) == (
        ours.position,
        ours.complete_since_ms,
        ours.end,
        [one.offset for one in ours.outputs],
    )
    assert "abc/9" == group.commits[EVENTS].metadata


@pytest.mark.parametrize(("metadata", "begin"), [("other/7", 0), ("abc/7", 10)])
async def test_what_does_not_fit_the_log_any_more_is_built_anew(metadata: str, begin: int) -> None:
    """The topic was made anew, or what follows our position has left the log."""
    group = Group({EVENTS: (12, metadata)})
    taken = await takeover(group, Log(group, {EVENTS: (begin, 20)})).take([EVENTS], {EVENTS: kept()})
    assert not taken[EVENTS].continued
    assert taken[EVENTS].ours.position in (begin, 12)


async def test_a_log_that_ends_before_what_was_committed_is_another_log() -> None:
    """It gets a new identity, so that readers take its lower offsets."""
    group = Group({EVENTS: (50, "abc/7")})
    taken = await takeover(group, Log(group, {EVENTS: (0, 20)})).take([EVENTS], {EVENTS: kept()})
    assert not taken[EVENTS].continued
    assert "abc" != taken[EVENTS].ours.claim.identity
    assert 0 == group.commits[EVENTS].offset


async def test_a_group_that_has_gone_on_refuses_the_claim() -> None:
    """Nothing is ours then."""
    group = Group()
    group.refuses = True
    with pytest.raises(NotAMemberError):
        await takeover(group, Log(group, {EVENTS: (0, 20)})).take([EVENTS], {})
