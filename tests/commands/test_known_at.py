"""What did we know: `replay --at K --known-at K` gives what the service showed at K, whatever came later."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import AT, MORNING, attendance, engine, made, report
from telling import logs, moments

from schemas.outputs import Position
from streams.assessment import Board, Row
from streams.catalogue import Catalogue
from streams.commands.replay import FileRecord, Line, as_log, replay
from streams.engine import Engine
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

REGISTER = Register.shipped()
CATALOGUE = Catalogue.shipped()
CHANGES = [day_number(day) for day in REGISTER.change_days()]


def lines(*events: Any) -> list[Line]:
    return [Line(f"log:{number}", json.dumps(one).encode()) for number, one in enumerate(events)]


def replayed(records: list[FileRecord], at: datetime | None) -> list[Row]:
    return replay(records, catalogue=CATALOGUE, register=REGISTER, at=at)[0]


def published(of: Engine, tick: datetime) -> list[Row]:
    """Give what a service with this engine shows at a tick."""
    board = Board(CATALOGUE, REGISTER)
    position = Position(AT[0], "t", AT[1], 1, int(tick.timestamp() * 1000))
    orgs = list(of.partitions[AT].organisations)
    for snapshot in Snapshotter(of, CHANGES).current(AT, orgs, position):
        board.apply(snapshot)
    return list(board.rows())


def by_name(rows: list[Row]) -> dict[Any, Row]:
    return {
        (row.indicator, row.level, row.org, row.window, row.basis, tuple(row.strata.items())): row
        for row in rows
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_replay_known_at_a_moment_equals_what_was_published_then(data: Any) -> None:
    """A service that has read the log so far and ticks at K shows every row as the replay of all of it."""
    events = data.draw(logs())
    log = as_log(lines(*events))
    of = engine()
    read = 0
    for moment in data.draw(moments(events, 4)):
        until = sum(record.timestamp <= moment.timestamp() * 1000 for record in log)
        of.process(AT, log[read:until])
        read = until
        assert by_name(published(of, moment)) == by_name(
            replayed(as_log(lines(*events), known_at=moment), moment)
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_hindsight_without_late_news_is_what_was_published_then(data: Any) -> None:
    """Where nothing told after K happened before K, the replay of everything at K shows the same figures."""
    events = data.draw(logs(most=12))
    (moment,) = data.draw(moments(events, 1))
    known = [one for one in events if datetime.fromisoformat(one["recordedtime"]) <= moment]
    later = [
        attendance(
            f"n{number}",
            departed=moment + timedelta(minutes=1 + 700 * number),
            minutes=0.5,  # they came after it too
            site="RJ122",
        )
        for number in range(40)
    ]

    def figures(rows: list[Row]) -> dict[Any, Any]:
        return {key: (row.numerator, row.denominator, row.value) for key, row in by_name(rows).items()}

    of_all = replayed(as_log(lines(*known, *later)), moment)
    assert figures(replayed(as_log(lines(*known)), moment)) == figures(of_all)


def test_an_operation_cancelled_ahead_counts_before_it_was_due() -> None:
    """Published at eight: the cancelled list of this afternoon is one planned; it does not wait for two."""
    session = made(
        "theatre.session.recorded.v1",
        {
            "session_key": "s1",
            "version": 1,
            "list_type": "elective",
            "status": "cancelled",
            "planned_start": (MORNING + timedelta(hours=6)).isoformat(),
            "planned_end": (MORNING + timedelta(hours=10)).isoformat(),
        },
        recorded=MORNING,
    )
    rows = replayed(as_log(lines(session)), MORNING)
    assert {("theatre_capped_utilisation", "since_midnight")} <= {(row.indicator, row.window) for row in rows}


@pytest.mark.parametrize("days", [1, 60])
def test_looking_back_keeps_the_hours_that_are_asked_for(days: int) -> None:
    """The last 24 hours of then, although the log has gone on long past them."""
    then, now = attendance("a"), attendance("b", departed=MORNING + timedelta(days=days))
    rows = [
        row
        for row in replayed(as_log(lines(then, now)), MORNING + timedelta(hours=1))
        if (row.indicator, row.window, row.level) == ("ae_4h_all_types", "24h", "trust") and not row.strata
    ]
    assert [(1, 1)] == [(row.numerator, row.denominator) for row in rows]


def test_looking_back_leaves_out_a_period_that_had_not_ended() -> None:
    """In the middle of April the register of April, reported in May, is not there yet; March's is."""
    march, april = ("2026-03-01", "2026-04-01"), ("2026-04-01", "2026-05-01")
    told = [
        report(
            "core20_recruitment", *march, numerator=1, denominator=4, recorded=MORNING - timedelta(days=70)
        ),
        report("core20_recruitment", *april, numerator=2, denominator=4, recorded=MORNING),
    ]
    rows = [
        row for row in replayed(as_log(lines(*told)), MORNING - timedelta(days=60)) if row.window == "month"
    ]
    assert {(1, "2026-03-01")} == {(row.numerator, str(row.period_start)) for row in rows}
