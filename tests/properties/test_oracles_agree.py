"""The naive oracle and the SQL oracle, which share no calculation, give the same figures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from properties import definitions, oracles, served
from properties.profiles import examples
from properties.worlds import LONG_GAPS, World, worlds

several = st.lists(worlds(gaps=LONG_GAPS), min_size=1, max_size=6)


@examples(25)
@given(several)
def test_sql_equals_naive(many: list[World]) -> None:
    """DuckDB with its own calendar, and plain Python with zoneinfo: one figure."""
    for world, found in zip(many, oracles.by_sql(many), strict=True):
        for one, other in zip(oracles.by_hand(world), found, strict=True):
            assert {} == served.difference(one, other)


def test_every_indicator_has_its_oracles() -> None:
    """A new indicator is defined in `definitions` and `sql` too; without that nothing here proves it."""
    assert definitions.KNOWN == {one.indicator for one in served.declared()}
