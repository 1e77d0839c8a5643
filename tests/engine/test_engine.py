"""The engine: versions, retraction, lateness, returns, refusals; figures that can be checked by eye."""

import json
from datetime import timedelta
from typing import Any

import pytest
from making import AT, MORNING, at, attendance, engine, facts, log, made, report, run

from streams.commands.replay import FileRecord
from streams.engine import Outputs
from streams.engine.calendar import day_number
from streams.engine.records import REASONS

TODAY = day_number(MORNING.date())
RJ1 = ("RJ1", "operational", TODAY)


def attended(of: Any) -> dict[Any, int]:
    return {key: found["attended"] for key, found in facts(of).items()}


def test_a_newer_version_replaces_an_older_one() -> None:
    """The contribution of version 1 is taken away before that of version 2 is added."""
    of, out = run(attendance(minutes=300), attendance(minutes=100, version=2))
    assert {
        "attended": 1,
        "within_4h": 1,
        "seconds": 6000,
        "attended_type1": 1,
        "within_4h_type1": 1,
    } == facts(of)[RJ1]
    assert 2 == out.counts["applied"]


def test_an_older_version_that_comes_later_changes_nothing() -> None:
    """Arrival order does not matter."""
    of, out = run(attendance(minutes=100, version=2), attendance(minutes=300))
    assert 6000 == facts(of)[RJ1]["seconds"]
    assert 1 == out.counts["superseded"]


def test_a_duplicate_counts_once() -> None:
    """The same record again is counted as a duplicate and nowhere else."""
    of, out = run(attendance(), attendance(), attendance())
    assert {RJ1: 1} == attended(of)
    assert 2 == out.counts["duplicate"]


def test_a_retraction_withdraws_and_a_higher_version_brings_back() -> None:
    """Retracted is a version like any other; a series that holds nothing is gone."""
    of, _ = run(attendance(), attendance(version=2, retracted=True))
    assert {} == attended(of)
    of.process(AT, log(attendance(version=3)))
    assert {RJ1: 1} == attended(of)


def test_a_retraction_that_comes_first_holds() -> None:
    """A retraction read before what it retracts still wins."""
    of, _ = run(attendance(version=2, retracted=True), attendance())
    assert {} == attended(of)


def test_an_episode_that_moves_is_in_one_place() -> None:
    """A correction may change organisation, day and basis; the old place is left."""
    yesterday = MORNING - timedelta(days=1)
    of, _ = run(
        attendance(),
        attendance(version=2, departed=yesterday, org="RYJ", recorded=MORNING, synthetic=True),
    )
    assert {("RYJ", "synthetic", TODAY - 1): 1} == attended(of)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_same_version_with_other_content_is_decided_alike_in_any_order(order: tuple[int, int]) -> None:
    """Two contents under one version: the greater is kept in any order, and the clash is counted."""
    events = [attendance(minutes=100), attendance(minutes=300)]
    of, out = run(*(events[i] for i in order), append=MORNING)
    assert 6000 == facts(of)[RJ1]["seconds"]  # within four hours, so the greater vector
    assert 1 == out.counts["clash"]


def test_identity_never_crosses_sources() -> None:
    """The same key from two sources is two episodes."""
    of, _ = run(attendance(), attendance(source="/ods/RJ1/other"))
    assert {RJ1: 2} == attended(of)


def test_an_open_episode_adds_nothing_and_is_held() -> None:
    """Without a departure the patient is still there."""
    of, _ = run(attendance(departed=None))
    assert ({}, 1) == (attended(of), len(of.partitions[AT].held))


def test_where_there_is_no_version_the_recorded_time_stands_in() -> None:
    """The later `recordedtime` wins, whatever arrives first."""
    later, sooner = (attendance(minutes=m, version=None) for m in (100, 300))
    later["recordedtime"] = (MORNING + timedelta(minutes=3)).isoformat()
    of, out = run(later, sooner, append=MORNING)
    assert 6000 == facts(of)[RJ1]["seconds"]
    assert 1 == out.counts["superseded"]


def test_late_is_decided_by_append_time() -> None:
    """A departure 14 days before the append's day is in time; 15 days before, its day has closed."""
    first, second = (MORNING - timedelta(days=days) for days in (14, 15))
    of, out = run(attendance("a1", departed=first), attendance("a2", departed=second), append=MORNING)
    assert {("RJ1", "operational", TODAY - 14): 1} == attended(of)
    (late,) = out.late
    assert ("/ods/RJ1/pas", "ed_attendance", 15 * 86400) == (late.source, late.family, late.lateness_seconds)


def test_episodes_of_closed_days_are_let_go() -> None:
    """Memory is bounded: when the append clock passes the horizon, episodes and panes go, totals stay."""
    of, _ = run(attendance())
    of.process(AT, log(attendance("a2", departed=MORNING + timedelta(days=15))))
    assert {("RJ1", "operational", TODAY): 1, ("RJ1", "operational", TODAY + 15): 1} == attended(of)
    partition = of.partitions[AT]
    assert 1 == len(partition.held)
    assert [[TODAY + 15]] == [list(series.panes) for series in partition.series.values()]


def test_a_version_of_an_episode_whose_day_has_closed_is_late() -> None:
    """It is never counted afresh, not even when it moves the episode into an open day."""
    of, _ = run(attendance("k"), attendance("other"))
    now = MORNING + timedelta(days=15)
    out = of.process(AT, log(attendance("k", version=2, departed=now), append=now))
    assert ({("RJ1", "operational", TODAY): 2}, 1) == (attended(of), len(out.late))


def test_the_hash_of_a_closed_episode_goes_when_the_log_goes() -> None:
    """Sixty days after the close no version can be in the log any more."""
    of, _ = run(attendance("k"))
    for days, closed in ((15, 1), (74, 1), (75, 0)):
        later = MORNING + timedelta(days=days)
        of.process(AT, log(attendance("open", departed=None, recorded=later), append=later))
        assert closed == len(of.partitions[AT]._closed)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_episode_that_moves_beyond_the_horizon_leaves_its_open_day(order: tuple[int, int]) -> None:
    """The newest version is late, and the older one counts nowhere, in any order."""
    events = (attendance("k"), attendance("k", version=2, departed=MORNING - timedelta(days=50)))
    of, out = run(*(events[i] for i in order), append=MORNING)
    assert ({}, 1) == (attended(of), len(out.late))


def test_memory_follows_the_episodes_held_and_not_the_versions_that_came() -> None:
    """Ten episodes that move to the other day and back a thousand times; each is let go when it is due."""
    days = [MORNING - timedelta(days=back) for back in (1, 2)]
    moves = (
        attendance(f"a{n % 10}", departed=days[n // 10 % 2], version=n // 10 + 1, recorded=MORNING)
        for n in range(10_000)
    )
    of, _ = run(*moves)
    partition = of.partitions[AT]
    due = [one for ones in partition._closing.values() for one in ones]
    assert ({*partition.held}, 10) == ({*due}, len(partition.held))
    assert {id(one) for one in partition.held} <= {id(one) for one in due}
    assert len(due) < 500
    later = MORNING + timedelta(days=13)
    of.process(AT, log(attendance("z", departed=later)))
    assert {"z"} == {one.rpartition(" ")[2] for one in partition.held}


def test_an_open_episode_is_forgotten_when_the_log_forgets_it() -> None:
    """An attendance that never ends is held for the topic's retention of 60 days."""
    of, _ = run(attendance(departed=None))
    for days, held in ((60, 2), (61, 1)):
        later = MORNING + timedelta(days=days)
        of.process(AT, log(attendance(f"b{days}", departed=later)))
        assert held + (days == 61) == len(of.partitions[AT].held)


def test_a_change_after_the_day_restates_it() -> None:
    """A figure of a day that had ended more than an hour ago is marked with the time of the change."""
    yesterday = MORNING - timedelta(days=1)
    of, _ = run(attendance(departed=yesterday), append=yesterday + timedelta(minutes=1))
    (series,) = of.partitions[AT].series.values()
    assert {} == series.restated_ms
    of.process(AT, log(attendance(departed=yesterday, version=2, minutes=500), append=MORNING))
    assert {TODAY - 1: int(MORNING.timestamp() * 1000)} == series.restated_ms


def returned(of: Any) -> dict[str, float]:
    found = facts(of, "measure:core20_recruitment")
    return {basis: one["numerator_e6"] / 1e6 for (_, basis, _), one in found.items()}


def test_a_return_replaces_the_earlier_one_whole() -> None:
    """Strata of the first report that the second lacks are gone."""
    stratum = {"dimension": "imd_quintile", "value": "1", "numerator": 1, "denominator": 2}
    of, _ = run(
        report(numerator=50, denominator=100, strata=[stratum]),
        report(numerator=60, denominator=100, version=2),
    )
    (series,) = of.partitions[AT].series.values()
    april = day_number(at("2026-04-01").date())
    assert [1, 1, 60_000_000, 100_000_000] == series.stretch(april, april + 1).sums["", ""].facts


def test_decimals_stay_exact() -> None:
    """Text amounts are added in millionths: a tenth and two tenths make three tenths."""
    of, _ = run(
        report("finance_variance", numerator="0.1", denominator=1),
        report("finance_variance", numerator="0.2", denominator=1, source="/ods/RJ1/other"),
    )
    (found,) = facts(of, "measure:finance_variance").values()
    assert 300_000 == found["numerator_e6"]


def test_absence_from_a_later_file_deletes_nothing() -> None:
    """Another organisation's report leaves the first where it was."""
    of, _ = run(
        report(numerator=50, denominator=100), report(numerator=7, denominator=9, org="RYJ", version=2)
    )
    found = facts(of, "measure:core20_recruitment")
    assert {"RJ1": 50_000_000, "RYJ": 7_000_000} == {
        org: one["numerator_e6"] for (org, _, _), one in found.items()
    }


def test_a_return_is_never_late() -> None:
    """A report of three years ago is taken; it is final on arrival."""
    _, out = run(report(start="2023-04-01", end="2023-05-01", numerator=1, denominator=2))
    assert ([], 1) == (out.late, out.counts["applied"])


def test_official_operational_and_synthetic_never_meet() -> None:
    """Three figures of one measure, organisation and month are three series."""
    of, out = run(
        report(numerator=1, denominator=9, source="/ods/X24/ae", publication="ae_monthly", org="RJ1"),
        report(numerator=2, denominator=9),
        {**report(numerator=4, denominator=9), "synthetic": True},
    )
    assert not out.refused
    assert {"official": 1, "operational": 2, "synthetic": 4} == returned(of)


def reasons(out: Outputs) -> list[str]:
    return [one.reason for one in out.refused]


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("official_only", report("ae_4h_all_types", numerator=1, denominator=2)),
        ("unknown_measure", report("no_such_measure", numerator=1, denominator=2)),
        ("wrong_period", report(end="2026-06-01", numerator=1, denominator=2)),
        ("wrong_period", report(start="2026-04-02", end="2026-05-02", numerator=1, denominator=2)),
        ("not_an_official_source", report(numerator=1, denominator=2, publication="mine")),
        ("future", report(start="2026-07-01", end="2026-08-01", numerator=1, denominator=2)),
        ("identifier", attendance("1234567890")),
        ("invalid", attendance(arrived_at="1900-01-01T00:00:00Z")),
        ("invalid", attendance(arrived_at="2026-06-15T08:00:00")),
        ("unknown_type", {"type": "uk.nhs.oversight.nothing.v1"}),
    ],
)
def test_refusals_have_a_reason(reason: str, event: Any) -> None:
    """What is not accepted is named by one word for counting, and changes nothing."""
    of = engine()
    out = of.process(AT, [FileRecord(0, int(MORNING.timestamp() * 1000), json.dumps(event).encode())])
    assert [reason] == reasons(out)
    assert reason in REASONS
    assert {} == of.partitions[AT].series


@pytest.mark.parametrize(
    ("reason", "value"),
    [("not_json", b"\x00\xff\x01"), ("not_json", b""), ("not_json", b"[1]"), ("too_large", b" " * 300_000)],
)
def test_bytes_that_are_no_event(reason: str, value: bytes) -> None:
    """Binary, empty and oversized records are refused, and the next one is read."""
    of = engine()
    when = int(MORNING.timestamp() * 1000)
    (good,) = log(attendance())
    out = of.process(AT, [FileRecord(0, when, value), FileRecord(1, when + 60_000, good.value)])
    assert [reason] == reasons(out)
    assert {RJ1: 1} == attended(of)


def test_time_after_the_append_is_future_dated() -> None:
    """A publisher's clock may run five minutes ahead of the broker's, not six."""
    within = attendance("a1", departed=MORNING + timedelta(minutes=5), recorded=MORNING)
    beyond = attendance("a2", departed=MORNING + timedelta(minutes=5, seconds=1), recorded=MORNING)
    beyond["recordedtime"] = (MORNING + timedelta(minutes=5)).isoformat()
    of, out = run(within, beyond, append=MORNING)
    assert ["future"] == reasons(out)
    assert {RJ1: 1} == attended(of)


def test_a_record_written_down_in_the_future_is_refused() -> None:
    """Without a version `recordedtime` stands in for it: one of the year 2090 would win for ever."""
    event = attendance(version=None)
    event["recordedtime"] = "2090-01-01T00:00:00Z"
    _, out = run(event, append=MORNING)
    assert ["future"] == reasons(out)


def test_a_departure_in_the_future_is_refused_whatever_time_says() -> None:
    """The attribution instant of something that happened cannot lie ahead; a plan may."""
    event = attendance(departed=MORNING + timedelta(days=2), recorded=MORNING)
    event["time"] = MORNING.isoformat()
    _, out = run(event, append=MORNING)
    assert ["future"] == reasons(out)


def test_a_topic_takes_its_own_families_only() -> None:
    """A return on the topic of events would be lost with its retention."""
    of = engine()
    out = of.process(AT, log(report(numerator=1, denominator=2)), accepts=frozenset({"ed_attendance"}))
    assert ["wrong_topic"] == reasons(out)


def test_a_source_on_another_partition_is_accepted_and_counted() -> None:
    """A record that is not where its key belongs counts, and shows."""
    of = engine()
    of._route = lambda _topic, _key: 3
    out = of.process(AT, log(attendance()))
    assert (1, {RJ1: 1}) == (out.misrouted, attended(of))
    assert of.partitions[AT].sources["/ods/RJ1/pas"].misrouted


def test_paediatric_beds_stay_out_of_the_adult_census() -> None:
    """A state of another bed group is accepted and adds nothing."""
    fields = {
        "as_at": "2026-06-15T06:55:00Z",
        "version": 1,
        "bed_group": "paediatric_general_acute",
        "open_core": 10,
        "open_escalation": 0,
        "occupied": 9,
    }
    of, out = run(made("bed.state.observed.v1", fields, time=at("2026-06-15T06:55")))
    assert (1, {}) == (out.counts["applied"], facts(of, "bed_state"))


def test_a_share_without_a_denominator_is_refused() -> None:
    """Its numerator would make every sum too high; a plain count needs none."""
    x24 = {"source": "/ods/X24/ae", "publication": "ae"}
    _, out = run(report(numerator=80), report("ae_dta_12h", numerator=3, **x24))
    assert (["missing_denominator"], 1) == (reasons(out), out.counts["applied"])


def test_a_list_that_ends_in_the_future_is_refused() -> None:
    """A session may be planned ahead; it cannot have been held ahead."""
    ahead = MORNING + timedelta(days=10)
    fields = {
        "session_key": "s1",
        "version": 1,
        "list_type": "elective",
        "status": "held",
        "planned_start": ahead.isoformat(),
        "planned_end": (ahead + timedelta(hours=4)).isoformat(),
        "ended_at": (ahead + timedelta(hours=4)).isoformat(),
    }
    _, out = run(made("theatre.session.recorded.v1", fields), append=MORNING)
    assert ["future"] == reasons(out)


def test_looking_back_leaves_out_what_had_not_happened() -> None:
    """At nine, the departure of ten is not there yet."""
    noon = MORNING + timedelta(hours=4)
    of, _ = run(
        attendance("a"),
        attendance("b", departed=MORNING + timedelta(hours=2)),
        append=noon,
        until_seconds=int((MORNING + timedelta(hours=1)).timestamp()),
    )
    assert {RJ1: 1} == attended(of)


def test_a_source_may_begin_only_so_many_series() -> None:
    """The third organisation of one source is refused with its reason; known ones go on, others too."""
    events = [attendance(f"k{n}", org=f"RX{n}", minutes=30) for n in (1, 2, 3, 1)]
    other = attendance("k", org="RX9", source="/ods/RYJ/pas")
    of, out = run(*events, other, append=MORNING, max_series_a_source=2)
    assert [(2, "too_many_series")] == [(one.offset, one.reason) for one in out.refused]
    assert {"RX1", "RX2", "RX9"} == {org for org, _, _ in attended(of)}


def test_an_organisation_may_have_only_so_many_series() -> None:
    """The third site is refused, whichever source names it; known ones go on, other organisations too."""
    events = [attendance(f"k{n}", site=f"RJ10{n}", minutes=30) for n in (1, 2, 1)]
    third = attendance("k", site="RJ103", source="/ods/RJ1/other")
    other = attendance("k", org="RX9", source="/ods/RYJ/pas")
    of, out = run(*events, third, other, append=MORNING, max_series_an_organisation=2)
    assert [(3, "too_many_series")] == [(one.offset, one.reason) for one in out.refused]
    assert {"RJ101", "RJ102", ""} == {key.site for key in of.partitions[AT].series}


def test_a_publisher_may_begin_only_so_many_sources() -> None:
    """A system's name with a run in it is refused from the third run on; known ones and others go on."""
    events = [attendance(f"k{n}", source=f"/ods/RJ1/run-{n}") for n in (1, 2, 3, 1)]
    other = attendance("k", source="/ods/RYJ/pas")
    of, out = run(*events, other, append=MORNING, max_sources_a_publisher=2)
    assert [(2, "too_many_sources")] == [(one.offset, one.reason) for one in out.refused]
    assert {"/ods/RJ1/run-1", "/ods/RJ1/run-2", "/ods/RYJ/pas"} == of.partitions[AT].sources.keys()
