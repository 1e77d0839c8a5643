"""Families: golden figures of domain examples 15.1 and 15.2, worked by hand, and each family's rules."""

from datetime import timedelta
from typing import Any

import pytest
from making import MORNING, at, attendance, facts, made, run

from streams.engine.calendar import day_number


def session(touched: list[tuple[str, str]], **data: Any) -> Any:
    start = "2026-06-12T07:30:00Z"  # 08:30 in London
    fields = {
        "session_key": "s1",
        "version": 1,
        "list_type": "elective",
        "status": "held",
        "planned_start": start,
        "planned_end": "2026-06-12T11:30:00Z",
        "ended_at": "2026-06-12T12:00:00Z",
        "cases": [
            {"touch_start": f"2026-06-12T{a}:00+01:00", "touch_end": f"2026-06-12T{b}:00+01:00"}
            for a, b in touched
        ],
    }
    return made("theatre.session.recorded.v1", fields | data, recorded=at("2026-06-12T12:00"))


def only(found: dict[Any, dict[str, int]]) -> dict[str, int]:
    (one,) = found.values()
    return one


def test_example_15_1_theatre() -> None:
    """Planned 08:30-12:30; A 08:20-09:40, B 09:35-11:00, C 11:20-12:50 gives every variant of utilisation."""
    engine, _ = run(session([("08:20", "09:40"), ("09:35", "11:00"), ("11:20", "12:50")]))
    minutes = {name: fact / 60 for name, fact in only(facts(engine, "theatre_session")).items()}
    assert {
        "planned_seconds": 240,
        "capped_union_seconds": 220,
        "capped_sum_seconds": 225,
        "capped_duration_seconds": 240,
        "uncapped_sum_seconds": 255,
        "uncapped_union_seconds": 250,
        "overrun_seconds": 20,
        "gap_seconds": 20,
        "overlap_seconds": 5,
    } == {name: value for name, value in minutes.items() if name.endswith("_seconds")}
    assert {"planned_sessions": 1, "held_sessions": 1, "gaps": 1, "completed_cases": 3} == {
        name: value * 60 for name, value in minutes.items() if not name.endswith("_seconds")
    }


@pytest.mark.parametrize(
    ("expected", "touched"),
    [
        ((1, 60, 60), [("08:00", "12:00"), ("09:00", "10:00"), ("13:00", "14:00")]),
        ((0, 0, 90), [("08:00", "12:00"), ("09:00", "10:00"), ("11:30", "12:30")]),
        ((0, 0, 60), [("09:00", "10:00"), ("09:00", "11:00")]),
        ((1, 30, 0), [("08:00", "09:00"), ("09:00", "10:00"), ("10:30", "11:00")]),
    ],
    ids=["nested, then a gap", "nested, then overlapping", "same start", "back to back"],
)
def test_gaps_are_from_the_latest_end_so_far(
    expected: tuple[int, int, int], touched: list[tuple[str, str]]
) -> None:
    """A case inside another neither opens a gap nor hides that its time was touch time already."""
    engine, _ = run(session(touched))
    found = only(facts(engine, "theatre_session"))
    assert expected == (
        found.get("gaps", 0),
        found.get("gap_seconds", 0) // 60,
        found.get("overlap_seconds", 0) // 60,
    )


@pytest.mark.parametrize(
    ("expected", "change"),
    [
        ({}, {"status": "planned", "cases": [], "ended_at": None}),
        ({}, {"ended_at": None}),
        ({"planned_sessions": 1}, {"status": "cancelled", "cases": [], "ended_at": None}),
        ({}, {"list_type": "trauma"}),
        (
            {"planned_sessions": 1, "held_sessions": 1, "planned_seconds": 14400},
            {"cases": [], "ended_at": "2026-06-12T12:00:00Z"},
        ),
    ],
    ids=["planned", "still running", "cancelled", "trauma list", "held without a case"],
)
def test_sessions_without_touch_time(expected: dict[str, int], change: dict[str, Any]) -> None:
    """Open sessions add nothing, cancelled ones are planned only, and an idle list has no late start."""
    engine, out = run(session([("08:30", "10:00")], **change))
    assert not out.refused
    found = facts(engine, "theatre_session")
    assert expected == (only(found) if found else {})


def spell(key: str, delay: int | None, **data: Any) -> Any:
    left = at("2026-06-14T15:00")
    fields: dict[str, Any] = {
        "spell_key": key,
        "version": 1,
        "admitted_at": (left - timedelta(days=30)).isoformat(),
        "discharged_at": left.isoformat(),
    }
    if delay is None:
        fields["ready_same_day"] = True
    else:
        fields["discharge_ready_date"] = (left - timedelta(days=delay)).date().isoformat()
    return made("spell.recorded.v1", fields | data, recorded=left)


def test_example_15_2_discharge() -> None:
    """Delays of 0 (blank, same day), 0, 1, 3, 8 and 22 days: four of six delayed, 34 bed days."""
    delays = (None, 0, 1, 3, 8, 22)
    engine, _ = run(*(spell(f"k{number}", delay) for number, delay in enumerate(delays)))
    assert {
        "discharges": 6,
        "before_17": 6,
        "weekend_discharges": 6,
        "nights": 180,
        "overnight": 6,
        "ready_known": 6,
        "delayed": 4,
        "delay_days": 34,
        "delay_1": 1,
        "delay_2_3": 1,
        "delay_7_13": 1,
        "delay_21_plus": 1,
    } == only(facts(engine, "spell"))


def test_delay_is_a_difference_of_local_dates() -> None:
    """Ready on the 13th, gone ten minutes after midnight in London on the 14th: one day, not ten minutes."""
    left = "2026-06-13T23:10:00Z"
    engine, _ = run(spell("k1", 0, discharged_at=left, discharge_ready_date="2026-06-13"))
    found = only(facts(engine, "spell"))
    assert (1, 1) == (found["delayed"], found["delay_days"])


def test_a_discharge_without_known_readiness_counts_for_completeness_only() -> None:
    """A blank date without the statement that it was the day of discharge is missing, not zero."""
    fields = {"ready_same_day": False}
    engine, _ = run(spell("k1", None, **fields))
    found = only(facts(engine, "spell"))
    assert {"discharges": 1, "overnight": 1} == {n: found[n] for n in ("discharges", "overnight")}
    assert "ready_known" not in found


def test_a_day_case_is_no_overnight_stay() -> None:
    """Discharge ready dates are for stays of one night or longer."""
    engine, _ = run(spell("k1", 0, admitted_at="2026-06-14T07:00:00Z"))
    assert {"discharges": 1, "before_17": 1, "weekend_discharges": 1} == only(facts(engine, "spell"))


@pytest.mark.parametrize(
    ("expected", "left"),
    [
        ("weekday_discharges", "2026-06-05T22:59:59Z"),
        ("weekend_discharges", "2026-06-05T23:00:00Z"),
        ("weekend_discharges", "2026-06-07T22:59:59Z"),
        ("weekday_discharges", "2026-06-07T23:00:00Z"),
    ],
)
def test_the_weekend_is_londons(expected: str, left: str) -> None:
    """It begins with Saturday's midnight in London, 23:00 UTC in summer, and ends with Sunday's."""
    engine, _ = run(spell("k1", 0, discharged_at=left, discharge_ready_date="2026-06-05"))
    found = only(facts(engine, "spell"))
    assert {expected} == {"weekday_discharges", "weekend_discharges"} & found.keys()


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ({"completed": 1, "completed_or_cancelled_on_day": 1}, {"completed_at": "2026-06-12T12:00:00Z"}),
        (
            {"cancelled_on_day": 1, "cancelled_on_day_non_clinical": 1, "completed_or_cancelled_on_day": 1},
            {"cancelled_on_day": True},
        ),
        (
            {"cancelled_on_day": 1, "completed_or_cancelled_on_day": 1},
            {"cancelled_on_day": True, "cancellation_reason": "patient"},
        ),
        ({"postponed": 1}, {"cancelled_on_day": True, "rebooked_within_24h": True}),
        ({}, {}),
    ],
    ids=["completed", "non-clinical", "the patient's own", "rebooked", "cancelled ahead"],
)
def test_operations_cancelled_on_the_day(expected: dict[str, int], data: dict[str, Any]) -> None:
    """A postponement and a cancellation ahead of the day are in neither part of the share."""
    fields = {"case_key": "c1", "version": 1, "planned_at": "2026-06-12T08:00:00Z"} | data
    if "completed_at" not in data:
        fields = {
            "cancelled_at": "2026-06-12T07:00:00Z",
            "cancellation_reason": "non_clinical",
        } | fields
    engine, out = run(made("theatre.case.recorded.v1", fields, recorded=at("2026-06-12T12:00")))
    assert not out.refused
    found = facts(engine, "theatre_case")
    assert expected == (only(found) if found else {})


@pytest.mark.parametrize(
    ("within", "minutes"),
    [(1, 239), (1, 240), (0, 240 + 1 / 60), (0, 721)],
    ids=["", "exactly", "over", "12 h"],
)
def test_four_hours_exactly_is_within(within: int, minutes: float) -> None:
    """The four-hour standard counts a stay of exactly four hours as within."""
    engine, _ = run(attendance(minutes=minutes))
    found = only(facts(engine))
    assert (1, within) == (found["attended"], found.get("within_4h", 0))
    assert int(minutes > 720) == found.get("over_12h", 0)


def test_same_day_emergency_care_stays_out_of_the_denominator() -> None:
    """Type 5 attendances are accepted and not counted as attendances of types 1 to 3."""
    engine, _ = run(attendance(department_type=5))
    assert {"attended_type5": 1} == only(facts(engine))


def test_twelve_hours_from_decision_is_another_clock() -> None:
    """The wait for a bed runs from the decision to admit, for the admitted only."""
    decided = (MORNING - timedelta(hours=13)).isoformat()
    engine, _ = run(
        attendance("a1", minutes=900, decision_to_admit_at=decided, outcome="admitted"),
        attendance("a2", minutes=900, decision_to_admit_at=decided, outcome="discharged"),
    )
    found = only(facts(engine))
    assert (2, 1, 1) == (found["over_12h"], found["dta_admissions"], found["dta_over_12h"])


@pytest.mark.parametrize(("over", "minutes"), [(0, 45), (1, 45.1)])
def test_handover_of_exactly_45_minutes_is_not_over(over: int, minutes: float) -> None:
    """Handovers over 45 minutes are longer than 45 minutes."""
    fields = {
        "handover_key": "h1",
        "version": 1,
        "arrived_at": (MORNING - timedelta(minutes=minutes)).isoformat(),
        "handover_at": MORNING.isoformat(),
    }
    engine, _ = run(made("ambulance.handover.recorded.v1", fields))
    found = only(facts(engine, "ambulance_handover"))
    assert over == found.get("over_45m", 0)
    assert int((minutes - 15) * 60) == found["lost_seconds"]


@pytest.mark.parametrize("category", [1, 2, 3, 4])
def test_a_response_counts_under_its_category(category: int) -> None:
    """From the start of the clock to the arrival; without an arrival nothing yet."""
    times = {"clock_start": "2026-06-15T07:00:00Z", "arrived_at": "2026-06-15T07:18:30Z"}
    fields = {"response_key": "r1", "version": 2, "category": category, **times}
    under_way = {name: value for name, value in fields.items() if name != "arrived_at"} | {
        "response_key": "r2"
    }
    suffix = "ambulance.response.recorded.v1"
    engine, out = run(made(suffix, fields), made(suffix, under_way))
    assert not out.refused
    name = f"category_{category}"
    assert {f"{name}_responses": 1, f"{name}_seconds": 1110} == only(facts(engine, "ambulance_response"))


def bed_state(when: str, occupied: int, **data: Any) -> Any:
    fields = {
        "as_at": when,
        "version": 1,
        "bed_group": "adult_general_acute",
        "open_core": 100,
        "open_escalation": 5,
        "occupied": occupied,
    }
    return made("bed.state.observed.v1", fields | data, recorded=at("2026-06-15T08:00"), time=at(when))


def test_the_census_is_the_latest_state_after_seven_and_up_to_eight() -> None:
    """06:00Z to 07:00Z is 07:00 to 08:00 in London in June; 07:00 itself and later states do not count."""
    engine, out = run(
        bed_state("2026-06-15T06:00:00Z", 91),
        bed_state("2026-06-15T06:55:00Z", 93),
        bed_state("2026-06-15T06:30:00Z", 92),
        bed_state("2026-06-15T07:00:01Z", 99),
    )
    assert {"censuses": 1, "open": 105, "escalation": 5, "occupied": 93} == only(facts(engine, "bed_state"))
    assert 2 == out.counts["between_censuses"]


def test_a_withdrawn_census_gives_way_to_the_one_before_it() -> None:
    """A retracted state no longer counts; the earlier one of the hour does."""
    engine, _ = run(
        bed_state("2026-06-15T06:30:00Z", 92, no_criteria_to_reside=20),
        bed_state("2026-06-15T06:55:00Z", 93),
        bed_state("2026-06-15T06:55:00Z", 93, version=2, retracted=True),
    )
    found = only(facts(engine, "bed_state"))
    assert (92, 92, 20) == (
        found["occupied"],
        found["occupied_with_criteria_known"],
        found["no_criteria_to_reside"],
    )


def test_long_stays_are_counted_where_the_census_has_them() -> None:
    """A count that is left out is no zero: the censuses with one are counted."""
    engine, _ = run(bed_state("2026-06-15T06:55:00Z", 93, nights_21_or_more=0, nights_7_or_more=40))
    found = only(facts(engine, "bed_state"))
    assert {
        "censuses_with_nights_7": 1,
        "nights_7_or_more": 40,
        "censuses_with_nights_21": 1,
    } == {name: fact for name, fact in found.items() if "nights" in name}


def test_rtt_bands_count_eighteen_weeks_by_the_band_name() -> None:
    """Band 17 to 18 weeks is within; 52 weeks is the band above 52."""
    bands = [0] * 105
    bands[17], bands[18], bands[52], bands[104] = 7, 5, 3, 1
    fields = {
        "version": 1,
        "cadence": "month",
        "census_date": "2026-05-31",
        "bands": bands,
        "strata": [{"dimension": "imd_quintile", "value": "1", "bands": bands}],
    }
    engine, _ = run(made("rtt.census.reported.v1", fields))
    assert {"reports": 1, "total": 16, "within_18w": 7, "over_52w": 4, "over_65w": 1} == only(
        facts(engine, "rtt_month")
    )
    assert [day_number(at("2026-05-01").date())] == [day for _, _, day in facts(engine, "rtt_month")]
