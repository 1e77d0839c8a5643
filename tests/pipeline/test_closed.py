"""Closed periods are published whole at midnight, and corrected ones from time to time."""

from __future__ import annotations

from datetime import datetime, timedelta

from making import AT, MORNING, attendance, run

from streams.engine.partition import Partition
from streams.pipeline.closed import CLOSED_EVERY_SECONDS, ClosedDue

SECOND = timedelta(seconds=1)


def take(due: ClosedDue, state: Partition | None, now: datetime, *, whole: bool = False) -> set[str]:
    found = due.take(state, int(now.timestamp() * 1000), whole=whole)
    due.published(found, int(now.timestamp() * 1000))
    return found


def test_everything_at_first_and_on_each_new_day() -> None:
    """The first tick, the first of a new day, and a new life of the partition publish all of it."""
    of, _ = run(attendance("a"), attendance("b", source="/ods/RJZ/pas"), append=MORNING)
    due, state = ClosedDue(), of.partitions[AT]
    assert set() == take(due, None, MORNING)
    assert {"RJ1", "RJZ"} == take(due, state, MORNING)
    assert set() == take(due, state, MORNING + SECOND)
    assert {"RJ1", "RJZ"} == take(due, state, MORNING + timedelta(days=1))
    assert {"RJ1", "RJZ"} == take(due, state, MORNING + timedelta(days=1, seconds=1), whole=True)


def test_corrections_are_gathered_and_wait_their_turn() -> None:
    """A change of a past day is due ten seconds after the last ones, and until then it is pending."""
    of, _ = run(attendance("a"), append=MORNING)
    due, state = ClosedDue(), of.partitions[AT]
    take(due, state, MORNING)
    state.dirty_closed.add("RJ1")
    assert set() == take(due, state, MORNING + SECOND)
    assert {"RJ1"} == state.dirty_closed
    assert {"RJ1"} == take(due, state, MORNING + CLOSED_EVERY_SECONDS * SECOND)
    assert set() == state.dirty_closed
