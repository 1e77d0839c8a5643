"""Golden examples: events with few round numbers, and what every indicator of the catalogue makes of them.

Looked at on Monday 15 June 2026, 11:00 in London. Every figure is worked by hand from the events above it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from making import at, made

from streams.assessment import Row
from streams.catalogue import Catalogue
from streams.commands.replay import Line, as_log, replay
from streams.organisations import Register

NOW = at("2026-06-15T10:00")
Event = dict[str, Any]


class Golden(NamedTuple):
    """One figure, as worked by hand.

    Attributes:
        direction: which way is better, by the domain's catalogue.
        parts: numerator and denominator in the unit's parts, None where the figure has none.
        value: as shown.
        org: RJ1 and RJZ are trusts of the ICB QKK, RL4 one of QUA; RYA is an ambulance service.
    """

    indicator: str
    direction: str
    window: str
    parts: tuple[float | None, float | None]
    value: float
    org: str = "RJ1"
    level: str = "trust"
    stratum: str = ""
    basis: str = "operational"


def london(day: str, clock: str) -> str:
    """Give an instant of a summer's day by London's clock."""
    return f"{day}T{clock}:00+01:00" if clock.count(":") == 1 else f"{day}T{clock}+01:00"


def told(suffix: str, org: str, when: str, *, source: str | None = None, **data: Any) -> Event:
    """Make an event that is told when it happens."""
    moment = datetime.fromisoformat(when)
    return made(
        suffix, {"org": org, "version": 1, **data}, recorded=moment, source=source or f"/ods/{org}/pas"
    )


# --- theatres ----------------------------------------------------------------------------------------------


def session(
    org: str, key: str, day: str, planned: tuple[str, str], *cases: tuple[str, str], **data: Any
) -> Event:
    """Make a list by London's clock; without cases it was cancelled."""
    held = {
        "status": "held",
        "ended_at": london(day, "20:00"),
        "cases": [{"touch_start": london(day, a), "touch_end": london(day, b)} for a, b in cases],
    }
    start, end = planned
    fields: dict[str, Any] = {
        "session_key": key,
        "list_type": "elective",
        "planned_start": london(day, start),
        "planned_end": london(day, end),
        **(held if cases else {"status": "cancelled"}),
    }
    return told("theatre.session.recorded.v1", org, london(day, "20:00"), **fields | data)


def case(key: str, **data: Any) -> Event:
    """Make an operation of RJZ that was planned for 10:00 on Friday 12 June."""
    when = london("2026-06-12", "16:00")
    planned = london("2026-06-12", "10:00")
    return told("theatre.case.recorded.v1", "RJZ", when, case_key=key, planned_at=planned, **data)


def theatres() -> Iterator[Event]:
    """Example 15.1 in RJ1; in RJZ two lists held, one cancelled, one for emergencies; eleven operations."""
    friday, morning = "2026-06-12", ("08:30", "12:30")
    yield session("RJ1", "s1", friday, morning, ("08:20", "09:40"), ("09:35", "11:00"), ("11:20", "12:50"))
    yield session("RJZ", "s2", friday, ("13:30", "17:30"), ("13:45", "15:00"), ("15:10", "16:50"))
    two = session("RJZ", "s3", friday, morning, ("08:30", "10:00"), ("10:20", "12:50"))
    two["data"]["cases"][1]["completed"] = False
    yield two
    yield session("RJZ", "s4", friday, morning)
    yield session("RJZ", "s5", friday, morning, ("09:30", "10:00"), list_type="emergency")
    done = london(friday, "12:00")
    cancelled = {"cancelled_at": done, "cancelled_on_day": True}
    for number in range(6):
        yield case(f"c{number}", completed_at=done)
    for number in (6, 7):
        yield case(f"c{number}", **cancelled, cancellation_reason="non_clinical")
    yield case("c8", **cancelled, cancellation_reason="clinical")
    yield case("c9", **cancelled, cancellation_reason="non_clinical", rebooked_within_24h=True)
    early = cancelled | {"cancelled_on_day": False}
    yield case("c10", **early, cancellation_reason="non_clinical")


THEATRES = (
    Golden("theatre_capped_utilisation", "higher", "7d", (220, 240), 220 / 240),
    Golden("theatre_capped_utilisation_sum", "none", "7d", (225, 240), 0.9375),
    Golden("theatre_capped_utilisation_duration", "none", "7d", (240, 240), 1.0),
    Golden("theatre_uncapped_utilisation", "none", "7d", (255, 240), 1.0625),
    Golden("theatre_uncapped_utilisation_union", "none", "7d", (250, 240), 250 / 240),
    # 15.1: ten minutes early is no late start; over-run 20; one gap of 20, the overlap of 5 is none
    Golden("theatre_late_start_mean_all", "lower", "28d", (0, 1), 0.0),
    Golden("theatre_early_finish_mean_all", "lower", "28d", (0, 1), 0.0),
    Golden("theatre_overrun_mean_all", "lower", "28d", (20, 1), 20.0),
    Golden("theatre_intercase_downtime_mean", "lower", "28d", (20, 1), 20.0),
    Golden("theatre_cases_per_session", "higher", "28d", (3, 1), 3.0),
    Golden("theatre_cases_per_four_hours", "higher", "28d", (3, 1), 3.0),
    # RJZ: 15 and 0 late, 40 and 0 early, 0 and 20 over, gaps of 10 and 20, 2 and 1 completed, 2 of 3 held
    Golden("theatre_late_start_mean_all", "lower", "28d", (15, 2), 7.5, "RJZ"),
    Golden("theatre_early_finish_mean_all", "lower", "28d", (40, 2), 20.0, "RJZ"),
    Golden("theatre_overrun_mean_all", "lower", "28d", (20, 2), 10.0, "RJZ"),
    Golden("theatre_intercase_downtime_mean", "lower", "28d", (30, 2), 15.0, "RJZ"),
    Golden("theatre_cases_per_session", "higher", "28d", (3, 2), 1.5, "RJZ"),
    Golden("theatre_cases_per_four_hours", "higher", "28d", (3, 2), 1.5, "RJZ"),
    Golden("theatre_session_take_up", "higher", "28d", (2, 3), 2 / 3, "RJZ"),
    # 2 of 6 completed and 3 cancelled on the day; one postponed and one cancelled ahead are in neither
    Golden("theatre_on_day_cancellation", "lower", "28d", (2, 9), 2 / 9, "RJZ"),
    Golden("theatre_on_day_cancellation_all_reasons", "lower", "28d", (3, 9), 3 / 9, "RJZ"),
    # both trusts: a ratio of sums, (15 + 0) / (2 + 1), not the mean of 7.5 and 0
    Golden("theatre_late_start_mean_all", "lower", "28d", (15, 3), 5.0, "QKK", "icb"),
)


# --- discharge ---------------------------------------------------------------------------------------------


def spell(org: str, key: str, left: str, *, nights: int = 30, **data: Any) -> Event:
    """Make a stay that ended at an instant."""
    admitted = datetime.fromisoformat(left) - timedelta(days=nights)
    fields = {"spell_key": key, "admitted_at": admitted.isoformat(), "discharged_at": left}
    return told("spell.recorded.v1", org, left, **fields | data)


def discharges() -> Iterator[Event]:
    """Example 15.2 in RJ1, on a Sunday; in RJZ ten discharges on weekdays and two at the weekend."""
    sunday = london("2026-06-14", "16:00")
    yield spell("RJ1", "p0", sunday, ready_same_day=True)
    for number, ready in enumerate(("2026-06-14", "2026-06-13", "2026-06-11", "2026-06-06", "2026-05-23"), 1):
        yield spell("RJ1", f"p{number}", sunday, discharge_ready_date=ready)
    for number in range(10):
        clock = "17:00:00" if number < 6 else "17:00:01"
        left = london(f"2026-06-{8 + number // 2:02}", clock)
        yield spell("RJZ", f"q{number}", left, **({"ready_same_day": True} if number < 7 else {}))
    for number, day in enumerate(("2026-06-13", "2026-06-14"), 10):
        yield spell("RJZ", f"q{number}", london(day, "10:00"), ready_same_day=True)
    yield told(
        "measure.reported.v1",
        "RJZ",
        london("2026-06-15", "09:00"),
        source="/ods/X24/discharge-daily",
        measure="discharged_before_17",
        period_start="2026-06-13",
        period_end="2026-06-14",
        numerator=30,
        denominator=40,
        publication="discharge_daily",
    )


DISCHARGES = (
    Golden("drd_delayed", "lower", "7d", (4, 6), 4 / 6),
    Golden("drd_mean_delay", "lower", "7d", (34, 6), 34 / 6),
    Golden("drd_mean_delay_delayed_only", "lower", "7d", (34, 4), 8.5),
    Golden("drd_bed_days_lost", "lower", "7d", (34, None), 34),
    Golden("drd_delay_p90", "lower", "7d", (None, 6), 22),
    Golden("drd_delay_p95", "lower", "7d", (None, 6), 22),
    Golden("drd_completeness", "higher", "7d", (6, 6), 1.0),
    # seven of ten blank dates on weekdays, and both at the weekend, are said to be the day of discharge
    Golden("drd_completeness", "higher", "7d", (9, 12), 0.75, "RJZ"),
    Golden("drd_bed_days_lost", "lower", "7d", (0, None), 0, "RJZ"),
    # six at 17:00 exactly and two in the morning, four a second later
    Golden("discharged_before_17", "higher", "7d", (8, 12), 8 / 12, "RJZ"),
    Golden("discharged_before_17", "higher", "day", (30, 40), 0.75, "RJZ", basis="official"),
    # two at the weekend make 1 a day, ten on weekdays 2 a day
    Golden("weekend_discharge_ratio", "higher", "28d", (1, 2), 0.5, "RJZ"),
    Golden("weekend_discharge_ratio", "higher", "7d", (1, 2), 0.5, "RJZ"),
    # both trusts: eight and ten make 4 and 2
    Golden("weekend_discharge_ratio", "higher", "28d", (4, 2), 2.0, "QKK", "icb"),
)


# --- beds --------------------------------------------------------------------------------------------------


def beds() -> Iterator[Event]:
    """Censuses of Sunday 14 June: RJ1 with every count, RJZ with fewer, and without the long stays."""
    when = london("2026-06-14", "07:55")
    common = {"as_at": when, "bed_group": "adult_general_acute"}
    stays = {"nights_7_or_more": 260, "nights_14_or_more": 150, "nights_21_or_more": 88}
    full = {"open_core": 600, "open_escalation": 20, "occupied": 589, "no_criteria_to_reside": 93}
    yield told("bed.state.observed.v1", "RJ1", when, **common, **full, **stays)
    plain = {"open_core": 400, "open_escalation": 0, "occupied": 396}
    yield told("bed.state.observed.v1", "RJZ", when, **common, **plain)


BEDS = (
    Golden("ga_bed_occupancy", "lower", "day", (589, 620), 0.95),
    Golden("escalation_bed_share", "lower", "day", (20, 620), 20 / 620),
    Golden("nctr_bed_share", "lower", "day", (93, 589), 93 / 589),
    Golden("los_21plus_patients", "lower", "day", (88, None), 88),
    # RJZ has no count of patients without criteria to reside: its occupied beds stay out too
    Golden("nctr_bed_share", "lower", "day", (93, 589), 93 / 589, "QKK", "icb"),
    Golden("ga_bed_occupancy", "lower", "day", (985, 1020), 985 / 1020, "QKK", "icb"),
    Golden("los_21plus_patients", "lower", "day", (88, None), 88, "QKK", "icb"),
)


# --- urgent and emergency care -----------------------------------------------------------------------------


def attendance(
    org: str, key: str, minutes: int, *, kind: int = 1, treated: int | None = None, **data: Any
) -> Event:
    """Make an attendance that ended at noon on Sunday 14 June."""
    left = at("2026-06-14T11:00")
    arrived = left - timedelta(minutes=minutes)
    if treated is not None:
        data["treatment_started_at"] = (arrived + timedelta(minutes=treated)).isoformat()
    return told(
        "ed.attendance.recorded.v1",
        org,
        left.isoformat(),
        attendance_key=key,
        department_type=kind,
        arrived_at=arrived.isoformat(),
        departed_at=left.isoformat(),
        **data,
    )


def emergency() -> Iterator[Event]:
    """Six attendances of type 1, two of type 3, one of type 5 in RJ1; two quintiles in RL4."""
    for number, (minutes, treated) in enumerate(((120, 10), (180, 20), (240, 30), (241, 40), (720, 50))):
        yield attendance("RJ1", f"a{number}", minutes, treated=treated)
    decided = at("2026-06-14T11:00") - timedelta(minutes=750)
    yield attendance("RJ1", "a5", 780, decision_to_admit_at=decided.isoformat(), outcome="admitted")
    for number in (6, 7):
        yield attendance("RJ1", f"a{number}", 60, kind=3)
    yield attendance("RJ1", "a8", 900, kind=5)
    for quintile, over in ((1, 12), (5, 8)):
        for number in range(40):
            minutes = 721 if number < over else 100
            yield attendance("RL4", f"b{quintile}-{number}", minutes, imd_quintile=quintile)


EMERGENCY = (
    Golden("ae_4h_all_types", "higher", "7d", (5, 8), 0.625),
    Golden("ae_4h_type1", "higher", "7d", (3, 6), 0.5),
    # 720 minutes are not more than 12 hours, 780 are; type 5 is not in it
    Golden("ae_12h_from_arrival", "lower", "7d", (1, 8), 0.125),
    Golden("ae_12h_from_arrival", "lower", "7d", (12, 40), 0.3, "RL4", stratum="1"),
    # 750 minutes from the decision to admit
    Golden("ae_dta_12h", "lower", "day", (1, None), 1),
    Golden("ae_time_to_treatment_median", "lower", "7d", (None, 5), 30),
    # 30 % less 20 %
    Golden("ae_12h_imd_gap", "towards_zero", "28d", (None, None), 0.1, "QUA", "icb"),
)


def handover(key: str, day: str, minutes: int) -> Event:
    """Make a handover at RJ1, complete at noon of a day."""
    done = datetime.fromisoformat(london(day, "12:00"))
    times = {"arrived_at": (done - timedelta(minutes=minutes)).isoformat(), "handover_at": done.isoformat()}
    return told("ambulance.handover.recorded.v1", "RJ1", done.isoformat(), handover_key=key, **times)


def response(key: str, category: int, minutes: int) -> Event:
    """Make a response of RYA on Saturday 13 June."""
    arrived = at("2026-06-13T11:00")
    began = arrived - timedelta(minutes=minutes)
    times = {"clock_start": began.isoformat(), "arrived_at": arrived.isoformat()}
    fields = {"response_key": key, "category": category, **times}
    return told("ambulance.response.recorded.v1", "RYA", arrived.isoformat(), **fields)


def ambulances() -> Iterator[Event]:
    """Five handovers on 14 June and four on 20 May, whose day has closed; four responses.

    One more on 15 May begins the log, so that it holds the whole of 28 days.
    """
    yield handover("f0", "2026-05-15", 15)
    for number, minutes in enumerate((10, 20, 45, 46, 79)):
        yield handover(f"h{number}", "2026-06-14", minutes)
    for number, minutes in enumerate((30, 60, 61, 95)):
        yield handover(f"g{number}", "2026-05-20", minutes)
    for number, minutes in enumerate((18, 30, 42)):
        yield response(f"r{number}", 2, minutes)
    yield response("r3", 1, 7)


AMBULANCES = (
    Golden("amb_handover_over_45m", "lower", "7d", (2, 5), 0.4),
    Golden("amb_handover_mean", "lower", "7d", (200, 5), 40.0),
    Golden("amb_handover_p90", "lower", "7d", (None, 5), 79),
    Golden("amb_handover_p95", "lower", "7d", (None, 5), 79),
    Golden("amb_cat2_mean", "lower", "7d", (90, 3), 30.0, "RYA"),
    Golden("amb_cat2_mean", "lower", "7d", (90, 3), 30.0, "england", "england"),
)


# --- waiting lists and other returns -----------------------------------------------------------------------


def bands(**weeks: int) -> list[int]:
    """Give bands of a week: `w17` is more than 17 up to 18 weeks."""
    return [weeks.get(f"w{number}", 0) for number in range(105)]


def census(org: str, cadence: str, day: str, waits: list[int], **data: Any) -> Event:
    """Make a census."""
    fields = {"cadence": cadence, "census_date": day, "bands": waits}
    return told("rtt.census.reported.v1", org, london("2026-06-15", "06:00"), **fields | data)


def waiting() -> Iterator[Event]:
    """RJ1 and RJZ weekly, with ten waits of 126 days in the one band or in the other; RJ1 by month."""
    yield census("RJ1", "week", "2026-06-14", bands(w3=80, w17=10, w30=8, w52=2))
    yield census("RJZ", "week", "2026-06-14", bands(w3=80, w18=10, w30=8, w52=2))
    strata = [
        {"dimension": "imd_quintile", "value": str(quintile), "bands": bands(w3=within, w30=1000 - within)}
        for quintile, within in enumerate((600, 610, 630, 645, 660), 1)
    ]
    yield census("RJ1", "month", "2026-05-31", bands(w3=3145, w30=1855), strata=strata)


WAITING = (
    # by the name of the band, "more than 17 up to 18 weeks", 126 days are within
    Golden("rtt_18w", "higher", "week", (90, 100), 0.9),
    # a publisher that counts the date of the breach as a breach puts them into the next band
    Golden("rtt_18w", "higher", "week", (80, 100), 0.8, "RJZ"),
    Golden("rtt_52w", "lower", "week", (2, 100), 0.02),
    Golden("rtt_18w", "higher", "month", (3145, 5000), 0.629),
    # example 15.3: 60 % less 66 %
    Golden("rtt_18w_imd_gap", "towards_zero", "month", (None, None), -0.06),
)


class Reported(NamedTuple):
    """A measure as it is reported, and what it shows."""

    measure: str
    numerator: int | str
    denominator: int
    golden: Golden


REPORTED = (
    Reported("ucr_2h", 84, 120, Golden("ucr_2h", "higher", "month", (84, 120), 0.7)),
    Reported("dm01_6w_breach", 50, 1000, Golden("dm01_6w_breach", "lower", "month", (50, 1000), 0.05)),
    Reported("cancer_62d", 68, 80, Golden("cancer_62d", "higher", "month", (68, 80), 0.85)),
    Reported("op_dna", 66, 1000, Golden("op_dna", "lower", "month", (66, 1000), 0.066)),
    Reported(
        "agency_spend",
        "250000.50",
        12_500_025,
        Golden("agency_spend", "lower", "ytd", (250_000.5, 12_500_025), 0.02),
    ),
    Reported(
        "finance_variance", -5, 1000, Golden("finance_ytd_variance", "none", "month", (-5, 1000), -0.005)
    ),
    Reported("core20_recruitment", 12, 60, Golden("core20_recruitment", "higher", "12m", (12, 60), 0.2)),
    Reported(
        "social_value_weighting", 9, 12, Golden("social_value_weighting", "higher", "quarter", (9, 12), 0.75)
    ),
    Reported(
        "hypertension_control",
        700,
        1000,
        Golden("hypertension_control", "higher", "quarter", (700, 1000), 0.7, "QKK", "icb"),
    ),
    # 540 observed; 500 expected at a national rate of 0.0025 a person are a population of 200,000: 270
    Reported(
        "acsc_admissions",
        540,
        200_000,
        Golden("acsc_admissions_rate", "lower", "quarter", (540, 2), 270.0, "QKK", "icb"),
    ),
)


def reports() -> Iterator[Event]:
    """Give every measure once: of April 2026, or of the first quarter."""
    for one in REPORTED:
        quarterly = one.golden.window == "quarter"
        start, end = ("2026-01-01", "2026-04-01") if quarterly else ("2026-04-01", "2026-05-01")
        yield told(
            "measure.reported.v1",
            one.golden.org,
            london("2026-06-15", "07:00"),
            source=f"/ods/{one.golden.org}/returns",
            measure=one.measure,
            period_start=start,
            period_end=end,
            numerator=one.numerator,
            denominator=one.denominator,
        )


GOLDEN = (
    *THEATRES,
    *DISCHARGES,
    *BEDS,
    *EMERGENCY,
    *AMBULANCES,
    *WAITING,
    *(one.golden for one in REPORTED),
)


def events() -> list[Event]:
    """Give the events of every example."""
    scenes = (theatres, discharges, beds, emergency, ambulances, waiting, reports)
    return [event for scene in scenes for event in scene()]


def shown(catalogue: Catalogue, *, finals: bool = False) -> list[Row]:
    """Run the events through engine and assessment; none is refused or late."""
    lines = [Line("golden", json.dumps(one).encode()) for one in events()]
    rows, outputs = replay(
        as_log(lines), catalogue=catalogue, register=Register.shipped(), at=NOW, finals=finals
    )
    assert [] == outputs.refused
    assert [] == outputs.late
    return rows


@cache
def shipped() -> list[Row]:
    """Give what the shipped catalogue shows of them."""
    return shown(Catalogue.shipped())


def found(rows: list[Row], one: Golden) -> Row:
    """Give the row that a golden example is about."""
    (row,) = [
        row
        for row in rows
        if (row.indicator, row.window, row.org, row.level, row.basis)
        == (one.indicator, one.window, one.org, one.level, one.basis)
        and list(row.strata.values()) == ([one.stratum] if one.stratum else [])
    ]
    return row
