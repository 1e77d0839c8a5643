"""Random logs for property tests: records of every family, told early, late, twice, corrected, withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from making import attendance, made, report

BEGIN = datetime(2026, 3, 24, 21, 0, tzinfo=UTC)
"""Five days before the clocks go forward, and a week before twelve ICBs are abolished."""
SOURCES = ("/ods/RJ1/pas", "/ods/RDU/pas", "/ods/RYJ/pas")
"""Two of one region, one of which changes its ICB in that time, and one more."""
SITES = ("RJ122", "RJ101", None)

_quarters = st.integers(0, 4 * 24 * 12).map(lambda number: timedelta(minutes=15 * number))
_gaps = st.one_of(
    st.just(timedelta(0)),
    st.integers(0, 240).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(1, 40).map(lambda hours: timedelta(hours=hours)),
    st.sampled_from([timedelta(days=9), timedelta(days=30)]),
)
_versions = st.integers(1, 4)
_withdrawn = st.sampled_from([False, False, False, True])


@st.composite
def _attendance(draw: Any, now: datetime) -> dict[str, Any]:
    ago = draw(st.one_of(st.integers(-4, 300), st.integers(0, 12 * 24 * 60)))
    told = attendance(
        draw(st.sampled_from([f"k{number}" for number in range(1, 10)])),
        departed=draw(st.sampled_from([now - timedelta(minutes=ago), now - timedelta(minutes=ago), None])),
        minutes=draw(st.sampled_from([60, 239, 241, 900])),
        recorded=now,
        source=draw(st.sampled_from(SOURCES)),
        site=draw(st.sampled_from(SITES)),
        synthetic=draw(st.sampled_from([False, False, True])),
        version=draw(_versions),
        retracted=draw(_withdrawn),
        imd_quintile=draw(st.sampled_from([None, 1, 5])),
        department_type=draw(st.sampled_from([1, 3, 5])),
    )
    if "departed_at" not in told["data"]:
        told["time"] = told["data"]["arrived_at"] = (now - timedelta(hours=1)).isoformat()
    return told


@st.composite
def _session(draw: Any, now: datetime) -> dict[str, Any]:
    start = now + timedelta(minutes=draw(st.integers(-3000, 3000)))
    held = draw(st.booleans()) and start < now
    cases = [{"touch_start": start.isoformat(), "touch_end": (start + timedelta(hours=2)).isoformat()}]
    data = {
        "session_key": draw(st.sampled_from(["s1", "s2"])),
        "list_type": draw(st.sampled_from(["elective", "elective", "trauma"])),
        "status": "held" if held else draw(st.sampled_from(["cancelled", "planned"])),
        "planned_start": start.isoformat(),
        "planned_end": (start + timedelta(hours=4)).isoformat(),
        "version": draw(_versions),
        "retracted": draw(_withdrawn),
    }
    if held:
        data |= {"cases": cases, "ended_at": now.isoformat()}
    return made("theatre.session.recorded.v1", data, recorded=now, source=draw(st.sampled_from(SOURCES)))


@st.composite
def _beds(draw: Any, now: datetime) -> dict[str, Any]:
    as_at = now - timedelta(days=draw(st.integers(0, 3)), minutes=draw(st.integers(0, 90)))
    if draw(st.booleans()):
        as_at = min(now, as_at.replace(hour=7, minute=draw(st.sampled_from([10, 40]))))
    occupied = draw(st.integers(20, 40))
    data = {
        "as_at": as_at.isoformat(),
        "bed_group": "adult_general_acute",
        "open_core": 40,
        "open_escalation": 2,
        "occupied": occupied,
        "no_criteria_to_reside": draw(st.sampled_from([None, 4])),
        "site": draw(st.sampled_from(SITES)),
        "version": draw(_versions),
        "retracted": draw(_withdrawn),
    }
    return made("bed.state.observed.v1", data, recorded=now, source=draw(st.sampled_from(SOURCES)))


@st.composite
def _return(draw: Any, now: datetime) -> dict[str, Any]:
    start, end = draw(
        st.sampled_from(
            [("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-04-01")]
        )
    )
    strata = [
        {"dimension": "imd_quintile", "value": value, "numerator": draw(st.integers(0, 4)), "denominator": 8}
        for value in draw(st.sampled_from([(), ("1", "5"), ("1",)]))
    ]
    return report(
        start=start,
        end=end,
        recorded=now,
        source=draw(st.sampled_from(SOURCES)),
        numerator=draw(st.integers(0, 9)),
        denominator=draw(st.integers(0, 20)),
        strata=strata,
        version=draw(_versions),
        retracted=draw(_withdrawn),
    )


ANY = (_attendance, _attendance, _attendance, _session, _beds, _return)
ATTENDANCES = (_attendance,)


@st.composite
def logs(
    draw: Any, *, least: int = 1, most: int = 30, kinds: tuple[Any, ...] = ANY, dense: bool = False
) -> list[dict[str, Any]]:
    """Give events in the order in which they were told; `recordedtime` is when, and never goes back.

    A dense log is told within some days, so that windows of before and after have much in common.
    """
    now = BEGIN + draw(_quarters)
    gaps = st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes)) if dense else _gaps
    events = []
    for _ in range(draw(st.integers(least, most))):
        now += draw(gaps)
        kind = draw(st.sampled_from(kinds))
        events.append(draw(kind(now)))
    return events


@st.composite
def moments(draw: Any, events: list[dict[str, Any]], count: int) -> list[datetime]:
    """Give moments in order: just after a record, or somewhat later."""
    told = [datetime.fromisoformat(one["recordedtime"]) for one in events]
    later = [timedelta(0), timedelta(seconds=1), timedelta(minutes=20), timedelta(hours=9), timedelta(days=2)]
    return sorted(draw(st.sampled_from(told)) + draw(st.sampled_from(later)) for _ in range(count))
