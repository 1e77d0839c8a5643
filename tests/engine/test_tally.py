"""Sums in one number against the same sums as lists."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.tally import Tally, packed, packed_all, unpacked

LARGEST = 10**21
"""Millionths of the largest amount that a publisher can report."""
facts = st.integers(-LARGEST, LARGEST) | st.integers(0, 100)
vectors = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.lists(facts, min_size=size, max_size=size), min_size=1, max_size=8)
)


@given(vectors, st.data())
def test_sums_are_those_of_lists(some: list[list[int]], data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(-3, 3), min_size=len(some), max_size=len(some)))
    found = Tally(0, len(some[0]))
    for vector, of in zip(some, times, strict=True):
        found.merge(Tally.of(vector), of)
    expected = [
        sum(n * one for n, one in zip(times, column, strict=True)) for column in zip(*some, strict=True)
    ]
    assert expected == found.facts
    assert any(expected) == bool(found)
    assert found == Tally.of(expected)


@pytest.mark.parametrize(
    "vector",
    [
        [],
        [0],
        [-1],
        [-1, 0],
        [0, -1],
        [2**63, 2**64 - 1, 2**64, -(2**64)],
        [LARGEST << 25, -(LARGEST << 25), 0, 5],  # 2²⁵ of the largest amount, and as many taken away
    ],
)
def test_what_is_packed_is_read_again(vector: Sequence[int]) -> None:
    assert vector == unpacked(packed(vector), len(vector))


@given(vectors)
def test_many_are_packed_as_one_is(some: list[list[int]]) -> None:
    assert [packed(one) for one in some] == packed_all(some)
    assert [] == packed_all([])


def test_histograms_are_taken_away_again() -> None:
    found = Tally.of([3], [{1: 2, 4: 1}])
    found.merge(Tally.of([1], [{4: 1}]), -1, -1)
    assert ([2], [{1: 2}]) == (found.facts, found.histograms)
    found.merge(Tally.of([2], [{1: 2}]), -1, -1)
    assert not found
