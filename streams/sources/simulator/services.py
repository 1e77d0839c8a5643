"""What an ambulance service publishes for all of its trusts: its state, and the calls to NHS 111."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from streams.engine.calendar import local_day, midnight, utc
from streams.sources.simulator.episodes import HOUR, MINUTE, Data, Episode, Family, Step, instant, opaque
from streams.sources.simulator.trusts import Trust, random_for

STATE, ACTIVITY = "ambulance.state.observed.v1", "nhs111.activity.recorded.v1"

_CALLS = (
    60,
    45,
    38,
    34,
    33,
    38,
    55,
    80,
    120,
    135,
    130,
    120,
    112,
    108,
    106,
    110,
    122,
    140,
    165,
    168,
    150,
    125,
    98,
    75,
)
"""Calls in each hour of a day."""


def ambulance_state(trust: Trust, at: int) -> Data:
    """Give the service at a second: its level is that of a day, its clinical safety plan a level behind."""
    days = random_for(trust.seed, trust.ambulance, "reap", local_day(at))
    level = days.choices((1, 2, 3, 4), weights=(10, 45, 35, 10))[0]
    rng = random_for(trust.seed, trust.ambulance, "state", at)
    return {
        "org": trust.ambulance,
        "as_at": instant(at),
        "reap_level": level,
        "clinical_safety_plan_level": max(1, level - 1),
        "handovers_waiting": rng.randint(20, 60 * level),
    }


def states(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the states of a day, every hour."""
    for at in range(midnight(day), midnight(day + 1), HOUR):
        yield _observed(trust, at, f"r{utc(at):%Y%m%dT%H%M%S}")


def live_state(trust: Trust, rng: Random, now: int) -> Episode:
    """Give the state now."""
    return _observed(trust, now, opaque(rng, "r"))


def _observed(trust: Trust, at: int, key: str) -> Episode:
    return Episode(STATE, key, (Step(at, ambulance_state(trust, at)),), correct_state)


def correct_state(_rng: Random, data: Data) -> Data:
    """Correct a state: one more ambulance was waiting."""
    return {**data, "handovers_waiting": data["handovers_waiting"] + 1}


def calls(trust: Trust, start: int, seconds: int, key: str) -> Data:
    """Give the calls of a period."""
    rng = random_for(trust.seed, trust.ambulance, "calls", key)
    hour = (start - midnight(local_day(start))) // HOUR % 24
    offered = max(1, round(_CALLS[hour] * seconds / HOUR * rng.gauss(1, 0.08)))
    abandoned = round(offered * max(0.0, rng.gauss(0.04, 0.015)))
    answered = offered - abandoned - round(offered * 0.01)
    return {
        "org": trust.ambulance,
        "activity_key": key,
        "period_start": instant(start),
        "period_end": instant(start + seconds),
        "calls_offered": offered,
        "calls_answered": answered,
        "answered_within_60s": round(answered * min(1.0, rng.gauss(0.82, 0.06))),
        "abandoned_after_30s": abandoned,
    }


def activity(trust: Trust, day: int) -> Iterator[Episode]:
    """Give the calls of a day, hour by hour, told when the hour has ended."""
    for start in range(midnight(day), midnight(day + 1), HOUR):
        yield _told(trust, start, HOUR, f"n{utc(start):%Y%m%dT%H%M%S}")


def live_activity(trust: Trust, rng: Random, now: int) -> Episode:
    """Give the calls of the minute that ends now, or of what of it lies in today."""
    start = max(now - MINUTE, min(midnight(local_day(now)), now - 1))
    return _told(trust, start, now - start, opaque(rng, "n"))


def _told(trust: Trust, start: int, seconds: int, key: str) -> Episode:
    data = calls(trust, start, seconds, key)
    return Episode(ACTIVITY, key, (Step(start + seconds, data),), correct_activity)


def correct_activity(_rng: Random, data: Data) -> Data:
    """Correct a period: one more call was offered, and hung up at once."""
    return {**data, "calls_offered": data["calls_offered"] + 1}


FAMILIES = (
    Family("ambulance_state", states, live_state, lambda _: 24.0, by_ambulance=True),
    Family("nhs111_activity", activity, live_activity, lambda _: 24.0, after_days=1, by_ambulance=True),
)
