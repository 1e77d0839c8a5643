"""Inpatients: spells with their discharge ready dates; beds, critical care and virtual wards hour by hour."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from streams.engine.calendar import civil_date, local_day, midnight, utc
from streams.sources.simulator.episodes import (
    AGES_INPATIENT,
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
)
from streams.sources.simulator.trusts import Trust

SPELL, BEDS, CAPACITY = "spell.recorded.v1", "bed.state.observed.v1", "capacity.state.observed.v1"

_ADMISSIONS = cumulate((3, 2, 2, 2, 2, 3, 4, 8, 7, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 6, 6, 5, 5, 4))
_HOURS = (1, 1, 0.5, 0.5, 0.5, 0.5, 1, 2, 4, 7, 10, 13, 14, 15, 17, 18, 19, 17, 13, 9, 7, 5, 3, 2)
_DISCHARGES = cumulate(_HOURS)
_WEEKDAY = (0.98, 1.05, 1.07, 1.08, 1.18, 0.86, 0.78)
"""Fewer patients leave at weekends."""
LONGEST_STAY_DAYS = 45
_DELAYS = ((1, 1), (2, 3), (4, 6), (7, 13), (14, 20), (21, 34))
_DELAY_WEIGHTS = cumulate((45, 28, 13, 9, 3.5, 1.5))
_SAME_DAY_STAY, _DELAYED, _READY_UNKNOWN, _READY_SAME_DAY = 0.10, 0.116, 0.06, 0.25
_BY_QUINTILE = {None: 1.0, 1: 1.12, 2: 1.05, 3: 1.0, 4: 0.96, 5: 0.92}
_COUNCIL = "E99999999"
"""A pseudo code: the simulator invents no figures for a real council."""


def _stay(trust: Trust, rng: Random, discharged: int) -> tuple[Data, int, int | None]:
    """Draw a spell that ends at a second: the record, the admission, and when a delay began."""
    strata = person(trust, rng, AGES_INPATIENT)
    today = local_day(discharged)
    delay = 0
    if rng.random() < _DELAYED * _BY_QUINTILE[strata.get("imd_quintile")]:
        delay = rng.randint(*rng.choices(_DELAYS, cum_weights=_DELAY_WEIGHTS)[0])
    if not delay and rng.random() < _SAME_DAY_STAY:
        admitted = max(midnight(today), discharged - rng.randint(2, 11) * HOUR)
    else:
        nights = 1 + int(lognormal(rng, 2.6, 0.9))
        nights = max(1, min(nights, LONGEST_STAY_DAYS - 1 - delay)) + delay
        admitted = moment(rng, today - nights, _ADMISSIONS)
    data: Data = {
        "org": trust.code,
        "site": trust.sites[0],
        "spell_key": opaque(rng, "p"),
        "admitted_at": instant(admitted),
        "responsible_council": _COUNCIL,
        **strata,
    }
    chance = rng.random()
    if delay:
        data["discharge_ready_date"] = civil_date(today - delay).isoformat()
        data["delay_reason_group"] = rng.choice(("HOSPITAL", "INTERFAC", "CARE", "WELLBEIN"))
    elif chance < _READY_SAME_DAY:
        data["ready_same_day"] = True
    elif chance < 1 - _READY_UNKNOWN:
        data["discharge_ready_date"] = civil_date(today).isoformat()
    weights = (30, 45, 18, 7) if delay else (88, 7, 4, 1)
    (data["pathway"],) = rng.choices((0, 1, 2, 3), weights=weights)
    data["discharged_at"] = instant(discharged)
    return data, admitted, midnight(today - delay) + 10 * HOUR if delay else None


_AT_ADMISSION = ("org", "site", "spell_key", "admitted_at", "responsible_council")
_STRATA = ("imd_quintile", "ethnic_group", "sex", "age_band")


def spells(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the spells that end on a day: at admission, when ready if delayed, at discharge."""
    rng = trust.random("spell", day)
    mean = trust.discharges * _WEEKDAY[civil_date(day).weekday()] / (1 - _SAME_DAY_STAY)
    for _ in range(count_around(rng, mean)):
        discharged = moment(rng, day, _DISCHARGES)
        data, admitted, ready = _stay(trust, rng, discharged)
        early = {name: data[name] for name in (*_AT_ADMISSION, *_STRATA) if name in data}
        steps = [Step(admitted, early)]
        if ready is not None and ready > admitted:
            known = {**early, "discharge_ready_date": data["discharge_ready_date"]}
            steps.append(Step(ready, known))
        steps.append(Step(discharged, data))
        yield Episode(SPELL, data["spell_key"], tuple(steps), correct_spell)


def live_spell(trust: Trust, rng: Random, now: int) -> Episode:
    """Give a spell that ends now."""
    data, _, _ = _stay(trust, rng, now)
    return Episode(SPELL, data["spell_key"], (Step(now, data),), correct_spell)


def correct_spell(rng: Random, data: Data) -> Data:
    """Correct a spell: its discharge ready date becomes known, or another pathway."""
    if "discharge_ready_date" not in data and not data.get("ready_same_day"):
        return {**data, "ready_same_day": True}
    return {**data, "pathway": (data["pathway"] + rng.randint(1, 3)) % 4}


def bed_state(trust: Trust, at: int) -> Data:
    """Give the beds at a second: the trust's own level, a slow wave, the hour of the day, and noise."""
    rng = trust.random("bed_state", at)
    day = local_day(at)
    hour = (at - midnight(day)) / HOUR
    wave = math.sin(2 * math.pi * ((day + hour / 24) / 11 + trust.occupancy * 20))
    escalation = max(0, round(trust.core_beds * (0.032 + 0.016 * wave)))
    share = trust.occupancy + 0.014 * wave + 0.009 * math.cos(2 * math.pi * (hour - 9) / 24)
    share += rng.gauss(0, 0.003)
    occupied = round(min(share, 0.992) * (trust.core_beds + escalation))
    waiting = trust.no_criteria_to_reside + 0.012 * wave + rng.gauss(0, 0.004)
    return {
        "org": trust.code,
        "site": trust.sites[0],
        "as_at": instant(at),
        "bed_group": "adult_general_acute",
        "open_core": trust.core_beds,
        "open_escalation": escalation,
        "occupied": occupied,
        "closed": round(trust.core_beds * abs(rng.gauss(0.008, 0.003))),
        "no_criteria_to_reside": round(occupied * max(waiting, 0.05)),
        "nights_7_or_more": round(occupied * 0.46),
        "nights_14_or_more": round(occupied * 0.27),
        "nights_21_or_more": round(occupied * 0.165),
    }


def beds(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the states of a day's beds, every hour at five to."""
    for at in range(midnight(day) + 55 * MINUTE, midnight(day + 1), HOUR):
        yield _observed(trust, at, f"b{utc(at):%Y%m%dT%H%M%S}")


def _observed(trust: Trust, at: int, key: str) -> Episode:
    return Episode(BEDS, key, (Step(at, bed_state(trust, at)),), correct_beds)


def live_beds(trust: Trust, rng: Random, now: int) -> Episode:
    """Give the beds now."""
    return _observed(trust, now, opaque(rng, "b"))


def correct_beds(_rng: Random, data: Data) -> Data:
    """Correct a state of the beds: three patients more were in them."""
    return {**data, "occupied": data["occupied"] + 3}


_GROUPS = (("adult_critical_care", 0.035, 0.83), ("virtual_ward", 0.08, 0.76))
"""Group, places as a share of the core beds, and how full they are on average."""


def capacity_state(trust: Trust, group: tuple[str, float, float], at: int) -> Data:
    """Give the places of one group at a second."""
    name, share, full = group
    rng = trust.random("capacity_state", name, at)
    places = max(4, round(trust.core_beds * share))
    return {
        "org": trust.code,
        "site": trust.sites[0],
        "as_at": instant(at),
        "capacity_group": name,
        "capacity": places,
        "occupied": round(places * min(1.0, max(0.0, rng.gauss(full, 0.05)))),
    }


def capacity(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the states of a day's critical care and virtual wards, every hour at ten to."""
    for at in range(midnight(day) + 50 * MINUTE, midnight(day + 1), HOUR):
        for group in _GROUPS:
            yield _placed(trust, group, at, f"c{utc(at):%Y%m%dT%H%M%S}-{group[0]}")


def live_capacity(trust: Trust, rng: Random, now: int) -> Episode:
    """Give the places of one group now."""
    return _placed(trust, rng.choice(_GROUPS), now, opaque(rng, "c"))


def _placed(trust: Trust, group: tuple[str, float, float], at: int, key: str) -> Episode:
    return Episode(CAPACITY, key, (Step(at, capacity_state(trust, group, at)),), correct_capacity)


def correct_capacity(_rng: Random, data: Data) -> Data:
    """Correct a state: one place more was open."""
    return {**data, "capacity": data["capacity"] + 1}


FAMILIES = (
    Family(
        "spell",
        spells,
        live_spell,
        lambda trust: trust.discharges,
        before_days=LONGEST_STAY_DAYS,
        hours=tuple(0.3 + hour / 10 for hour in _HOURS),
    ),
    Family("bed_state", beds, live_beds, lambda _: 24.0),
    Family("capacity_state", capacity, live_capacity, lambda _: 48.0),
)
