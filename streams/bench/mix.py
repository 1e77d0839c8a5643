"""A mix of all families as publishers send them, and what must come of it, worked out by other means.

The oracle reads the JSON of the newest versions with the standard library and shares no code with the engine.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from streams.bench.oracle import Sums
from streams.bench.workload import Message, Sent, Workload, attendance, disturbed, occurrences
from streams.sources.events import event, instant

_LONDON = ZoneInfo("Europe/London")
_HOUR = timedelta(hours=1)
_SEVEN, _FIVE_PM = time(7), time(17)
_LATE_HANDOVER = timedelta(minutes=45)

Data = dict[str, Any]
Made = tuple[str, str, Data]
"""Suffix of the event type, the publisher's system, the record."""
Counted = tuple[date, tuple[int, ...]]
"""A local day, and what is counted on it."""
_Maker = Callable[[random.Random, str, str, datetime], Made]
"""From draws, organisation, key and time to a record."""


def _handover(rng: random.Random, _org: str, key: str, at: datetime) -> Made:
    arrived = at - timedelta(minutes=rng.randint(5, 120))
    data = {"handover_key": key, "arrived_at": instant(arrived), "handover_at": instant(at)}
    return "ambulance.handover.recorded.v1", "cad", data


def _spell(rng: random.Random, _org: str, key: str, at: datetime) -> Made:
    nights, delay = rng.randint(1, 20), rng.choice((0, 0, 0, 1, 3, 8))
    ready = at.astimezone(_LONDON).date() - timedelta(days=min(delay, nights))
    data = {
        "spell_key": key,
        "admitted_at": instant(at - timedelta(days=nights)),
        "discharge_ready_date": str(ready),
        "discharged_at": instant(at),
        "pathway": rng.randrange(4),
        "imd_quintile": rng.randint(1, 5),
    }
    return "spell.recorded.v1", "pas", data


def _session(rng: random.Random, _org: str, key: str, at: datetime) -> Made:
    start = at - 5 * _HOUR
    touches, begin = [], start + timedelta(minutes=rng.randint(-10, 30))
    for _ in range(3):
        end = begin + timedelta(minutes=rng.randint(30, 80))
        touches.append({"touch_start": instant(begin), "touch_end": instant(end)})
        begin = end + timedelta(minutes=rng.randint(-5, 20))
    data = {
        "session_key": key,
        "list_type": "elective",
        "status": "held",
        "planned_start": instant(start),
        "planned_end": instant(start + 4 * _HOUR),
        "ended_at": instant(at),
        "cases": touches,
    }
    return "theatre.session.recorded.v1", "theatres", data


def _case(rng: random.Random, _org: str, key: str, at: datetime) -> Made:
    data: Data = {"case_key": key, "planned_at": instant(at - 2 * _HOUR)}
    if rng.random() < 1 / 12:
        reason = {"cancellation_reason": "non_clinical", "cancelled_on_day": True}
        return "theatre.case.recorded.v1", "theatres", data | {"cancelled_at": instant(at)} | reason
    return "theatre.case.recorded.v1", "theatres", data | {"completed_at": instant(at)}


def _beds(rng: random.Random, _org: str, _key: str, at: datetime) -> Made:
    day = at.astimezone(_LONDON).date() - timedelta(days=1)
    as_at = datetime.combine(day, _SEVEN, _LONDON) + timedelta(minutes=rng.randint(1, 60))
    occupied = rng.randint(300, 600)
    data = {
        "as_at": instant(as_at),
        "bed_group": "adult_general_acute",
        "open_core": 600,
        "open_escalation": rng.randint(0, 40),
        "occupied": occupied,
        "no_criteria_to_reside": rng.randint(0, occupied // 5),
    }
    return "bed.state.observed.v1", "beds", data


def _finance(rng: random.Random, _org: str, _key: str, at: datetime) -> Made:
    end = at.date().replace(day=1)
    data = {
        "measure": "finance_variance",
        "period_start": str((end - timedelta(days=1)).replace(day=1)),
        "period_end": str(end),
        "numerator": rng.randint(-5_000, 5_000),
        "denominator": rng.randint(10_000, 90_000),
    }
    return "measure.reported.v1", "finance", data


def _attendance(rng: random.Random, org: str, key: str, at: datetime) -> Made:
    data = attendance(rng, org, key, at)
    del data["version"]
    return "ed.attendance.recorded.v1", "ed", data


_SHARES: dict[_Maker, int] = {
    _attendance: 70,
    _handover: 12,
    _spell: 7,
    _case: 5,
    _session: 3,
    _beds: 2,
    _finance: 1,
}
"""Family to its share of the records, per cent."""
_STANDING = (_beds, _finance)
"""Families whose identity is a day or a period: each record is a version of its own."""


def mixed(workload: Workload, until: datetime) -> list[Message]:
    """Give the messages of a workload over all families, in the order of sending.

    Args:
        workload: as in `workload.messages`; a correction is another content under version 2.
        until: the last is sent before it.
    """
    rng = random.Random(workload.seed)  # noqa: S311 - made-up records
    makers, weights = list(_SHARES), list(accumulate(_SHARES.values()))
    drawn: list[tuple[_Maker, str, datetime]] = []

    def make(number: int, version: int) -> Message:
        maker, org, at = drawn[number]
        suffix, system, data = maker(rng, org, f"k{number:07d}", at)
        version = 2 * number + version if maker in _STANDING else version
        made = event(
            suffix,
            source=f"/ods/{org}/{system}",
            identifier=f"{number}-{version}",
            time=at,
            recorded=at,  # a later version too: it replaces the whole record
            data={"org": org, "version": version} | data,
        )
        return Message(org.encode(), msgspec.json.encode(made))

    def correct(original: Sent) -> tuple[datetime, Message]:
        later = min(until, original.at + timedelta(minutes=rng.randint(10, 3 * 1440)))
        return later, make(original.number, 2)

    sent = []
    for number, org, at in occurrences(workload, rng, until):
        (maker,) = rng.choices(makers, cum_weights=weights)
        drawn.append((maker, org, at))
        sent.append(Sent(at, number, make(number, 1)))
    return disturbed(workload, rng, sent, correct, until)


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
    within = departed - arrived <= 4 * _HOUR and not same_day_care
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
