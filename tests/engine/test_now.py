"""The picture of now: patients who have not left, ambulances that wait, the newest states.

02:00 arrived ────── 06:00 four hours ────── 14:00 twelve hours ────── 08:00 thirty hours, seen all along
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from making import AT, MORNING, at, attendance, engine, log, made, report, run

from schemas.outputs import Position
from streams.assessment import Board, Row
from streams.catalogue import Catalogue
from streams.commands.replay import replay
from streams.engine import Engine
from streams.engine.calendar import day_number
from streams.engine.now import moving
from streams.engine.snapshots import Snapshotter
from streams.organisations import Register

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CATALOGUE, REGISTER = Catalogue.shipped(), Register.shipped()


def rows(of: Engine, when: datetime = MORNING, window: str = "now") -> list[Row]:
    """Give the rows of a window that the service would show at a moment."""
    board = Board(CATALOGUE, REGISTER)
    snapshotter = Snapshotter(of, [day_number(day) for day in REGISTER.change_days()])
    for (topic, number), partition in of.partitions.items():
        position = Position(topic, "t", number, partition.next_offset, int(when.timestamp() * 1000))
        for snapshot in snapshotter.current((topic, number), list(partition.organisations), position):
            board.apply(snapshot)
    return [row for row in board.rows() if row.window == window]


def seen(
    of: Engine, when: datetime = MORNING, org: str = "RJ1", level: str = "trust", window: str = "now"
) -> dict[str, float | None]:
    """Give the values of one organisation by indicator."""
    found = rows(of, when, window)
    return {row.indicator: row.value for row in found if (row.org, row.level) == (org, level)}


def waiting(key: str = "a1", hours: float = 30, now: datetime = MORNING, **data: Any) -> Any:
    """Make an attendance that has not ended, so many hours before `now`."""
    arrived = now - timedelta(hours=hours)
    return attendance(
        key, departed=None, arrived_at=arrived.isoformat(), recorded=max(arrived, now - 2 * DAY), **data
    ) | {"time": arrived.isoformat()}


def handover(key: str, minutes: float, *, done: bool = False, **data: Any) -> Any:
    """Make a handover of an ambulance that came so many minutes ago."""
    arrived = MORNING - timedelta(minutes=minutes)
    fields = {"handover_key": key, "version": 1, "arrived_at": arrived.isoformat()}
    if done:
        fields["handover_at"] = MORNING.isoformat()
    return made("ambulance.handover.recorded.v1", fields | data, recorded=MORNING)


def spell(key: str, ready: str | None, **data: Any) -> Any:
    """Make a spell of a patient who is in a bed."""
    fields = {"spell_key": key, "version": 1, "admitted_at": "2026-06-01T10:00:00+01:00"}
    if ready is not None:
        fields["discharge_ready_date"] = ready
    return made("spell.recorded.v1", fields | data, recorded=MORNING)


def department(when: datetime = MORNING, recorded: datetime = MORNING, **data: Any) -> Any:
    """Make a department's own count."""
    fields = {"as_at": when.isoformat(), "version": 1, "in_department": 80, "over_4h": 30, "over_12h": 8}
    return made("ed.state.observed.v1", fields | data, recorded=recorded, time=when)


def capacity(group: str, capacity: int, occupied: int, when: datetime = MORNING, **data: Any) -> Any:
    """Make a state of critical care or of virtual wards."""
    fields = {"as_at": when.isoformat(), "capacity_group": group, "capacity": capacity, "occupied": occupied}
    return made("capacity.state.observed.v1", {"version": 1} | fields | data, recorded=MORNING, time=when)


def service(level: int, code: str = "RRU", when: datetime = MORNING, **data: Any) -> Any:
    """Make an ambulance service's state."""
    fields = {"as_at": when.isoformat(), "version": 1, "reap_level": level}
    source = f"/ods/{code}/cad"
    return made("ambulance.state.observed.v1", fields | data, recorded=MORNING, time=when, source=source)


# --- patients in the department ------------------------------------------------------------------------


def test_a_patient_of_thirty_hours_is_seen_before_leaving_and_not_after() -> None:
    """Arrived at 03:00 yesterday: in every count at 09:00, at the ICB and in England too; gone at 09:30."""
    of, _ = run(waiting(hours=30), waiting("a2", hours=1, now=MORNING))
    expected = {
        "ed_in_department_now": 2,
        "ed_over_4h_now": 1,
        "ed_over_4h_share_now": 0.5,
        "ed_over_12h_now": 1,
        "ed_over_12h_share_now": 0.5,
        "ed_longest_stay_now": 1800,
        "ed_referred_waiting_now": 0,
        "ed_referred_waiting_share_now": 0,
        "ed_unclosed_now": 0,
    }
    assert expected == seen(of)
    assert expected == seen(of, org="QKK", level="icb") == seen(of, org="england", level="england")

    left = MORNING + timedelta(minutes=10)
    later = MORNING + timedelta(minutes=30)
    of.process(AT, log(attendance(departed=left, minutes=1810, version=2), append=later))
    after = seen(of, later)
    assert (1, 0, 90) == (
        after["ed_in_department_now"],
        after["ed_over_12h_now"],
        after["ed_longest_stay_now"],
    )


@pytest.mark.parametrize(("seconds", "over"), [(-1, 0), (0, 0), (1, 1)])
def test_time_alone_makes_a_wait_long(seconds: int, over: int) -> None:
    """No record comes; at twelve hours to the second nobody is over twelve hours, a second later one is."""
    of, _ = run(waiting(hours=0))
    moment = MORNING + 12 * HOUR + timedelta(seconds=seconds)
    assert over == seen(of, moment)["ed_over_12h_now"]
    assert 1 == seen(of, moment)["ed_over_4h_now"]


def test_who_is_referred_waits_from_the_referral_on() -> None:
    """A referral, or a decision to admit where none is sent; one that lies ahead is none yet."""
    of, _ = run(
        waiting("a1", 5, referred_at=(MORNING - HOUR).isoformat()),
        waiting("a2", 5, decision_to_admit_at=(MORNING - HOUR).isoformat()),
        waiting("a3", 5, referred_at=(MORNING + HOUR).isoformat()),
        waiting("a4", 5),
    )
    assert (2, 0.5) == tuple(seen(of)[f"ed_referred_waiting{one}"] for one in ("_now", "_share_now"))
    assert 3 == seen(of, MORNING + HOUR)["ed_referred_waiting_now"]


def test_a_corrected_arrival_counts_anew_and_an_older_version_does_not() -> None:
    """Version 2 came two hours ago; version 1, heard after it, changes nothing."""
    of, _ = run(waiting(hours=2, version=2), append=MORNING)
    out = of.process(AT, log(waiting(hours=30, version=1), append=MORNING))
    assert 1 == out.counts["superseded"]
    assert (1, 0, 120) == tuple(
        seen(of)[f"ed_{one}"] for one in ("in_department_now", "over_12h_now", "longest_stay_now")
    )


def test_a_withdrawn_attendance_is_in_nobodys_department() -> None:
    """Retracted it is gone, and with a higher version it is back."""
    of, _ = run(waiting(), waiting(version=2, retracted=True), append=MORNING)
    assert 0 == seen(of)["ed_in_department_now"]
    of.process(AT, log(waiting(version=3), append=MORNING))
    assert 1 == seen(of)["ed_in_department_now"]


def test_a_departure_that_is_withdrawn_puts_the_patient_back() -> None:
    """Version 3 knows of no departure any more."""
    of, _ = run(attendance(), append=MORNING + HOUR)
    assert {} == seen(of, MORNING + HOUR), "nobody has said that anybody came and did not leave"
    of.process(AT, log(waiting("a1", 2, version=3), append=MORNING + HOUR))
    assert 1 == seen(of, MORNING + HOUR)["ed_in_department_now"]


def test_an_episode_that_moves_to_another_site_is_in_one_place() -> None:
    """The old site has nobody."""
    of, _ = run(waiting(site="RJ122"), waiting(site="RJ101", version=2), append=MORNING)
    assert {("RJ101", 1), ("RJ122", 0), ("RJ1", 1)} == {
        (row.org, row.value)
        for row in rows(of)
        if row.indicator == "ed_in_department_now" and row.level in ("site", "trust")
    }


def test_same_day_emergency_care_is_no_patient_of_the_department() -> None:
    """Type 5 has no four-hour clock, and adds no one."""
    of, _ = run(waiting(department_type=5), append=MORNING)
    assert {} == seen(of)


def test_synthetic_patients_stay_apart() -> None:
    """Two bases are two figures."""
    of, _ = run(waiting(), waiting("a2", synthetic=True), append=MORNING)
    found = {
        row.basis: row.value
        for row in rows(of)
        if row.indicator == "ed_in_department_now" and row.org == "RJ1"
    }
    assert {"operational": 1, "synthetic": 1} == found


def test_nobody_waiting_is_zero_for_a_day_and_then_unknown() -> None:
    """Who came and left shows that the feed lives; a day later nobody knows, and the series ends."""
    of, _ = run(waiting(hours=1), attendance(version=2), append=MORNING)
    assert (0, None) == tuple(
        seen(of, MORNING + DAY)[f"ed_{one}_now"] for one in ("in_department", "longest_stay")
    )
    assert {} == seen(of, MORNING + DAY + timedelta(seconds=1))


@pytest.mark.parametrize("events", [(1, 2), (2, 1)])
def test_nobody_waiting_is_zero_in_whatever_order_one_hears(events: tuple[int, ...]) -> None:
    """The departure overtakes the arrival: an empty department all the same."""
    told = {1: waiting(hours=1), 2: attendance(version=2)}
    of, _ = run(*(told[one] for one in events), append=MORNING)
    assert 0 == seen(of)["ed_in_department_now"]


def test_who_sends_only_what_has_ended_has_no_now() -> None:
    """A nightly batch of departures does not say that the department is empty."""
    of, _ = run(attendance(), append=MORNING)
    assert {} == seen(of)


def test_an_attendance_that_is_never_closed_is_counted_apart() -> None:
    """Seven days after arrival it is no patient of now any more, but a departure that was never sent."""
    of, _ = run(waiting(hours=7 * 24), append=MORNING)
    assert (1, 0) == tuple(seen(of)[f"ed_{one}_now"] for one in ("in_department", "unclosed"))
    after = seen(of, MORNING + timedelta(seconds=1))
    assert (0, 0, 1) == tuple(after[f"ed_{one}_now"] for one in ("in_department", "over_12h", "unclosed"))


def test_an_attendance_is_let_go_when_the_log_no_longer_holds_it() -> None:
    """Sixty days after its last version it counts nowhere."""
    of, _ = run(waiting(hours=1), append=MORNING)
    of.advance(AT, int((MORNING + 60 * DAY).timestamp() * 1000))
    assert 1 == seen(of, MORNING + 60 * DAY)["ed_unclosed_now"]
    of.advance(AT, int((MORNING + 61 * DAY).timestamp() * 1000))
    assert {} == seen(of, MORNING + 61 * DAY)


def test_windows_of_days_are_what_they_were() -> None:
    """Whoever has not left adds nothing to them."""
    of, _ = run(waiting(), attendance("a2"), append=MORNING)
    whole, _ = run(attendance("a2"), append=MORNING)
    for window in ("since_midnight", "24h", "week"):
        assert seen(whole, MORNING + HOUR, window=window) == seen(of, MORNING + HOUR, window=window)


def test_only_whoever_waits_needs_a_look_every_minute() -> None:
    """Time changes the organisations that hold open episodes, and no others."""
    of, _ = run(waiting(), attendance(source="/ods/RYJ/pas"), department(), append=MORNING)
    assert {"RJ1"} == moving(of.partitions[AT].series.values())


def test_the_age_is_of_the_last_that_came_or_went() -> None:
    """Appended at 09:00; a departure appended at 10:00 makes the figure newer."""
    of, _ = run(waiting(), waiting("a2", 1), append=MORNING)
    then = MORNING + HOUR
    of.process(AT, log(attendance("a2", departed=then, version=2), append=then))
    (age,) = {
        row.as_at_ms
        for row in rows(of, then + HOUR)
        if row.indicator == "ed_in_department_now" and row.org == "RJ1"
    }
    assert int(then.timestamp() * 1000) == age


# --- looking back --------------------------------------------------------------------------------------


def test_looking_back_shows_who_was_there() -> None:
    """The whole log is known, with the departure; at 08:00 the patient was in the department all the same."""
    events = [
        waiting(hours=3),
        attendance(departed=MORNING + HOUR, minutes=240, version=2, recorded=MORNING + HOUR),
    ]

    def shown(when: datetime) -> dict[str, float | None]:
        found, _ = replay(log(*events), catalogue=CATALOGUE, register=REGISTER, at=when)
        return {row.indicator: row.value for row in found if row.window == "now" and row.org == "RJ1"}

    assert {} == shown(MORNING - 4 * HOUR)
    assert 1 == shown(MORNING)["ed_in_department_now"]
    assert 180 == shown(MORNING)["ed_longest_stay_now"]
    assert 0 == shown(MORNING + 2 * HOUR)["ed_in_department_now"]


def test_looking_back_shows_who_was_there_however_far_the_log_goes_on() -> None:
    """Half a year later the day has closed long ago."""
    events = [
        waiting(hours=3),
        attendance(departed=MORNING + HOUR, minutes=240, version=2, recorded=MORNING + HOUR),
        *(attendance(f"b{n}", departed=MORNING + n * DAY) for n in range(1, 180, 9)),
    ]
    found, _ = replay(log(*events), catalogue=CATALOGUE, register=REGISTER, at=MORNING)
    assert [1] == [
        row.value for row in found if (row.indicator, row.level) == ("ed_in_department_now", "trust")
    ]


# --- ambulances and beds -------------------------------------------------------------------------------


def test_ambulances_waiting_and_the_longest() -> None:
    """Two wait, 20 and 50 minutes; one has handed over; one has been forgotten for two days."""
    of, _ = run(
        handover("h1", 20),
        handover("h2", 50.5),
        handover("h3", 90, done=True),
        handover("h4", 48 * 60 + 1),
        append=MORNING,
    )
    assert {
        "amb_waiting_now": 2,
        "amb_waiting_over_45m_now": 1,
        "amb_waiting_longest_now": 50,
        "amb_unclosed_now": 1,
    } == seen(of)


def test_the_longest_wait_of_a_region_is_the_longest_of_its_hospitals() -> None:
    """A maximum is no sum: 50 of 20 and 50."""
    other = handover("h1", 50) | {"source": "/ods/RYJ/cad", "partitionkey": "RYJ"}
    other["data"]["org"] = "RYJ"
    of, _ = run(handover("h1", 20), other, append=MORNING)
    assert [20, 50, 50] == [
        seen(of, org=org, level=level)["amb_waiting_longest_now"]
        for org, level in (("RJ1", "trust"), ("RYJ", "trust"), ("Y56", "region"))
    ]


def test_patients_ready_and_still_in_a_bed_with_their_days() -> None:
    """Ready since the 12th, 3 days; since today, 0 days; from tomorrow on, not yet; unknown, not ready."""
    of, _ = run(
        spell("p1", "2026-06-12"), spell("p2", "2026-06-15"), spell("p3", "2026-06-16"), spell("p4", None)
    )
    assert {
        "drd_ready_in_bed_now": 2,
        "drd_ready_days_now": 3,
        "drd_ready_mean_days_now": 1.5,
        "drd_ready_longest_now": 3,
    } == seen(of)


def test_days_so_far_are_of_local_dates() -> None:
    """At 23:30 UTC it is the next day in London, and every patient who is ready has been for one day more."""
    of, _ = run(spell("p1", "2026-06-12"))
    assert [3, 4] == [seen(of, at(f"2026-06-15T{hour}:30"))["drd_ready_days_now"] for hour in (22, 23)]


# --- states --------------------------------------------------------------------------------------------


def test_the_newest_state_counts_for_a_day_and_an_hour() -> None:
    """Whatever the order in which they come; its own moment is the age, not that of the record."""
    earlier = department(MORNING - 2 * HOUR, in_department=70)
    newest = department(
        MORNING - HOUR, majors_spaces=30, majors_occupied=33, resus_spaces=6, resus_occupied=3
    )
    of, _ = run(newest, earlier, append=MORNING)
    assert {
        "ed_in_department_reported_now": 80,
        "ed_over_4h_reported_now": 30,
        "ed_over_12h_reported_now": 8,
        "ed_over_12h_share_reported_now": 0.1,
        "ed_referred_waiting_reported_now": None,
        "ed_majors_resus_occupancy": 1.0,
    } == seen(of)
    (age,) = {row.as_at_ms for row in rows(of)}
    assert int((MORNING - HOUR).timestamp() * 1000) == age
    assert 80 == seen(of, MORNING + 23 * HOUR)["ed_in_department_reported_now"]
    assert {} == seen(of, MORNING + 24 * HOUR)


def test_a_withdrawn_state_gives_way_to_the_one_before_it() -> None:
    """Retracted it is no state; corrected it is another."""
    earlier, newest = department(MORNING - HOUR, in_department=70), department(MORNING)
    of, _ = run(earlier, newest, department(MORNING, version=2, retracted=True), append=MORNING)
    assert 70 == seen(of)["ed_in_department_reported_now"]
    of.process(AT, log(department(MORNING, version=3, in_department=75), append=MORNING))
    assert 75 == seen(of)["ed_in_department_reported_now"]


def test_what_was_true_yesterday_is_no_state_of_now() -> None:
    """A count that comes a day and an hour late is accepted and shown nowhere."""
    of, out = run(department(MORNING - 25 * HOUR), append=MORNING)
    assert (1, []) == (out.counts["outdated"], rows(of))


def test_departments_are_added_up_and_their_occupancy_is_a_ratio_of_sums() -> None:
    """33 of 30 and 6 of 20 are 39 of 50, at the trust of both sites."""
    of, _ = run(
        department(site="RJ122", majors_spaces=24, majors_occupied=30, resus_spaces=6, resus_occupied=3),
        department(site="RJ101", majors_spaces=18, majors_occupied=5, resus_spaces=2, resus_occupied=1),
        append=MORNING,
    )
    assert 39 / 50 == seen(of)["ed_majors_resus_occupancy"]


def test_what_a_department_counts_is_another_figure_than_its_attendances() -> None:
    """Two sources, two names: neither is added to the other."""
    of, _ = run(waiting(), department(), append=MORNING)
    found = seen(of)
    assert (1, 80) == (found["ed_in_department_now"], found["ed_in_department_reported_now"])


def test_critical_care_and_virtual_wards_now_and_at_the_census() -> None:
    """Now by the newest state, 09:00 in London; the day's census is that of 07:55."""
    census = MORNING - timedelta(minutes=65)
    of, _ = run(
        capacity("adult_critical_care", 20, 15, census),
        capacity("adult_critical_care", 20, 18),
        capacity("virtual_ward", 50, 40, census),
        capacity("paediatric_critical_care", 8, 8),
        append=MORNING,
    )
    assert {"critical_care_occupancy": 0.9, "virtual_ward_occupancy": 0.8} == seen(of)
    assert {"critical_care_occupancy": 0.75, "virtual_ward_occupancy": 0.8} == seen(
        of, window="since_midnight"
    )
    assert {int(census.timestamp() * 1000)} == {row.as_at_ms for row in rows(of)}, "as old as the oldest"


def test_beds_now_are_those_of_the_newest_state() -> None:
    """The census at 07:55 stays the day's; the state of 09:00 is now's."""
    states = [
        made(
            "bed.state.observed.v1",
            {
                "as_at": when.isoformat(),
                "version": 1,
                "bed_group": "adult_general_acute",
                "open_core": 100,
                "open_escalation": 0,
                "occupied": occupied,
            },
            time=when,
        )
        for when, occupied in ((MORNING - timedelta(minutes=65), 90), (MORNING, 97))
    ]
    of, _ = run(*states)
    assert (0.97, 0.9) == (
        seen(of)["ga_bed_occupancy"],
        seen(of, window="since_midnight")["ga_bed_occupancy"],
    )


def test_a_state_of_now_is_whole_on_the_first_day() -> None:
    """It says everything itself; of attendances nobody knows who came before the log began."""
    of, _ = run(waiting(), department(), append=MORNING)
    flags = {row.indicator: row.flags for row in rows(of) if row.level == "trust"}
    assert ((), ("partial",)) == (flags["ed_in_department_reported_now"], flags["ed_in_department_now"])


def test_a_level_is_shown_for_whoever_declared_it_and_never_added_up() -> None:
    """Services at levels 4 and 2 have no sum and no mean; ambulances that wait have."""
    of, _ = run(
        service(4, handovers_waiting=30, clinical_safety_plan_level=3),
        service(2, "RYA", handovers_waiting=5),
        append=MORNING,
    )
    shown = {(row.indicator, row.level, row.org): row.value for row in rows(of) if row.indicator != "amb_csp"}
    level = REGISTER.level("RRU")
    assert {
        ("amb_reap", level, "RRU"): 4,
        ("amb_reap", level, "RYA"): 2,
    } == {key: value for key, value in shown.items() if key[0] == "amb_reap"}
    assert 35 == shown["amb_waiting_reported_now", "england", "england"]
    assert [3, None] == [seen(of, org=org, level=level)["amb_csp"] for org in ("RRU", "RYA")], (
        "one has declared none"
    )


def test_two_levels_of_one_service_are_no_level() -> None:
    """Two of its sites say different things: a person has to decide."""
    of, _ = run(service(4, site="RRU01"), service(2, site="RRU02"), append=MORNING)
    assert [None, 4, 2] == [
        seen(of, org=org, level=level)["amb_reap"]
        for org, level in (("RRU", REGISTER.level("RRU")), ("RRU01", "site"), ("RRU02", "site"))
    ]


# --- calls and expectations ----------------------------------------------------------------------------


def calls(key: str, start: str, end: str, counts: tuple[int, int, int, int], **data: Any) -> Any:
    """Make the calls to NHS 111 of a period: offered, answered, within 60 s, abandoned after 30 s."""
    names = ("calls_offered", "calls_answered", "answered_within_60s", "abandoned_after_30s")
    fields = {"activity_key": key, "version": 1, "period_start": start, "period_end": end}
    counted = dict(zip(names, counts, strict=True))
    recorded = at(end) + timedelta(minutes=5)
    return made("nhs111.activity.recorded.v1", fields | counted | data, recorded=recorded, time=at(end))


def test_calls_of_periods_add_up_to_those_of_the_day() -> None:
    """Two hours of today, 100 and 300 calls offered; the hour up to midnight is yesterday's."""
    of, _ = run(
        calls("n1", "2026-06-14T22:00:00Z", "2026-06-14T23:00:00Z", (50, 50, 50, 0)),
        calls("n2", "2026-06-15T06:00:00Z", "2026-06-15T07:00:00Z", (100, 90, 60, 8)),
        calls("n3", "2026-06-15T07:00:00Z", "2026-06-15T08:00:00Z", (300, 270, 200, 12)),
    )
    found = seen(of, at("2026-06-15T08:10"), window="since_midnight")
    assert {"nhs111_abandoned": 20 / 400, "nhs111_60s": 260 / 360} == found
    assert {"nhs111_abandoned": 0, "nhs111_60s": 1} == seen(of, at("2026-06-15T08:10"), window="day")


def test_attendances_against_an_expectation_that_the_provider_declares() -> None:
    """330 came of 300 expected: 1.1, as the provider reports both."""
    of, _ = run(
        report("ae_attendances_vs_expected", "2026-06-14", "2026-06-15", numerator=330, denominator=300)
    )
    assert {"ae_attendances_vs_expected": 1.1} == seen(of, window="day")


def test_open_episodes_of_a_forgotten_partition_are_gone() -> None:
    """Another worker has them now."""
    of = engine()
    of.process(AT, log(waiting(), append=MORNING))
    of.drop(AT)
    assert [] == rows(of)
