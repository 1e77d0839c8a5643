"""Windows of hours: quarters of an hour, exact under corrections, whatever the order.

08:47 now;  |08:00|08:15|08:30|08:45      1h = [07:45, 08:45)
^ the last complete quarter ends here
"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import AT, MORNING, at, attendance, engine, log, run

from schemas.outputs import Position, WindowFacts
from streams.engine.calendar import day_number
from streams.engine.snapshots import Snapshotter

NOW = MORNING + timedelta(minutes=47)


def hours(of: Any, now: datetime = NOW, boundaries: tuple[int, ...] = ()) -> dict[str, WindowFacts]:
    """Give the windows of hours of RJ1's attendances."""
    position = Position(*AT[:1], "t", 0, 1, int(now.timestamp() * 1000))
    found = {}
    for snapshot in Snapshotter(of, boundaries).current(AT, ["RJ1"], position):
        for series in snapshot.series:
            found |= {one.window: one for one in series.windows if one.from_ms is not None}
    return found


def counts(of: Any, now: datetime = NOW) -> dict[str, int]:
    """Give how many attendances each window of hours holds."""
    return {
        name: sum(cell.facts[0] for part in one.parts for cell in part.cells if not cell.dimension)
        for name, one in hours(of, now).items()
    }


def ago(*minutes: int) -> list[Any]:
    return [attendance(f"k{one}", departed=NOW - timedelta(minutes=one)) for one in minutes]


def test_windows_end_with_the_last_complete_quarter() -> None:
    """Departures at 08:46 (in the running quarter), 08:44, 07:45, 07:44, 04:44 and a day and a bit ago."""
    of, _ = run(*ago(1, 3, 62, 63, 243, 24 * 60 + 3), append=NOW)
    assert {"1h": 2, "4h": 3, "24h": 4} == counts(of)


def test_a_window_says_from_when_until_when() -> None:
    """Bounds are instants, inside the civil days that the window names."""
    one = hours(run(*ago(3), append=NOW)[0])["1h"]
    assert (at("2026-06-15T07:45"), at("2026-06-15T08:45")) == tuple(
        datetime.fromtimestamp((ms or 0) / 1000, MORNING.tzinfo) for ms in (one.from_ms, one.until_ms)
    )
    assert ("2026-06-15", "2026-06-16") == (str(one.start), str(one.end))


def test_a_correction_moves_between_quarters() -> None:
    """The old quarter is left, the new one entered."""
    of, _ = run(*ago(3), append=NOW)
    of.process(AT, log(attendance("k3", departed=NOW - timedelta(minutes=100), version=2), append=NOW))
    assert {"4h": 1, "24h": 1} == counts(of)


def test_quarters_are_forgotten() -> None:
    """Memory holds a day and an hour of quarters, however long the log."""
    of = engine()
    for hour in range(80):
        then = MORNING + timedelta(hours=hour)
        of.process(AT, log(attendance(f"k{hour}", departed=then), append=then))
    (series,) = of.partitions[AT].series.values()
    assert 27 >= len(series.quarters)
    assert {"24h": 24, "4h": 4, "1h": 1} == counts(of, then + timedelta(minutes=15))


def test_a_window_of_hours_over_a_change_of_memberships_is_split_at_midnight() -> None:
    """Facts before and after local midnight of a change can be rolled up apart."""
    night = at("2026-03-31T23:30")  # 00:30 on 1 April in London
    of, _ = run(
        attendance("a", departed=at("2026-03-31T22:40")),
        attendance("b", departed=at("2026-03-31T23:05")),
        append=night,
    )
    change = day_number(at("2026-04-01").date())
    parts = hours(of, night, (change,))["4h"].parts
    assert ["2026-03-31", "2026-04-01"] == [str(part.start) for part in parts]


instants = st.integers(0, 30 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
versions = st.builds(
    attendance,
    st.sampled_from(["k1", "k2", "k3", "k4", "k5"]),
    departed=instants,
    recorded=st.just(NOW),
    version=st.integers(1, 5),
    retracted=st.sampled_from([False, False, True]),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(versions, max_size=20), st.randoms(use_true_random=False))
def test_hours_equal_a_recount_of_the_newest_versions(events: list[Any], random: Any) -> None:
    """The naive count over newest versions, in any order and doubled."""
    newest = {(e["data"]["attendance_key"], e["data"]["version"]): e for e in events}
    chosen: dict[str, Any] = {}
    for (key, version), event in newest.items():
        if key not in chosen or version > chosen[key]["data"]["version"]:
            chosen[key] = event
    left = [
        datetime.fromisoformat(e["data"]["departed_at"])
        for e in chosen.values()
        if not e["data"]["retracted"]
    ]
    end = at("2026-06-15T08:45")
    expected = {
        name: count
        for name, length in (("1h", 1), ("4h", 4), ("24h", 24))
        if (count := sum(end - timedelta(hours=length) <= one < end for one in left))
    }
    stream = list(newest.values()) * 2
    random.shuffle(stream)
    assert expected == counts(run(*stream, append=NOW)[0])
