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


def test_what_the_oracles_define_is_declared() -> None:
    """Nothing that was renamed or taken out of the catalogue is passed over in silence."""
    assert definitions.KNOWN == {one.of or one.indicator for one in served.declared()}


def test_the_oracles_define_indicators_over_every_stream_they_tell() -> None:
    """An indicator over other facts of a stream goes the same way through panes, windows and roll-ups."""
    told = {family for _, _, family in definitions.EPISODES.values()} | {"bed_state", "rtt_month", "rtt_week"}
    assert told <= {one.stream for one in served.declared()}
