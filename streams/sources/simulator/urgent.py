"""The emergency department and its ambulances: attendances, handovers, responses, and its own count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from streams.engine.calendar import civil_date, local_day, midnight, utc
from streams.sources.simulator.episodes import (
    AGES_ED,
    HOUR,
    MINUTE,
    Data,
    Episode,
    Family,
    Step,
    count_around,
    cumulate,
    instant,
    lognormal,
    moment,
    opaque,
    person,
    read,
)
from streams.sources.simulator.trusts import Trust

ATTENDANCE, HANDOVER = "ed.attendance.recorded.v1", "ambulance.handover.recorded.v1"
RESPONSE = "ambulance.response.recorded.v1"
STATE = "ed.state.observed.v1"

_HOURS = (26, 20, 17, 15, 14, 15, 20, 31, 50, 66, 74, 75, 72, 70, 68, 67, 68, 69, 68, 64, 58, 50, 41, 33)
_ARRIVALS = cumulate(_HOURS)
_WEEKDAY = (1.10, 1.02, 0.99, 0.98, 0.98, 0.95, 0.98)
"""Mondays are the busiest."""
_DEPARTMENTS = ((1, 2, 3, 5), cumulate((62, 2, 33, 3)))
_BY_QUINTILE = {None: 1.0, 1: 1.10, 2: 1.04, 3: 1.0, 4: 0.97, 5: 0.94}
"""The more deprived the home area the longer the stay: a gap that the boards must show."""
_LONGEST_STAY = 40 * HOUR
_EVENING = 16
_ADMITTED_OF_MAJOR, _ADMITTED_OF_SAME_DAY = 0.30, 0.08
_LEFT, _TRANSFERRED, _DIED = 0.05, 0.07, 0.072


def _attendance(trust: Trust, rng: Random, at: int, *, departs: bool) -> tuple[Data, int, int]:
    """Draw one attendance that arrives, or departs, at a second: the record, arrival and departure."""
    (department,) = rng.choices(_DEPARTMENTS[0], cum_weights=_DEPARTMENTS[1])
    strata = person(trust, rng, AGES_ED)
    share = {1: _ADMITTED_OF_MAJOR, 5: _ADMITTED_OF_SAME_DAY}.get(department, 0.01)
    admitted = rng.random() < share
    factor = trust.slowness * _BY_QUINTILE[strata.get("imd_quintile")]
    if (at - midnight(local_day(at))) // HOUR >= _EVENING:
        factor *= 1.08
    if department == 1:
        minutes = lognormal(rng, 600, 0.8) if admitted else lognormal(rng, 146, 0.6)
    else:
        minutes = lognormal(rng, 95, 0.5)
    stay = max(4 * MINUTE, min(int(minutes * MINUTE * factor), _LONGEST_STAY))
    arrived = at - stay if departs else at
    departed = arrived + stay
    data: Data = {
        "org": trust.code,
        "site": trust.sites[0 if department in (1, 5) else 1],
        "attendance_key": opaque(rng, "a"),
        "department_type": department,
        "arrived_at": instant(arrived),
        **strata,
    }
    chance = rng.random()
    left = not admitted and chance < _LEFT
    if not left:
        wait = int(rng.expovariate(1 / (70 * MINUTE))) + 3 * MINUTE
        data["treatment_started_at"] = instant(arrived + min(wait, stay // 2))
    if admitted:
        decided = int(stay * rng.uniform(0.3, 0.7))
        data["referred_at"] = instant(arrived + decided * 3 // 4)
        data["decision_to_admit_at"] = instant(arrived + decided)
    data["departed_at"] = instant(departed)
    data["outcome"] = (
        "admitted"
        if admitted
        else "left"
        if left
        else "transferred"
        if chance < _TRANSFERRED
        else "died"
        if chance < _DIED
        else "discharged"
    )
    return data, arrived, departed


_KNOWN_LATER = ("treatment_started_at", "referred_at", "decision_to_admit_at", "departed_at", "outcome")
_KNOWN_AT_REFERRAL = _KNOWN_LATER[2:]


def attendances(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the attendances that arrive on a day: at arrival, at a referral, then whole."""
    rng = trust.random("ed_attendance", day)
    mean = trust.attendances * _WEEKDAY[civil_date(day).weekday()]
    for _ in range(count_around(rng, mean)):
        data, arrived, departed = _attendance(trust, rng, moment(rng, day, _ARRIVALS), departs=False)
        steps = [Step(arrived, _without(data, _KNOWN_LATER))]
        if "referred_at" in data:
            known = _without(data, _KNOWN_AT_REFERRAL)
            referred = read(data["referred_at"])
            if "treatment_started_at" in known and read(known["treatment_started_at"]) > referred:
                del known["treatment_started_at"]
            steps.append(Step(referred, known))
        steps.append(Step(departed, data))
        yield Episode(ATTENDANCE, data["attendance_key"], tuple(steps), correct_attendance)


def _without(data: Data, names: Sequence[str]) -> Data:
    return {name: value for name, value in data.items() if name not in names}


def live_attendance(trust: Trust, rng: Random, now: int) -> Episode:
    """Give an attendance that departs now."""
    data, _, departed = _attendance(trust, rng, now, departs=True)
    return Episode(ATTENDANCE, data["attendance_key"], (Step(departed, data),), correct_attendance)


_BEFORE_DEPARTURE = ("arrived_at", "treatment_started_at", "referred_at", "decision_to_admit_at")


def correct_attendance(rng: Random, data: Data) -> Data:
    """Correct an attendance: it ended earlier than was written down, or a quintile becomes known."""
    if "imd_quintile" not in data:
        return {**data, "imd_quintile": rng.randint(1, 5)}
    last = max(read(data[name]) for name in _BEFORE_DEPARTURE if name in data)
    room = read(data["departed_at"]) - last
    earlier = min(room, rng.randint(1, 45) * MINUTE)
    return {**data, "departed_at": instant(read(data["departed_at"]) - earlier)}


def _handover(trust: Trust, rng: Random, at: int, *, ends: bool) -> tuple[Data, int, int]:
    took = int(min(max(lognormal(rng, trust.handover_minutes, 0.5), 3), 300) * MINUTE)
    arrived = at - took if ends else at
    data: Data = {
        "org": trust.code,
        "site": trust.sites[0],
        "handover_key": opaque(rng, "h"),
        "ambulance_trust": trust.ambulance,
        "arrived_at": instant(arrived),
        "handover_at": instant(arrived + took),
    }
    return data, arrived, arrived + took


def handovers(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the ambulances that arrive on a day: waiting, handed over, cleared."""
    rng = trust.random("ambulance_handover", day)
    for _ in range(count_around(rng, trust.handovers)):
        data, arrived, ended = _handover(trust, rng, moment(rng, day, _ARRIVALS), ends=False)
        cleared = ended + rng.randint(6, 22) * MINUTE
        waiting = {name: value for name, value in data.items() if name != "handover_at"}
        steps = (
            Step(arrived, waiting),
            Step(ended, data),
            Step(cleared, {**data, "cleared_at": instant(cleared)}),
        )
        yield Episode(HANDOVER, data["handover_key"], steps, correct_handover)


def live_handover(trust: Trust, rng: Random, now: int) -> Episode:
    """Give a handover that is complete now."""
    data, _, ended = _handover(trust, rng, now, ends=True)
    return Episode(HANDOVER, data["handover_key"], (Step(ended, data),), correct_handover)


def correct_handover(rng: Random, data: Data) -> Data:
    """Correct a handover: it was complete earlier than was written down."""
    room = read(data["handover_at"]) - read(data["arrived_at"])
    earlier = min(room, rng.randint(1, 15) * MINUTE)
    return {**data, "handover_at": instant(read(data["handover_at"]) - earlier)}


_CATEGORIES = ((1, 2, 3, 4), cumulate((11, 64, 23, 2)))
_MEDIAN_MINUTES = {1: 7.5, 2: 27, 3: 95, 4: 125}
_RESPONSES_A_HANDOVER = 2.0
"""Of one hospital: a service brings patients to several, and treats many where they are."""


def _response(trust: Trust, rng: Random, at: int, *, ends: bool) -> tuple[Data, int, int]:
    (category,) = rng.choices(_CATEGORIES[0], cum_weights=_CATEGORIES[1])
    took = int(min(max(lognormal(rng, _MEDIAN_MINUTES[category], 0.6), 1), 600) * MINUTE)
    began = at - took if ends else at
    data: Data = {
        "org": trust.ambulance,
        "response_key": opaque(rng, "r"),
        "category": category,
        "clock_start": instant(began),
        "arrived_at": instant(began + took),
    }
    return data, began, began + took


def responses(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the responses of a trust's ambulance service, by the day the clock started."""
    rng = trust.random("ambulance_response", day)
    for _ in range(count_around(rng, trust.handovers * _RESPONSES_A_HANDOVER)):
        data, began, arrived = _response(trust, rng, moment(rng, day, _ARRIVALS), ends=False)
        under_way = {name: value for name, value in data.items() if name != "arrived_at"}
        steps = (Step(began, under_way), Step(arrived, data))
        yield Episode(RESPONSE, data["response_key"], steps, correct_response)


def live_response(trust: Trust, rng: Random, now: int) -> Episode:
    """Give a response that arrives now."""
    data, _, arrived = _response(trust, rng, now, ends=True)
    return Episode(RESPONSE, data["response_key"], (Step(arrived, data),), correct_response)


def correct_response(rng: Random, data: Data) -> Data:
    """Correct a response: the vehicle arrived earlier than was written down."""
    room = read(data["arrived_at"]) - read(data["clock_start"])
    earlier = min(room, rng.randint(1, 5) * MINUTE)
    return {**data, "arrived_at": instant(read(data["arrived_at"]) - earlier)}


_IN_DEPARTMENT = tuple(sum(_HOURS[hour - back] for back in range(4)) / sum(_HOURS) for hour in range(24))
"""Share of a day's patients who are in the department in each hour, staying four hours."""


def department(trust: Trust, at: int) -> Data:
    """Give the department at a second as it counts itself: by the hour of the day, and noise.

    Its own count, and so not the same as that of the attendances.
    """
    rng = trust.random("ed_state", at)
    hour = (at - midnight(local_day(at))) // HOUR % 24
    patients = max(
        1, round(trust.attendances * trust.slowness * _IN_DEPARTMENT[hour] * rng.gauss(1.05, 0.05))
    )
    over_4h = round(patients * rng.uniform(0.22, 0.38))
    spaces, resus = round(trust.attendances * 0.08), 6
    return {
        "org": trust.code,
        "site": trust.sites[0],
        "as_at": instant(at),
        "in_department": patients,
        "over_4h": over_4h,
        "over_12h": round(over_4h * rng.uniform(0.15, 0.35)),
        "referred_waiting": round(patients * rng.uniform(0.12, 0.22)),
        "majors_spaces": spaces,
        "majors_occupied": round(min(patients * 0.5, spaces * 1.3)),
        "resus_spaces": resus,
        "resus_occupied": rng.randint(2, resus),
    }


def states(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the department's counts of a day, every quarter of an hour."""
    for at in range(midnight(day), midnight(day + 1), 15 * MINUTE):
        yield _counted(trust, at, f"e{utc(at):%Y%m%dT%H%M%S}")


def live_state(trust: Trust, rng: Random, now: int) -> Episode:
    """Give the department's count now."""
    return _counted(trust, now, opaque(rng, "e"))


def _counted(trust: Trust, at: int, key: str) -> Episode:
    return Episode(STATE, key, (Step(at, department(trust, at)),), correct_state)


def correct_state(_rng: Random, data: Data) -> Data:
    """Correct a count: two patients more were in the department."""
    return {**data, "in_department": data["in_department"] + 2}


FAMILIES = (
    Family("ed_attendance", attendances, live_attendance, lambda trust: trust.attendances, after_days=2),
    Family("ambulance_handover", handovers, live_handover, lambda trust: trust.handovers, after_days=1),
    Family(
        "ambulance_response",
        responses,
        live_response,
        lambda trust: trust.handovers * _RESPONSES_A_HANDOVER,
        after_days=1,
        by_ambulance=True,
    ),
    Family("ed_state", states, live_state, lambda _: 24.0),
)
