"""What tests of saved state share: a random log of every kind of record, and a state to compare."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from making import AT, MORNING, attendance, made, report

from schemas.outputs import Position, Total, decode_total, encode_total, total_key
from streams.commands.replay import FileRecord
from streams.engine import Engine
from streams.engine.held import unpack
from streams.engine.panes import Pane, Series
from streams.engine.partition import Partition
from streams.engine.snapshots import Snapshotter

SETTINGS = {"horizon_days": 3, "open_days": 9, "planned_days": 5}
"""Small, so that short logs see days close and hashes forgotten."""

_ago = st.one_of(st.none(), st.integers(0, 6 * 1440))
_person = {"version": st.integers(1, 3), "retracted": st.sampled_from([False, False, True])}


def _attendance(ago: int | None, key: str, source: str, synthetic: bool, fields: dict[str, Any]) -> Any:
    def build(now: Any) -> Any:
        departed = None if ago is None else now - timedelta(minutes=ago)
        return attendance(key, departed=departed, recorded=now, source=source, synthetic=synthetic, **fields)

    return build


_SOURCES = st.sampled_from(["/ods/RJ1/pas", "/ods/RYJ/pas"])
_attendances = st.builds(
    _attendance,
    _ago,
    st.sampled_from(["a1", "a2", "a3"]),
    _SOURCES,
    st.booleans(),
    st.fixed_dictionaries(
        _person
        | {
            "imd_quintile": st.sampled_from([None, 1, 5]),
            "sex": st.sampled_from([None, None, "female", "male"]),
            "department_type": st.sampled_from([1, 5]),
        },
        optional={"site": st.sampled_from(["RJ100", "RJ122"])},
    ),
)


def _handover(ago: int, minutes: int, key: str, fields: dict[str, Any]) -> Any:
    def build(now: Any) -> Any:
        arrived = now - timedelta(minutes=ago)
        data = {"handover_key": key, "arrived_at": arrived.isoformat(), **fields}
        if minutes <= ago:
            data["handover_at"] = (arrived + timedelta(minutes=minutes)).isoformat()
        return made("ambulance.handover.recorded.v1", data, recorded=now)

    return build


_handovers = st.builds(
    _handover,
    st.integers(0, 5 * 1440),
    st.integers(0, 300),
    st.sampled_from(["h1", "h2"]),
    st.fixed_dictionaries(_person),
)


def _beds(days: int, minute: int, occupied: int, group: str, fields: dict[str, Any]) -> Any:
    def build(now: Any) -> Any:
        morning = now.replace(hour=6, minute=minute) - timedelta(days=days)  # 07:00 to 07:59 in London
        as_at = min(morning, now).isoformat()
        data = {
            "as_at": as_at,
            "bed_group": group,
            "open_core": 9,
            "open_escalation": 0,
            "occupied": occupied,
        }
        return made("bed.state.observed.v1", data | fields, recorded=now)

    return build


def _department(hours: int, patients: int, fields: dict[str, Any]) -> Any:
    def build(now: Any) -> Any:
        as_at = (now - timedelta(hours=hours)).isoformat()
        data = {"as_at": as_at, "in_department": patients, "over_4h": 0, "over_12h": 0}
        return made("ed.state.observed.v1", data | fields, recorded=now)

    return build


_departments = st.builds(
    _department, st.sampled_from([0, 1, 24, 30]), st.integers(0, 9), st.fixed_dictionaries(_person)
)
_states = st.builds(
    _beds,
    st.integers(0, 5),
    st.integers(0, 59),
    st.integers(0, 9),
    st.sampled_from(["adult_general_acute", "paediatric_general_acute"]),
    st.fixed_dictionaries(_person),
)


def _case(ahead: int, fields: dict[str, Any]) -> Any:
    def build(now: Any) -> Any:
        planned = (now + timedelta(days=ahead)).isoformat()
        return made(
            "theatre.case.recorded.v1", {"case_key": "c1", "planned_at": planned} | fields, recorded=now
        )

    return build


_cases = st.builds(_case, st.integers(-4, 6), st.fixed_dictionaries(_person))


def _report(start: tuple[str, str], amount: int, fields: dict[str, Any]) -> Any:
    def build(now: Any) -> Any:
        strata = [{"dimension": "sex", "value": "female", "numerator": amount, "denominator": amount}]
        return report(
            start=start[0],
            end=start[1],
            numerator=amount,
            denominator=amount,
            strata=strata,
            recorded=now,
            **fields,
        )

    return build


_reports = st.builds(
    _report,
    st.sampled_from(
        [("2026-04-01", "2026-05-01"), ("2026-05-01", "2026-06-01"), ("2026-05-02", "2026-06-01")]
    ),
    st.sampled_from([0, 7, 10**15]),
    st.fixed_dictionaries(_person),
)

_gaps = st.sampled_from([0, 0, 1, 30, 120, 1440, 3 * 1440])
_taken = st.one_of(_attendances, _attendances, _handovers, _states, _departments, _cases, _reports)


def _log(entries: list[tuple[int, Any]]) -> list[FileRecord]:
    now, records = MORNING, []
    for number, (gap, build) in enumerate(entries):
        now += timedelta(minutes=gap)
        value = json_bytes(build(now))
        records.append(FileRecord(number, int(now.timestamp() * 1000), value))
    return records


def json_bytes(event: Any) -> bytes:
    """Write an event."""
    return json.dumps(event).encode()


LOGS = st.lists(st.tuples(_gaps, _taken), min_size=1, max_size=40).map(_log)
"""Records of every kind with corrections, late ones and refused ones, over days."""


def through_topic(totals: list[Total]) -> list[Total]:
    """Give what a compacted topic holds of records in the order written."""
    kept = {total_key(one): encode_total(one) for one in totals}
    return [decode_total(value) for value in kept.values() if value is not None]


def _spread(series: Series) -> dict[int, Pane]:
    series.spread()
    return series.panes


def state(partition: Partition) -> dict[str, Any]:
    """Give everything that a partition knows, in an order of its own."""
    closing: dict[int, set[str]] = {}
    every = {identity: unpack(packed) for identity, packed in partition.held.items()}
    for identity, held in every.items():
        closing.setdefault(held.closes, set()).add(identity)
    kept = {day: closing[day] & set(found) for day, found in partition._closing.items() if day in closing}
    return {
        "held": {
            identity: (one.version, one.closes, partition._content(one)) for identity, one in every.items()
        },
        "closing": (closing, kept),
        "censuses": partition.censuses,
        "closing_censuses": {day: set(keys) for day, keys in partition._closing_censuses.items() if keys},
        "made": {
            tuple(key): (
                one.explicit,
                _spread(one),
                one.quarters,
                one.as_at_ms,
                one.restated_ms,
                one.totals,
                one.histograms,
                one.open,
                one.opened_ms,
                {kind: states for kind, states in one.states.items() if states},
            )
            for key, one in partition._made.items()
            if one.as_at_ms or one.totals or key in partition.series
        },
        "shown": set(partition.series),
        "organisations": {org: set(found) for org, found in partition.organisations.items() if found},
        "sources": {
            name: (
                one.misrouted,
                one.official,
                one.last_append_ms,
                one.series,
                {
                    of: (stream.last_append_ms, stream.newest, stream.orgs)
                    for of, stream in one.streams.items()
                },
            )
            for name, one in partition.sources.items()
        },
        "clocks": (
            partition.first_append_ms,
            partition.append_ms,
            partition.today,
            partition.next_offset,
            partition.covered_from,
            partition.closed_through,
            partition._recent_from,
        ),
        "closed": partition._closed,
        "forgetting": {day: Counter(found) for day, found in partition._forgetting.items() if found},
        "forgotten": partition._forgotten,
        "latest": partition._latest,
        "reporting": {of: orgs for of, orgs in partition._reporting.items() if orgs},
    }


def snapshots(of: Engine, tick_ms: int) -> Any:
    """Give every current window of every organisation."""
    position = Position(*AT[:1], "t", AT[1], 0, tick_ms)
    found = Snapshotter(of).current(AT, sorted(of.partitions[AT].organisations), position)
    return [(one.org, one.coverage_start, sorted(map(repr, map(_ordered, one.series)))) for one in found]


def _ordered(series: Any) -> Any:
    for window in series.windows:
        for part in window.parts:
            part.cells.sort(key=repr)
    return series
