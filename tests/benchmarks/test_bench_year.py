"""A year through the engine: days close behind it, nothing is lost, and a loss is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from streams.bench import year
from streams.bench.panes import Panes
from streams.bench.year import Year, run
from streams.engine import Outputs
from streams.errors import BenchmarkError

_FIVE_A_DAY = 5 * 365


def test_a_year_closes_behind_itself() -> None:
    """Of five a day only those of the last weeks are still held."""
    found = run(_FIVE_A_DAY)

    assert _FIVE_A_DAY == found.events
    assert 5 * 14 <= found.held <= 5 * 17
    assert found.totals > 1_000


def test_a_lost_record_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that loses its first record gives no figure."""
    take = Panes.take

    def lose_one(panes: Panes, records: list[Any]) -> Outputs:
        return take(panes, records[1:])

    monkeypatch.setattr(year.Panes, "take", lose_one)
    with pytest.raises(BenchmarkError, match=r"1825 attendances sent"):
        run(_FIVE_A_DAY)


def test_minutes_for_england_are_scaled() -> None:
    """Worked by hand: 10 s for 3 million are 90 s for 27 million."""
    assert 1.5 == Year(3_000_000, 10.0, 0, 0, 0).minutes_for_england
