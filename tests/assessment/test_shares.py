"""Sums of shares."""

from __future__ import annotations

from schemas.outputs import Cell
from streams.assessment.shares import Sum


def test_what_was_looked_at_stays_as_it_was() -> None:
    """What is hidden of a slot keeps the facts that it was decided on."""
    found = Sum()
    found.change([Cell("sex", "female", [3, 1], [{4: 1}])])
    before = found.cells["sex", "female"].facts
    found.change([Cell("sex", "female", [2, 0], [{4: 1}])])
    assert [3, 1] == before
    assert Cell("sex", "female", [5, 1], [{4: 2}]) == found.cells["sex", "female"]
    found.change([Cell("sex", "female", [-5, -1], [{4: -2}])])
    assert {} == found.cells
