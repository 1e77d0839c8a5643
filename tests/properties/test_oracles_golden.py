"""An oracle must be right itself: the worked examples of the domain, by both, worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from properties import oracles, served
from properties.definitions import seconds
from properties.vocabulary import Board, Figure
from properties.worlds import World, envelope, iso

Oracle = Callable[[World], Board]
NOON = "2026-06-15T12:00:00Z"
SOURCE = ("RJ1", "pas")


def by_hand(world: World) -> Board:
    return oracles.by_hand(world)[0]


def by_sql(world: World) -> Board:
    return oracles.by_sql([world])[0][0]


@pytest.fixture(params=[by_hand, by_sql])
def oracle(request: pytest.FixtureRequest) -> Oracle:
    """One of the two oracles."""
    found: Oracle = request.param
    return found


KEY: Any = ("one",)


def alike(expected: Figure, found: Figure | None) -> bool:
    return found is not None and served.difference({KEY: expected}, {KEY: found}) == {}


def event(kind: str, at: str, **data: Any) -> dict[str, Any]:
    """Make version 1 of a record of RJ1, written down at `at`."""
    return envelope(kind, {"org": "RJ1", "version": 1} | data, SOURCE, seconds(at))


def session(at: str, status: str, *cases: tuple[str, str], **data: Any) -> dict[str, Any]:
    """Make an elective list from 08:30 to 12:30 UTC on 15 June 2026."""
    day = "2026-06-15T"
    fields: dict[str, Any] = {
        "session_key": "s1",
        "list_type": "elective",
        "status": status,
        "planned_start": day + "08:30:00Z",
        "planned_end": day + "12:30:00Z",
    }
    if status == "held":
        fields["ended_at"] = day + "12:50:00Z"
        fields["cases"] = [
            {"touch_start": f"{day}{start}:00Z", "touch_end": f"{day}{end}:00Z", "completed": True}
            for start, end in cases
        ]
    return event("theatre.session.recorded", at, **(fields | data))


def test_theatre_list_of_the_domain(oracle: Oracle) -> None:
    """§15.1: cases 08:20-09:40, 09:35-11:00, 11:20-12:50 in 08:30-12:30 are 220 of 240 minutes."""
    cases = (("08:20", "09:40"), ("09:35", "11:00"), ("11:20", "12:50"))
    board = oracle(
        oracles.world_of([session("2026-06-15T13:00:00Z", "held", *cases)], "2026-06-15T13:00:00Z")
    )
    used = Figure(Fraction(220), Fraction(240), Fraction(220, 240))
    assert alike(used, oracles.figures(board, "theatre_capped_utilisation", "since_midnight"))


def discharge(number: int, delay: int | None) -> dict[str, Any]:
    """Make a stay of 30 nights that ended on 14 June 2026, that many days after the patient was ready."""
    day = date(2026, 6, 14)
    ready = (
        {"ready_same_day": True}
        if delay is None
        else {"discharge_ready_date": str(day - timedelta(days=delay))}
    )
    return event(
        "spell.recorded",
        "2026-06-14T16:00:00Z",
        spell_key=f"k{number}",
        admitted_at="2026-05-15T10:00:00Z",
        discharged_at="2026-06-14T15:00:00Z",
        **ready,
    )


def test_discharges_of_the_domain(oracle: Oracle) -> None:
    """§15.2: delays of 0 (blank), 0, 1, 3, 8, 22 days: 4/6 delayed, mean 34/6, of the delayed 34/4."""
    events = [discharge(number, delay) for number, delay in enumerate([None, 0, 1, 3, 8, 22])]
    board = oracle(oracles.world_of(events, NOON))
    expected = {
        "drd_delayed": Figure(Fraction(4), Fraction(6), Fraction(4, 6)),
        "drd_mean_delay": Figure(Fraction(34), Fraction(6), Fraction(34, 6)),
        "drd_mean_delay_delayed_only": Figure(Fraction(34), Fraction(4), Fraction(34, 4)),
        "drd_completeness": Figure(Fraction(6), Fraction(6), Fraction(1)),
    }
    for indicator, figure in expected.items():
        assert alike(figure, oracles.figures(board, indicator, "day")), indicator


def test_gap_of_the_domain(oracle: Oracle) -> None:
    """§15.3: 60 % within 18 weeks in the most deprived fifth and 66 % in the least are -6 points."""
    shares = {"1": 600, "2": 610, "3": 630, "4": 645, "5": 660}

    def bands(within: int) -> list[int]:
        return [within, *(0 for _ in range(17)), 1000 - within, *(0 for _ in range(86))]

    strata = [{"dimension": "imd_quintile", "value": v, "bands": bands(n)} for v, n in shares.items()]
    every = [sum(column) for column in zip(*(bands(n) for n in shares.values()), strict=True)]
    census = event(
        "rtt.census.reported",
        "2026-06-14T12:00:00Z",
        cadence="month",
        census_date="2026-05-31",
        bands=every,
        strata=strata,
    )
    board = oracle(oracles.world_of([census], NOON))
    gap = Figure(None, None, Fraction(-6, 100))
    assert alike(gap, oracles.figures(board, "rtt_18w_imd_gap", "month"))
    all_of_them = Figure(Fraction(3145), Fraction(5000), Fraction(3145, 5000))
    assert alike(all_of_them, oracles.figures(board, "rtt_18w", "month"))


def attendance(key: str, left: str, hours: float, **data: Any) -> dict[str, Any]:
    """Make an attendance that lasted so many hours."""
    fields = {
        "attendance_key": key,
        "department_type": 1,
        "arrived_at": iso(seconds(left) - int(hours * 3600)),
        "departed_at": left,
        "outcome": "discharged",
    }
    return event("ed.attendance.recorded", left, **(fields | data))


def test_exactly_four_hours_is_within_and_type_5_is_not_in_it(oracle: Oracle) -> None:
    """Three attendances of types 1 to 3, of which the one of four hours and the one of one are within."""
    events = [
        attendance("a", "2026-06-15T09:00:00Z", 4),
        attendance("b", "2026-06-15T09:00:00Z", 4 + 1 / 3600, department_type=2),
        attendance("c", "2026-06-15T10:00:00Z", 1, department_type=3, imd_quintile=1),
        attendance("d", "2026-06-15T10:00:00Z", 1, department_type=5),
    ]
    board = oracle(oracles.world_of(events, NOON))
    found = oracles.figures(board, "ae_4h_all_types", "since_midnight")
    assert alike(Figure(Fraction(2), Fraction(3), Fraction(2, 3)), found)
    deprived = oracles.figures(board, "ae_4h_all_types", "since_midnight", stratum="1")
    assert alike(Figure(Fraction(1), Fraction(1), Fraction(1)), deprived)
    assert None is oracles.figures(board, "ae_4h_all_types", "4h", stratum="1")  # hours have no strata


def test_the_hour_that_comes_twice_is_in_one_day(oracle: Oracle) -> None:
    """On 25 October 2026 both 00:30 UTC (01:30 BST) and 01:30 UTC (01:30 GMT) belong, and 00:00 GMT after."""
    lefts = [
        "2026-10-24T22:59:59Z",  # 23:59:59 on the 24th
        "2026-10-24T23:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T23:59:59Z",
        "2026-10-26T00:00:00Z",  # the 26th
    ]
    events = [attendance(f"k{number}", left, 1) for number, left in enumerate(lefts)]
    board = oracle(oracles.world_of(events, "2026-10-26T09:00:00Z"))
    assert alike(
        Figure(Fraction(4), Fraction(4), Fraction(1)), oracles.figures(board, "ae_4h_all_types", "day")
    )
    assert alike(
        Figure(Fraction(1), Fraction(1), Fraction(1)),
        oracles.figures(board, "ae_4h_all_types", "since_midnight"),
    )


def test_roll_up_by_the_membership_of_the_day(oracle: Oracle) -> None:
    """RAL was in QMJ until 31 March 2026 and is in Z9B2Z from 1 April: seven days split between them."""
    left = ["2026-03-31T10:00:00Z", "2026-04-01T10:00:00Z", "2026-04-02T10:00:00Z"]
    events = [attendance(f"k{number}", when, 1, org="RAL") for number, when in enumerate(left)]
    board = oracle(oracles.world_of(events, "2026-04-03T09:00:00Z"))
    found = {
        key.org: figure.denominator
        for key, figure in board.items()
        if (key.indicator, key.window, key.level, key.value) == ("ae_4h_all_types", "7d", "icb", "")
    }
    assert {"Z9B2Z": 2} == found  # QMJ is no more on the window's last day, and has no row
    whole = oracles.figures(board, "ae_4h_all_types", "7d")
    assert alike(Figure(Fraction(3), Fraction(3), Fraction(1)), whole)


def test_newest_version_counts_and_a_closed_day_stays(oracle: Oracle) -> None:
    """Version 3 counts whatever comes after; withdrawn records do not; what closed is not counted afresh."""
    events = [
        attendance("a", "2026-06-01T09:00:00Z", 5, version=1),
        attendance("a", "2026-06-01T10:00:00Z", 1, version=3),
        attendance("a", "2026-06-01T11:00:00Z", 5, version=2),
        attendance("b", "2026-06-01T11:00:00Z", 1, version=1),
        attendance("b", "2026-06-01T11:00:00Z", 1, version=2, retracted=True),
        attendance("a", "2026-06-06T09:00:00Z", 5, version=4),  # on 5 June the 1st had closed
    ]
    board = oracle(oracles.world_of(events, "2026-06-06T12:00:00Z", horizon_days=3))
    one = Figure(Fraction(1), Fraction(1), Fraction(1))
    assert alike(one, oracles.figures(board, "ae_4h_all_types", "7d"))
    assert oracles.figures(board, "ae_4h_all_types", "since_midnight") is None


def test_a_blank_return_bears_no_figure(oracle: Oracle) -> None:
    """No numerator is no return: its denominator stays out; a replacement bears one; amounts are exact."""
    fields = {"measure": "finance_variance", "period_start": "2026-05-01", "period_end": "2026-06-01"}
    blank = event("measure.reported", "2026-06-10T09:00:00Z", **fields, numerator=None, denominator=9)
    real = event("measure.reported", "2026-06-11T09:00:00Z", **fields, numerator="-0.1", denominator=3)
    real["data"]["version"] = 2
    board = oracle(oracles.world_of([blank], NOON))
    assert alike(Figure(None, None, None), oracles.figures(board, "finance_ytd_variance", "month"))
    board = oracle(oracles.world_of([blank, real], NOON))
    expected = Figure(Fraction(-1, 10), Fraction(3), Fraction(-1, 30))
    assert alike(expected, oracles.figures(board, "finance_ytd_variance", "ytd"))


def test_the_census_is_the_latest_state_up_to_eight(oracle: Oracle) -> None:
    """Of states at 06:30, 07:30, 08:00 and 08:00:01 local, the one of 08:00 is the census."""
    events = [
        event(
            "bed.state.observed",
            when,
            as_at=when,
            bed_group="adult_general_acute",
            open_core=100,
            open_escalation=10,
            occupied=occupied,
            no_criteria_to_reside=11,
        )
        for when, occupied in [
            ("2026-06-15T05:30:00Z", 1),
            ("2026-06-15T06:30:00Z", 2),
            ("2026-06-15T07:00:00Z", 99),
            ("2026-06-15T07:00:01Z", 4),
        ]
    ]
    board = oracle(oracles.world_of(events, NOON))
    occupancy = Figure(Fraction(99), Fraction(110), Fraction(99, 110))
    assert alike(occupancy, oracles.figures(board, "ga_bed_occupancy", "since_midnight"))
    share = Figure(Fraction(11), Fraction(99), Fraction(1, 9))
    assert alike(share, oracles.figures(board, "nctr_bed_share", "since_midnight"))
