"""Day totals: what closes is written once, and takes the place of the log that is gone.

log    |......gone......|=========== held by the log, 60 days ===========|
totals |-------------------------- closed ---------------------|  open   |
                                                               ^ closed_through
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import AT, MORNING, attendance, engine, facts, log, run

from schemas.outputs import (
    ClosedIdentities,
    ClosedThrough,
    DayTotal,
    Position,
    Total,
    decode_total,
    encode_total,
    total_key,
)
from streams.commands.replay import FileRecord
from streams.engine import Engine
from streams.engine.calendar import day_number
from streams.engine.panes import Pane, merge
from streams.engine.snapshots import Snapshotter

FIRST = MORNING.date()
TODAY = day_number(FIRST)


def daily(days: int, *, start: int = 0, **fields: Any) -> list[Any]:
    """Give three attendances a day, of 100, 200 and 300 minutes."""
    return [
        attendance(f"k{day}-{n}", departed=MORNING + timedelta(days=day), minutes=100 * n, **fields)
        for day in range(start, start + days)
        for n in (1, 2, 3)
    ]


def through_topic(totals: list[Total]) -> list[Total]:
    """Give what a compacted topic holds of records in the order written."""
    kept: dict[bytes, bytes | None] = {}
    for one in totals:
        kept[total_key(one)] = encode_total(one)
    return [decode_total(value) for value in kept.values() if value is not None]


def windows(of: Engine, tick: datetime) -> Any:
    """Give every current window of every organisation."""
    position = Position(*AT[:1], "t", AT[1], 0, int(tick.timestamp() * 1000))
    return [
        (
            one.org,
            one.coverage_start,
            sorted((s.stream, s.basis, s.windows, s.defined_from) for s in one.series),
        )
        for one in Snapshotter(of).current(AT, sorted(of.partitions[AT].organisations), position)
    ]


def rebuilt(totals: list[Total], records: list[FileRecord], now: datetime) -> Engine:
    """Give a new engine that has read the topic of totals and what the log still holds at `now`."""
    of = engine()
    start = of.start_ms(int(now.timestamp() * 1000))
    of.restore(AT, through_topic(totals), start)
    of.process(AT, [one for one in records if one.timestamp >= start])
    return of


def test_a_day_is_written_when_it_closes() -> None:
    """Fifteen days later its total is an output, and the statement that it is complete comes last."""
    of, out = run(*daily(1))
    assert [] == out.totals
    later = MORNING + timedelta(days=15)
    totals = of.process(AT, log(attendance("later", departed=later))).totals
    assert [DayTotal, ClosedIdentities, ClosedThrough] == [type(one) for one in totals]
    day, identities, closed = totals
    assert isinstance(day, DayTotal)
    assert isinstance(identities, ClosedIdentities)
    (cell,) = day.cells
    assert ("RJ1", "ed_attendance", FIRST, 3) == (day.org, day.stream, day.day, cell.facts[0])
    assert 3 * 8 == len(identities.hashes)
    assert ClosedThrough(*AT, FIRST, FIRST + timedelta(days=1)) == closed


def test_days_close_although_no_record_arrives() -> None:
    """By the broker's clock a silent partition closes the same totals as by its next record."""
    one, other = run(*daily(3))[0], run(*daily(3))[0]
    later = MORNING + timedelta(days=30)
    by_clock = one.advance(AT, int(later.timestamp() * 1000))
    by_record = other.process(AT, log(attendance("later", departed=later))).totals
    assert by_clock == by_record
    assert 3 == sum(isinstance(one, DayTotal) for one in by_clock)


@pytest.mark.parametrize("days", [61, 366])
def test_a_rebuild_gives_the_same_figures(days: int) -> None:
    """On day 61 and on day 366 totals and what is left of the log give what never stopping gives."""
    records = log(*daily(days))
    steady = engine()
    totals = steady.process(AT, records).totals
    now = MORNING + timedelta(days=days - 1, hours=1)
    again = rebuilt(totals, records, now)
    assert windows(steady, now) == windows(again, now)
    assert facts(steady) == facts(again)
    assert [] == again.process(AT, []).totals


def test_a_rebuild_writes_no_total_again() -> None:
    """What has been closed is not closed a second time, and what was not, is."""
    records = log(*daily(40))
    totals = engine().process(AT, records).totals
    of = engine()
    of.restore(AT, through_topic(totals))
    assert [] == of.process(AT, records).totals
    unwritten = [one for one in totals if not _later_than(one, FIRST + timedelta(days=10))]
    of = engine()
    of.restore(AT, through_topic(unwritten))
    again = of.process(AT, records).totals
    assert through_topic(totals) == through_topic([*unwritten, *again])


def _later_than(total: Total, day: date) -> bool:
    if isinstance(total, ClosedIdentities):
        return total.due > day + timedelta(days=14)
    return total.day > day


def test_an_older_definition_is_left_out_and_shown() -> None:
    """Totals of another definition are not summed; the series says from which day on it holds."""
    records = log(*daily(30))
    totals = engine().process(AT, records).totals
    older = [_redefined(one) if isinstance(one, DayTotal) else one for one in totals]
    of = rebuilt(older, records, MORNING + timedelta(days=29))
    assert FIRST + timedelta(days=15) == min(_day(number) for _, _, number in facts(of))
    ((_, _, ((_, _, _, defined_from),)),) = windows(of, MORNING + timedelta(days=29))
    assert FIRST + timedelta(days=15) == defined_from


def _redefined(total: DayTotal) -> DayTotal:
    fields = {name: getattr(total, name) for name in total.__struct_fields__}
    return DayTotal(**fields | {"definition": "ed_attendance/0/attended"})


def _day(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)


def test_a_version_of_a_closed_episode_is_late_after_a_rebuild_too() -> None:
    """Its hash is in the topic: a move into an open day does not count it afresh."""
    now = MORNING + timedelta(days=64)
    moved = attendance("k0-1", version=2, departed=now, recorded=now)
    records = log(*daily(64), moved)
    steady = engine()
    out = steady.process(AT, records)
    again = rebuilt(out.totals, records, now)
    assert 1 == len(out.late)
    assert facts(steady) == facts(again)


def test_what_nobody_closed_before_the_log_forgot_it_is_not_hidden() -> None:
    """After a worker that stood still for 90 days, coverage begins where the log begins."""
    records = log(*daily(120))
    totals = engine().process(AT, records[:90]).totals
    now = MORNING + timedelta(days=119)
    of = rebuilt(totals, records, now)
    assert FIRST + timedelta(days=119 - 60 + 1) == _day(of.partitions[AT].covered_from or 0)


def test_an_open_episode_may_end_after_the_log_forgot_its_beginning() -> None:
    """A stay of 70 days, told at both ends, counts on the day it ended."""
    end = MORNING + timedelta(days=70)
    of, out = run(attendance("k", departed=None), attendance("k", departed=end, version=2))
    assert ([], 1) == (out.late, sum(one["attended"] for one in facts(of).values()))


def test_identities_that_the_log_cannot_contradict_leave_the_topic() -> None:
    """A hundred and twenty days after an episode was due a tombstone takes its hash out.

    Sixty days it is known; a log that is read from its beginning then is sixty days old.
    """
    of, _ = run(attendance("k"))
    totals: list[Total] = []
    for days, kept in ((15, 1), (75, 1), (134, 1), (135, 0)):
        later = MORNING + timedelta(days=days)
        totals += of.process(AT, log(attendance(f"open{days}", departed=None, recorded=later))).totals
        assert kept == sum(isinstance(one, ClosedIdentities) for one in through_topic(totals))


@given(
    st.lists(
        st.tuples(st.integers(0, 25), st.integers(0, 9), st.integers(1, 400), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 26),
    st.integers(1, 30),
)
@settings(max_examples=100, deadline=None)
def test_sums_that_are_kept_equal_sums_made_anew(changes: list[Any], start: int, length: int) -> None:
    """Whatever is asked between changes, a stretch is the plain sum of its closed and open days."""
    of = engine()
    at = (TODAY + start, TODAY + start + length)
    for number, (day, key, minutes, retracted) in enumerate(sorted(changes, key=itemgetter(0))):
        when = MORNING + timedelta(days=day, minutes=-(number % 3) * 1440)
        event = attendance(f"k{key}", departed=when, minutes=minutes, version=number, retracted=retracted)
        of.process(AT, log(event, append=MORNING + timedelta(days=day)))
        for series in of.partitions[AT].series.values():
            series.spread()
            panes = [
                *(pane for one, pane in series.panes.items() if at[0] <= one < at[1]),
                *(total.pane for one, total in series.totals.items() if at[0] <= one < at[1]),
            ]
            anew: Pane = {}
            for pane in panes:
                for cell, tally in pane.items():
                    merge(anew, cell, tally)
            assert series._sums(anew) == series.stretch(*at).sums
