"""What must come of a mix of all families: the newest versions, read with the standard library.

Shares no code with the engine, as `streams.bench.oracle`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from streams.bench.sums import Sums

_LONDON = ZoneInfo("Europe/London")
_FOUR_HOURS, _LATE_HANDOVER = timedelta(hours=4), timedelta(minutes=45)
_FIVE_PM = time(17)

Data = dict[str, Any]
Counted = tuple[date, tuple[int, ...]]
"""A local day, and what is counted on it."""


def expected_of_mix(values: Iterable[bytes]) -> Sums:
    """Recompute a few facts of every family from nothing: `stream/org/day` to facts that are not zero.

    Args:
        values: structured CloudEvents in any order, each of them of an episode that has ended.
    """
    newest: dict[tuple[Any, ...], tuple[_Known, Data]] = {}
    for value in values:
        one = json.loads(value)
        known, data = KNOWN[one["type"].removeprefix("uk.nhs.oversight.")], one["data"]
        identity = (one["source"], known.stream, *(data[name] for name in known.identity))
        held = newest.get(identity)
        if held is None or data["version"] > held[1]["version"]:
            newest[identity] = known, data
    censuses: dict[tuple[str, date], str] = {}
    for known, data in newest.values():
        if known.reduce is _of_beds:
            of = data["org"], _day(data["as_at"])
            censuses[of] = max(data["as_at"], censuses.get(of, ""))
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for known, data in newest.values():
        day, facts = known.reduce(data)
        if known.reduce is not _of_beds or censuses[data["org"], day] == data["as_at"]:
            sums[f"{known.stream}/{data['org']}/{day}"].update(dict(zip(known.facts, facts, strict=True)))
    found = {place: {fact: int(n) for fact, n in facts.items() if n} for place, facts in sums.items()}
    return {place: facts for place, facts in found.items() if facts}


def _of_attendance(data: Data) -> Counted:
    departed, arrived = _at(data["departed_at"]), _at(data["arrived_at"])
    same_day_care = data["department_type"] == 5  # noqa: PLR2004 - outside the four-hour standard
    within = departed - arrived <= _FOUR_HOURS and not same_day_care
    return _day(data["departed_at"]), (not same_day_care, within, same_day_care)


def _of_handover(data: Data) -> Counted:
    took = _at(data["handover_at"]) - _at(data["arrived_at"])
    return _day(data["handover_at"]), (1, took > _LATE_HANDOVER)


def _of_spell(data: Data) -> Counted:
    day = _day(data["discharged_at"])
    delay = (day - date.fromisoformat(data["discharge_ready_date"])).days
    return day, (1, _at(data["discharged_at"]).astimezone(_LONDON).time() <= _FIVE_PM, delay)


def _of_session(data: Data) -> Counted:
    planned = _at(data["planned_end"]) - _at(data["planned_start"])
    touched = sum((_at(one["touch_end"]) - _at(one["touch_start"]) for one in data["cases"]), timedelta())
    seconds = timedelta(seconds=1)
    return _day(data["planned_start"]), (1, planned // seconds, touched // seconds)


def _of_case(data: Data) -> Counted:
    completed = "completed_at" in data
    return _day(data["planned_at"]), (completed, not completed)


def _of_beds(data: Data) -> Counted:
    return _day(data["as_at"]), (1, data["occupied"])


def _of_finance(data: Data) -> Counted:
    start = date.fromisoformat(data["period_start"])
    return start, (1, data["numerator"] * 1_000_000, data["denominator"] * 1_000_000)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _day(text: str) -> date:
    return _at(text).astimezone(_LONDON).date()


class _Known(NamedTuple):
    """What the oracle knows of a family.

    Attributes:
        stream: as the engine calls it.
        identity: the fields that identify a record within its source.
        facts: names of what is counted.
        reduce: gives day and facts of a record.
    """

    stream: str
    identity: tuple[str, ...]
    facts: tuple[str, ...]
    reduce: Callable[[Data], Counted]


KNOWN = {
    "ed.attendance.recorded.v1": _Known(
        "ed_attendance", ("attendance_key",), ("attended", "within_4h", "attended_type5"), _of_attendance
    ),
    "ambulance.handover.recorded.v1": _Known(
        "ambulance_handover", ("handover_key",), ("handovers", "over_45m"), _of_handover
    ),
    "spell.recorded.v1": _Known(
        "spell", ("spell_key",), ("discharges", "before_17", "delay_days"), _of_spell
    ),
    "theatre.session.recorded.v1": _Known(
        "theatre_session",
        ("session_key",),
        ("held_sessions", "planned_seconds", "uncapped_sum_seconds"),
        _of_session,
    ),
    "theatre.case.recorded.v1": _Known(
        "theatre_case", ("case_key",), ("completed", "cancelled_on_day_non_clinical"), _of_case
    ),
    "bed.state.observed.v1": _Known("bed_state", ("org", "as_at"), ("censuses", "occupied"), _of_beds),
    "measure.reported.v1": _Known(
        "measure:finance_variance",
        ("org", "period_start"),
        ("reports", "numerator_e6", "denominator_e6"),
        _of_finance,
    ),
}
"""Suffix of the event type to what the oracle knows of it."""
