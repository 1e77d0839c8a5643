"""A mix of all families as publishers send them: mostly attendances, and some of everything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, time, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from streams.bench.workload import Message, Sent, Workload, attendance, disturbed, occurrences
from streams.sources.events import event, instant

_LONDON = ZoneInfo("Europe/London")
_HOUR = timedelta(hours=1)
_SEVEN = time(7)

Data = dict[str, Any]
Made = tuple[str, str, Data]
"""Suffix of the event type, the publisher's system, the record."""
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
