"""Scaling: every step holds what it says, and an event that is not counted is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from streams.bench import scaling
from streams.bench.panes import Panes
from streams.bench.scaling import Point, Scaling, climb
from streams.errors import BenchmarkError
from streams.pipeline.hot_path import MAX_RECORDS


def test_every_step_holds_what_it_says() -> None:
    """Templates are used several times, and each copy is an attendance of its own."""
    first, second = climb([1_000, 3 * MAX_RECORDS], 5, timed=1_000)

    assert (1_000, 3 * MAX_RECORDS) == (first.held, second.held)
    assert first.series == second.series <= 5 * 4
    assert second.rate > 0 < second.cpu


def test_an_event_that_is_not_counted_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that loses a record gives no figure."""
    take = Panes.take

    def lose_one(panes: Panes, records: list[Any]) -> None:
        take(panes, records[1:])

    monkeypatch.setattr(scaling.Panes, "take", lose_one)
    with pytest.raises(BenchmarkError, match=r"sent, .* counted, .* held"):
        list(climb([1_000], 5, timed=1_000))


def test_bytes_and_slowdown_are_read_off_the_points() -> None:
    """Worked by hand: 2 million more take 500 MB; half as fast takes twice the processor time."""

    def point(held: int, cpu: float, resident: int) -> Point:
        return Point(held, 20, 80, 1e6 / cpu, cpu, resident)

    found = Scaling([point(10_000, 7, 10), point(1_000_000, 8, 100), point(3_000_000, 14, 500_000_100)], [])

    assert 250.0 == found.bytes_an_episode
    assert 0.5 == found.slowdown(10_000, 3_000_000)
    assert None is found.slowdown(10_000, 10_000_000)


def test_the_picture_is_the_same_for_the_same_figures() -> None:
    """Its three curves are drawn, and drawing them again gives the same file."""
    points = [Point(held, 20, 80, 100_000.0, 9.0, held * 300) for held in (10_000, 100_000)]
    drawn = scaling.picture(Scaling(points, []))

    assert drawn == scaling.picture(Scaling(points, []))
    assert b"resident memory, MiB" in drawn
