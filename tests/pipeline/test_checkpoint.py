"""The checkpoint: its order, and what happens while the broker or a topic does not take something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from kafka_doubles import Group, Topics
from making import attendance, engine, log
from structlog.testing import capture_logs

from schemas.outputs import ClosedThrough, DayTotal, OrganisationSnapshot, decode_snapshot
from streams.engine.snapshots import Snapshotter
from streams.pipeline.checkpoint import Checkpoint
from streams.pipeline.holding import Assigned, Claim
from streams.pipeline.membership import Membership
from streams.pipeline.metrics import Metrics
from streams.pipeline.outputs import Output
from streams.pipeline.pulse import Pulse
from streams.pipeline.writer import Writer
from streams.settings import Settings

EVENTS = TopicPartition("oversight.events", 0)
SETTINGS = Settings(deadline_seconds=2)
DAY = date(2026, 6, 1)
CLOSED = ClosedThrough(EVENTS.topic, 0, DAY, DAY)
TOTAL = DayTotal(EVENTS.topic, 0, "RJ1", "", "ed", "operational", "d", DAY, [], 0)


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Iterator[Topics]:
    """What stands for the broker's topics."""
    found = Topics()
    found.names = {SETTINGS.topic(one) for one in ("snapshots", "dead-letters", "late", "day-totals")}
    monkeypatch.setattr("streams.pipeline.writer.AIOKafkaProducer", lambda **_: found)
    return found


class Bench:
    """A checkpoint over a state that holds one attendance."""

    def __init__(self, topics: Topics) -> None:
        self.now = 1_781_510_400.0
        self.group = Group({EVENTS: (0, "abc/1")})
        self.engine = engine()
        self.engine.process(EVENTS, log(attendance()))
        self.metrics = Metrics()
        self.writer = Writer(SETTINGS, topics)
        self.ours = Assigned(0, 0, Claim("abc", 1), position=1)
        self.checkpoint = Checkpoint(
            SETTINGS,
            self.engine,
            Snapshotter(self.engine),
            membership=Membership("g", Pulse(15), self.group),
            consumer=self.group,
            writer=self.writer,
            metrics=self.metrics,
            clock=lambda: self.now,
        )

    async def make(self) -> bool:
        """Make it."""
        return await self.checkpoint.make({EVENTS: self.ours})


async def bench(topics: Topics) -> Bench:
    found = Bench(topics)
    await found.writer.start()
    found.ours.outputs = [Output("oversight.dead-letters", b"d", b"x"), Output("oversight.late", b"l", b"x")]
    found.ours.totals = [TOTAL, CLOSED, TOTAL]
    return found


def names(topics: Topics) -> list[str]:
    return [topic.removeprefix("oversight.") for topic, _, _ in topics.written]


async def test_the_order_of_a_checkpoint(topics: Topics) -> None:
    """Dead letters and late, totals, current windows, closed periods, the heartbeat; then the commit."""
    on = await bench(topics)
    assert await on.make()
    assert ["dead-letters", "late", *["day-totals"] * 3, *["snapshots"] * 3] == names(topics)
    assert [{EVENTS: (1, "abc/1")}] == on.group.history
    assert (0, 0) == (on.ours.pending_records, on.ours.pending_bytes)
    snapshot = decode_snapshot(topics.written[-1][2])
    assert (1, "abc", 1) == (snapshot.at.epoch, snapshot.at.topic_id, snapshot.at.next_offset)


async def test_whoever_holds_patients_of_now_is_published_every_minute(topics: Topics) -> None:
    """No record comes: only those who wait have waited longer; with the quarter of an hour everybody is."""
    on = Bench(topics)
    await on.writer.start()
    on.engine.process(EVENTS, log(attendance("w1", departed=None, source="/ods/RYJ/pas")))
    found = []
    for seconds in (0, 30, 60, 90, 900):
        on.now = 1_781_510_400.0 + seconds
        topics.written.clear()
        assert await on.make()
        kinds = (decode_snapshot(value) for _, _, value in topics.written)
        found.append({one.org for one in kinds if isinstance(one, OrganisationSnapshot)})
    assert [{"RJ1", "RYJ"}, set(), {"RYJ"}, set(), {"RJ1", "RYJ"}] == found


async def test_all_partitions_are_published_in_one_write(
    topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its heartbeat as the last; and if that fails everything of each is written again."""
    on = await bench(topics)
    other = TopicPartition(EVENTS.topic, 1)
    on.engine.process(other, log(attendance("b1")))
    assigned = {EVENTS: on.ours, other: Assigned(0, 0, Claim("abc", 1), position=1)}
    on.group.commits |= Group({other: (0, "abc/1")}).commits
    writes: list[list[Output]] = []
    write = on.writer.write

    async def count(outputs: list[Output]) -> None:
        if any(one.topic.endswith("snapshots") for one in outputs):
            writes.append(outputs)
            if len(writes) == 1:
                raise KafkaTimeoutError
        await write(outputs)

    monkeypatch.setattr(on.writer, "write", count)
    assert [False, True] == [await on.checkpoint.make(assigned), await on.checkpoint.make(assigned)]
    first, again = ([one.key for one in some] for some in writes)
    assert first == again
    kinds = [type(decode_snapshot(one.value or b"")).__name__ for one in writes[1]]
    assert ["OrganisationSnapshot", "ClosedPeriods", "Heartbeat"] * 2 == kinds


@pytest.mark.parametrize("topic", ["dead-letters", "late", "day-totals", "snapshots"])
async def test_a_topic_that_refuses_a_size_holds_everything_up_and_loses_nothing(
    topics: Topics, topic: str
) -> None:
    """One line says topic, size and what to do; nothing is committed; mended, everything is there."""
    on = await bench(topics)
    full = SETTINGS.topic(topic)
    topics.refusals[full] = MessageSizeTooLargeError()
    with capture_logs() as said:
        assert [False, False] == [await on.make(), await on.make()]
    (line,) = said
    assert line["problem"] == on.checkpoint.problem
    assert f"topic {full} refuses a record of" in line["problem"]
    assert f"--entity-name {full} --add-config max.message.bytes=8388608" in line["problem"]
    assert [] == on.group.history

    topics.refusals.clear()
    assert await on.make()
    assert on.checkpoint.problem is None
    assert topics.made > 1  # a producer whose batch was refused has lost count of its records
    assert {"dead-letters", "late", "day-totals", "snapshots"} == set(names(topics))
    assert [{EVENTS: (1, "abc/1")}] == on.group.history


async def test_a_day_is_closed_only_when_its_totals_are_there(topics: Topics) -> None:
    """The total before it is refused, so the statement is not written."""
    on = await bench(topics)
    topics.refusals["oversight.day-totals"] = MessageSizeTooLargeError()
    await on.make()
    assert "day-totals" not in names(topics)
    assert [TOTAL, CLOSED, TOTAL] == on.ours.totals


async def test_rights_that_are_missing_are_named(topics: Topics) -> None:
    """Not retriable, so it is the topic's owner who has to act."""
    on = await bench(topics)
    topics.refusals["oversight.late"] = TopicAuthorizationFailedError()
    assert not await on.make()
    assert "topic oversight.late refuses a record (TopicAuthorizationFailedError)" in str(
        on.checkpoint.problem
    )


async def test_a_topic_that_is_gone_is_named(topics: Topics) -> None:
    """The client waits without a word for a topic that does not exist; we look."""
    on = await bench(topics)
    topics.names.remove("oversight.snapshots")
    topics.refusals["oversight.snapshots"] = KafkaConnectionError()
    assert not await on.make()
    assert "topic oversight.snapshots does not exist" in str(on.checkpoint.problem)


async def test_a_broker_that_is_away_is_no_refusal(topics: Topics) -> None:
    """The same producer goes on: what it has on its way must not come twice."""
    on = await bench(topics)
    topics.refusals["oversight.snapshots"] = KafkaConnectionError()
    assert not await on.make()
    assert "the broker did not take it" in str(on.checkpoint.problem)
    topics.refusals.clear()
    assert await on.make()
    assert 1 == topics.made


async def test_a_refused_commit_stops_publication(topics: Topics) -> None:
    """The next attempts write nothing at all until the group assigns."""
    on = await bench(topics)
    on.group.refuses = True
    assert not await on.make()
    before = len(topics.written)
    assert not await on.make()
    assert before == len(topics.written)
    assert "not a member" in str(on.checkpoint.problem)


async def test_what_is_read_during_a_checkpoint_is_not_committed_by_it(topics: Topics) -> None:
    """A revocation checkpoints beside the reading loop."""
    on = await bench(topics)
    original = on.writer.write

    async def write(outputs: Any) -> None:
        on.ours.position = 7
        await original(outputs)

    on.writer.write = write  # type: ignore[method-assign]
    assert await on.make()
    assert [{EVENTS: (1, "abc/1")}] == on.group.history


@pytest.mark.parametrize("topic", ["dead-letters", "day-totals", "snapshots"])
async def test_a_partition_that_is_revoked_meanwhile_is_not_committed(
    topics: Topics, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    """The group takes it while a write is on its way, and another task hears that; the rest is committed."""
    on = await bench(topics)
    other = TopicPartition(EVENTS.topic, 1)
    assigned = {EVENTS: on.ours, other: Assigned(0, 0, Claim("abc", 1), position=0)}
    write = on.writer.write

    async def write_and_revoke(outputs: list[Output]) -> None:
        await write(outputs)
        if any(one.topic == SETTINGS.topic(topic) for one in outputs):
            assigned.pop(EVENTS, None)

    monkeypatch.setattr(on.writer, "write", write_and_revoke)
    assert await on.checkpoint.make(assigned)

    assert [{other: (0, "abc/1")}] == on.group.history
    assert 0 == on.ours.committed
