"""What the families of the simulator share: an episode as the messages that tell it, and ways to draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from streams.engine.calendar import midnight
from streams.sources.simulator.trusts import Trust

Data = dict[str, Any]
Correct = Callable[[Random, Data], Data]
"""Gives the record as a correction has it: a valid record with other content."""

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Step(NamedTuple):
    """One message: the epoch second its fact occurred, and the record then known, without a version."""

    at: int
    data: Data


class Episode(NamedTuple):
    """One identity: its messages in order of version, from 1, and how it would be corrected."""

    suffix: str
    key: str
    steps: tuple[Step, ...]
    correct: Correct


@dataclass(frozen=True)
class Family:
    """One family of the simulator.

    Attributes:
        name: as in the contract.
        episodes: all episodes of a trust that belong to a civil day.
        live: one finished record whose last fact occurs at a given second.
        before_days: how long before its day an episode's first message may be.
        after_days: how long after its day the last may be.
        by_ambulance: whether the ambulance service publishes it, once for all of its trusts.
        per_day: finished records of a trust a day, for the mix of a live feed.
    """

    name: str
    episodes: Callable[[Trust, int], Iterable[Episode]]
    live: Callable[[Trust, Random, int], Episode]
    per_day: Callable[[Trust], float]
    before_days: int = 0
    after_days: int = 0
    by_ambulance: bool = False
    hours: Sequence[float] = (1.0,) * 24

    def source(self, trust: Trust) -> str:
        """Give who publishes it."""
        return f"/ods/{trust.ambulance}/simulator" if self.by_ambulance else trust.source


def instant(epoch_seconds: float) -> str:
    """Give an epoch second as text in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")


def opaque(rng: Random, letter: str) -> str:
    """Give a pseudonymous key; the letter keeps it from looking like an NHS number."""
    return f"{letter}{rng.getrandbits(52):013x}"


def lognormal(rng: Random, median: float, sigma: float) -> float:
    """Draw from a log-normal distribution by its median."""
    return median * math.exp(rng.gauss(0.0, sigma))


def count_around(rng: Random, mean: float) -> int:
    """Draw a day's count: as scattered as arrivals are, and a little more."""
    return max(0, round(rng.gauss(mean, 1.3 * math.sqrt(mean))))


def moment(rng: Random, day: int, cumulated: Sequence[float]) -> int:
    """Draw a second of a civil day by cumulated weights of its hours, local time."""
    (hour,) = rng.choices(range(24), cum_weights=cumulated)
    return midnight(day) + hour * HOUR + rng.randrange(HOUR)


def cumulate(weights: Iterable[float]) -> tuple[float, ...]:
    """Prepare weights for `moment`."""
    return tuple(accumulate(weights))


_ETHNIC_GROUPS = ("A", "B", "C", "D", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "Z")
_ETHNIC_WEIGHTS = cumulate((58, 1, 5, 1, 1, 8, 6, 2, 3, 3, 3, 1, 1, 2, 5))
_AGE_BANDS = ("0-17", "18-24", "25-44", "45-64", "65-74", "75-84", "85+")
AGES_ED = cumulate((21, 10, 26, 20, 9, 8, 6))
AGES_INPATIENT = cumulate((4, 5, 14, 22, 18, 21, 16))
UNKNOWN_QUINTILE = 0.05


def person(trust: Trust, rng: Random, ages: Sequence[float]) -> Data:
    """Draw the strata of a person; some home areas are not known."""
    strata: Data = {}
    if rng.random() >= UNKNOWN_QUINTILE:
        (strata["imd_quintile"],) = rng.choices((1, 2, 3, 4, 5), weights=trust.deprivation)
    (strata["ethnic_group"],) = rng.choices(_ETHNIC_GROUPS, cum_weights=_ETHNIC_WEIGHTS)
    strata["sex"] = rng.choice(("female", "male"))
    (strata["age_band"],) = rng.choices(_AGE_BANDS, cum_weights=ages)
    return strata


def read(text: str) -> int:
    """Give the epoch second of an instant in a record."""
    return int(datetime.fromisoformat(text).timestamp())
