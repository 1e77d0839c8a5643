"""Operating theatres: lists with their touch intervals, and single cases."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from streams.engine.calendar import civil_date, local_time
from streams.sources.simulator.episodes import (
    HOUR,
    MINUTE,
    Data,
    Episode,
    Family,
    Step,
    cumulate,
    instant,
    lognormal,
    opaque,
    read,
)
from streams.sources.simulator.trusts import Trust

SESSION, CASE = "theatre.session.recorded.v1", "theatre.case.recorded.v1"

_SPECIALTIES = (("100", 68), ("101", 44), ("110", 88), ("120", 46), ("130", 27), ("502", 55))
"""Treatment function and median touch minutes of a case."""
_SHAPES = (((8, 30), 240), ((13, 30), 240), ((8, 30), 510))
"""Local start and planned minutes: morning, afternoon, all day."""
_SHAPE_WEIGHTS = cumulate((38, 34, 28))
_SATURDAY = 5
_CASE_CANCELLED = 0.045
_LAST_CASE_STARTS_BEFORE_END = 15 * MINUTE
_MOST_CASES = 40


class TheatreList(NamedTuple):
    """One list as it was planned and as it went; touch intervals and cancelled slots in epoch seconds."""

    kind: str
    fate: str
    theatre: str
    specialty: str
    start: int
    end: int
    touches: tuple[tuple[int, int], ...]
    cancelled: tuple[int, ...]

    @property
    def ended(self) -> int:
        """When the list closed."""
        return max(self.touches[-1][1], self.start) + 4 * MINUTE


def _run(
    rng: Random, kind: str, start: int, end: int, median: float
) -> tuple[list[tuple[int, int]], list[int]]:
    """Let a list run: late start, cases with turnover between them, until no further case fits."""
    touches: list[tuple[int, int]] = []
    cancelled: list[int] = []
    slack = rng.gauss(30, 22) * MINUTE
    at = start + max(-8.0, rng.gauss(13, 10)) * MINUTE
    while len(touches) < _MOST_CASES:
        length = max(7.0, lognormal(rng, median, 0.35)) * MINUTE
        fits = at + length <= end + slack and at < end - _LAST_CASE_STARTS_BEFORE_END
        if touches and not fits:
            break
        if touches and rng.random() < _CASE_CANCELLED:
            cancelled.append(int(at))
            at += length * 0.6
            continue
        touches.append((int(at), int(at + length)))
        pause = rng.gauss(8, 6) if kind == "elective" else rng.expovariate(1 / 55)
        at += length + max(-6.0, pause) * MINUTE
    return touches, cancelled


def _list(rng: Random, kind: str, theatre: str, start: int, minutes: int) -> TheatreList:
    specialty, median = rng.choice(_SPECIALTIES) if kind == "elective" else ("110", 75)
    (fate,) = rng.choices(("held", "cancelled", "reallocated"), cum_weights=(92, 98, 100))
    end = start + minutes * MINUTE
    touches, cancelled = _run(rng, kind, start, end, median)
    return TheatreList(
        kind,
        fate if kind == "elective" else "held",
        theatre,
        specialty,
        start,
        end,
        tuple(touches),
        tuple(cancelled),
    )


def plan(trust: Trust, day: int) -> list[TheatreList]:
    """Give the lists of a day; sessions and cases are both told from it."""
    rng = trust.random("theatre_plan", day)
    weekday = civil_date(day).weekday()
    planned = trust.theatres + rng.randint(-2, 2) if weekday < _SATURDAY else rng.randint(0, 7 - weekday)
    lists = []
    for number in range(planned):
        ((hour, minute), minutes) = rng.choices(_SHAPES, cum_weights=_SHAPE_WEIGHTS)[0]
        lists.append(_list(rng, "elective", f"T{number + 1:02}", local_time(day, hour, minute), minutes))
    lists += [
        _list(rng, kind, theatre, local_time(day, 8, 30), 540)
        for kind, theatre in (("emergency", "TE1"), ("trauma", "TT1"))
    ]
    return lists


def _session(trust: Trust, key: str, one: TheatreList) -> Data:
    return {
        "org": trust.code,
        "site": trust.sites[0],
        "session_key": key,
        "theatre": one.theatre,
        "specialty": one.specialty,
        "list_type": one.kind,
        "status": "planned",
        "planned_start": instant(one.start),
        "planned_end": instant(one.end),
    }


def _closed(planned: Data, one: TheatreList) -> Data:
    cases = [{"touch_start": instant(a), "touch_end": instant(b)} for a, b in one.touches]
    return {**planned, "status": "held", "ended_at": instant(one.ended), "cases": cases}


def sessions(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the sessions of a day: planned three days before, held without an end, closed; or cancelled."""
    rng = trust.random("theatre_session", day)
    for one in plan(trust, day):
        key = opaque(rng, "s")
        planned = _session(trust, key, one)
        steps = [Step(one.start - 70 * HOUR + rng.randrange(4 * HOUR), planned)]
        if one.fate == "held":
            steps.append(Step(max(one.touches[0][0], one.start), {**planned, "status": "held"}))
            steps.append(Step(one.ended, _closed(planned, one)))
        else:
            steps.append(Step(one.start - rng.randint(1, 30) * HOUR, {**planned, "status": one.fate}))
        yield Episode(SESSION, key, tuple(steps), correct_session)


def live_session(trust: Trust, rng: Random, now: int) -> Episode:
    """Give an elective half-day list that closes now."""
    one = _list(rng, "elective", f"T{rng.randint(1, trust.theatres):02}", 0, 240)
    shift = (now - one.ended) // MINUTE * MINUTE
    one = one._replace(
        start=one.start + shift,
        end=one.end + shift,
        touches=tuple((a + shift, b + shift) for a, b in one.touches),
    )
    key = opaque(rng, "s")
    data = _closed(_session(trust, key, one), one)
    return Episode(SESSION, key, (Step(now, data),), correct_session)


def correct_session(rng: Random, data: Data) -> Data:
    """Correct a session: the last case ended earlier, or a cancelled list turns out reallocated."""
    if data["status"] != "held":
        return {**data, "status": "cancelled" if data["status"] == "reallocated" else "reallocated"}
    last = data["cases"][-1]
    start, end = read(last["touch_start"]), read(last["touch_end"])
    last = {**last, "touch_end": instant(max(start, end - rng.randint(1, 12) * MINUTE))}
    return {**data, "cases": [*data["cases"][:-1], last]}


def _case(trust: Trust, rng: Random, specialty: str, planned_at: int) -> Data:
    return {
        "org": trust.code,
        "site": trust.sites[0],
        "case_key": opaque(rng, "c"),
        "specialty": specialty,
        "planned_at": instant(planned_at),
    }


_REASONS = (("non_clinical", "clinical", "patient"), cumulate((55, 25, 20)))
_REBOOKED = 0.15


def _cancelled(rng: Random, data: Data, at: int) -> Data:
    return {
        **data,
        "cancelled_at": instant(at),
        "cancellation_reason": rng.choices(_REASONS[0], cum_weights=_REASONS[1])[0],
        "cancelled_on_day": True,
        "rebooked_within_24h": rng.random() < _REBOOKED,
    }


def cases(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the cases of a day's elective lists that were held, at their completion or cancellation."""
    rng = trust.random("theatre_case", day)
    for one in plan(trust, day):
        if one.kind != "elective" or one.fate != "held":
            continue
        slot = (one.end - one.start) // (len(one.touches) + len(one.cancelled))
        for number, (_, ended) in enumerate(one.touches):
            data = _case(trust, rng, one.specialty, one.start + number * slot)
            yield _told(Step(ended, {**data, "completed_at": instant(ended)}))
        for number, at in enumerate(one.cancelled, len(one.touches)):
            data = _case(trust, rng, one.specialty, one.start + number * slot)
            yield _told(Step(at, _cancelled(rng, data, at)))


def _told(step: Step) -> Episode:
    return Episode(CASE, step.data["case_key"], (step,), correct_case)


def live_case(trust: Trust, rng: Random, now: int) -> Episode:
    """Give a case that is completed, or cancelled, now."""
    data = _case(trust, rng, rng.choice(_SPECIALTIES)[0], now - rng.randint(20, 150) * MINUTE)
    if rng.random() < _CASE_CANCELLED:
        return _told(Step(now, _cancelled(rng, data, now)))
    return _told(Step(now, {**data, "completed_at": instant(now)}))


def correct_case(rng: Random, data: Data) -> Data:
    """Correct a case: another reason, or completed a little earlier."""
    if "cancelled_at" in data:
        others = [one for one in _REASONS[0] if one != data["cancellation_reason"]]
        return {**data, "cancellation_reason": rng.choice(others)}
    return {**data, "completed_at": instant(read(data["completed_at"]) - rng.randint(1, 9) * MINUTE)}


_WORKING_HOURS = (0.05,) * 9 + (0.6,) * 2 + (1.0,) * 8 + (0.2,) * 5
FAMILIES = (
    Family(
        "theatre_session",
        sessions,
        live_session,
        lambda trust: trust.theatres * 1.0,
        before_days=3,
        after_days=1,
        hours=_WORKING_HOURS,
    ),
    Family(
        "theatre_case",
        cases,
        live_case,
        lambda trust: trust.theatres * 4.0,
        before_days=1,
        after_days=1,
        hours=_WORKING_HOURS,
    ),
)
