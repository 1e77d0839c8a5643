"""The engine, through the board's rows, against the oracles: any world, any restart, any order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from properties import oracles, served
from properties.profiles import examples
from properties.vocabulary import Board
from properties.worlds import EPISODE_KINDS, LONG_GAPS, World, attendances, worlds

restarts = st.sets(st.integers(1, 14), max_size=3) | st.just(set(range(1, 15)))
saved = st.just(set()) | restarts


def check(
    world: World, expected: Sequence[Board], after: Collection[int] = (), saves: Collection[int] = ()
) -> None:
    """Hold what the service shows against what an oracle gives, at every ask."""
    settings = served.settings_for(world.horizon_days)
    found, service = served.boards(world.log, world.asks, settings, after, saves)
    assert set(service.refused) <= {"future"}  # anything else would be a world that nobody may send
    for one, other in zip(expected, found, strict=True):
        assert {} == served.difference(served.shown(one), other)


@examples(150)
@given(worlds())
def test_rows_equal_the_naive_oracle(world: World) -> None:
    """What the board shows is what the full list of newest versions gives, whenever one looks."""
    check(world, oracles.by_hand(world))


@examples(12)
@given(st.lists(worlds(gaps=LONG_GAPS), min_size=1, max_size=6))
def test_rows_equal_the_sql_oracle(many: list[World]) -> None:
    """And what SQL over the log's JSON gives, long windows and forgotten identities included."""
    for world, expected in zip(many, oracles.by_sql(many), strict=True):
        check(world, expected)


@examples(120)
@given(worlds(), restarts)
def test_a_restart_anywhere_shows_the_same(world: World, after: set[int]) -> None:
    """A new engine over day totals and the log shows what one that never stopped would."""
    check(world, oracles.by_hand(world), after)


@examples(80)
@given(worlds(kinds=EPISODE_KINDS, gaps=LONG_GAPS), restarts)
def test_a_rebuild_after_months_shows_the_same(world: World, after: set[int]) -> None:
    """Where retention has taken most of the log, day totals stand for it, in windows up to 12 months."""
    check(world, oracles.by_hand(world), after)


@examples(150)
@given(worlds(kinds=[attendances], gaps=LONG_GAPS, one_key=True), restarts, saved)
def test_one_attendance_through_all_that_can_happen(world: World, after: set[int], saves: set[int]) -> None:
    """Versions of one record only: moved, withdrawn, back again, closed, late, forgotten, used anew."""
    check(world, oracles.by_hand(world), after, saves)


@examples(60)
@given(worlds(gaps=LONG_GAPS), restarts, restarts)
def test_a_start_from_a_saved_state_shows_the_same(world: World, after: set[int], saves: set[int]) -> None:
    """State saved at some records, gone at others: what was saved, day totals and the rest of the log."""
    check(world, oracles.by_hand(world), after, saves)


@examples(60)
@given(worlds(clashes=True), restarts)
def test_clashing_contents_are_decided_alike(world: World, after: set[int]) -> None:
    """Of two contents of one version the greater counts, in any order and after any restart."""
    ranks = [served.rank(entry.event) for entry in world.log]
    check(world, oracles.by_hand(world, ranks), after)


@examples(10)
@given(st.lists(worlds(clashes=True, gaps=LONG_GAPS), min_size=1, max_size=6))
def test_sql_decides_clashes_alike(many: list[World]) -> None:
    """The order of contents is all that SQL is told."""
    ranks = [[served.rank(entry.event) for entry in world.log] for world in many]
    for world, expected in zip(many, oracles.by_sql(many, ranks), strict=True):
        check(world, expected)


@examples(60)
@given(worlds(gaps=LONG_GAPS), restarts)
def test_periods_that_have_ended(world: World, after: set[int]) -> None:
    """Every day, week, month, quarter and year that ever ended, not only the current ones."""
    settings = served.settings_for(world.horizon_days)
    _, service = served.boards(world.log, world.asks, settings, after)
    now_ms = world.asks[-1].now_ms
    expected = oracles.ended_by_hand(world)
    assert {} == served.difference(served.shown(expected), served.as_board(service.look_back(now_ms)))


@examples(60)
@given(worlds(gaps=[0]), st.randoms(use_true_random=False), restarts)
def test_order_and_repetition_do_not_matter(world: World, chance: Random, after: set[int]) -> None:
    """Everything twice and shuffled, inside the horizon: the same figures."""
    log = [*world.log, *world.log]
    chance.shuffle(log)
    ask = world.asks[-1]
    again = world._replace(log=log, asks=[ask._replace(after=len(log))])
    check(again, oracles.by_hand(world._replace(asks=[ask])), after)
