"""Returns: the RTT census and the reported measures, published when their period has ended.

A real census takes weeks to publish; here it comes in the first hours of the next period, so that every
stretch of days has one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date
from random import Random
from typing import NamedTuple

from streams.engine.calendar import civil_date, day_number, midnight
from streams.engine.windows import Grain, tumbling
from streams.sources.simulator.episodes import HOUR, UNKNOWN_QUINTILE, Data, Episode, Step, lognormal
from streams.sources.simulator.trusts import Trust, random_for

CENSUS, MEASURE = "rtt.census.reported.v1", "measure.reported.v1"

WEEK_BANDS = 105
_SCALE_WEEKS, _SHAPE = 18.8, 1.41
"""Weibull waits with about 61 % within 18 weeks and 1.5 % beyond 52."""
_BY_QUINTILE = (1.07, 1.03, 1.0, 0.98, 0.95)


class Return(NamedTuple):
    """A return that is published every period: family, period, how many past ones, and its record."""

    family: str
    suffix: str
    name: str
    grain: Grain
    history: int
    by_icb: bool
    record: Callable[[Trust, Random, date, date], Data]


def _bands(total: float, scale_weeks: float) -> list[int]:
    def beyond(weeks: int) -> float:
        return math.exp(-((weeks / scale_weeks) ** _SHAPE))

    return [
        round(total * (beyond(week) - (beyond(week + 1) if week < WEEK_BANDS - 1 else 0.0)))
        for week in range(WEEK_BANDS)
    ]


def _census(trust: Trust, rng: Random, _start: date, end: date) -> Data:
    total = trust.waiting_list * rng.uniform(0.98, 1.02)
    scale = _SCALE_WEEKS * (0.5 + trust.slowness / 2) * rng.uniform(0.985, 1.015)
    weights = sum(trust.deprivation)
    strata = [
        _bands(total * (1 - UNKNOWN_QUINTILE) * weight / weights, scale * factor)
        for weight, factor in zip(trust.deprivation, _BY_QUINTILE, strict=True)
    ]
    unknown = _bands(total * UNKNOWN_QUINTILE, scale)
    return {
        "org": trust.code,
        "cadence": "month",
        "census_date": civil_date(day_number(end) - 1).isoformat(),
        "bands": [sum(band) for band in zip(*strata, unknown, strict=True)],
        "strata": [
            {"dimension": "imd_quintile", "value": str(quintile), "bands": bands}
            for quintile, bands in enumerate(strata, 1)
        ],
    }


def _expected(trust: Trust, rng: Random, _start: date, _end: date) -> Data:
    came = round(trust.attendances * rng.gauss(1.0, 0.06))
    return {"org": trust.code, "numerator": came, "denominator": round(trust.attendances)}


def _finance(trust: Trust, rng: Random, _start: date, _end: date) -> Data:
    pounds = trust.turnover_pounds * rng.gauss(-0.008, 0.007)
    return {"org": trust.code, "numerator": f"{pounds:.2f}", "denominator": trust.turnover_pounds}


def _recruitment(trust: Trust, rng: Random, _start: date, _end: date) -> Data:
    starters = max(40, round(rng.gauss(trust.core_beds / 6, 12)))
    share = 0.75 * trust.deprivation[0] / sum(trust.deprivation) + 0.04
    from_core20 = sum(rng.random() < share for _ in range(starters))
    return {"org": trust.code, "numerator": from_core20, "denominator": starters}


def _hypertension(trust: Trust, rng: Random, _start: date, _end: date) -> Data:
    parts = []
    for quintile, share in enumerate((0.655, 0.675, 0.69, 0.705, 0.715), 1):
        registered = round(lognormal(rng, 36_000, 0.12))
        controlled = round(registered * (share + rng.gauss(0, 0.006)))
        parts.append(
            {
                "dimension": "imd_quintile",
                "value": str(quintile),
                "numerator": controlled,
                "denominator": registered,
            }
        )
    return {
        "org": trust.icb,
        "numerator": sum(part["numerator"] for part in parts),
        "denominator": sum(part["denominator"] for part in parts),
        "strata": parts,
    }


class _Share(NamedTuple):
    """A return that counts: how many a core bed, and which share of them, with its spread."""

    name: str
    grain: Grain
    history: int
    a_bed: float
    share: float
    spread: float

    def record(self, trust: Trust, rng: Random, _start: date, _end: date) -> Data:
        total = round(self.a_bed * trust.core_beds * rng.uniform(0.95, 1.05))
        part = min(total, round(total * rng.gauss(self.share, self.spread)))
        return {"org": trust.code, "numerator": part, "denominator": total}


_SHARES = (
    _Share("cancer_62d", "month", 12, 0.28, 0.69, 0.03),
    _Share("dm01_6w_breach", "month", 12, 17.0, 0.21, 0.02),
    _Share("op_dna", "month", 12, 75.0, 0.067, 0.004),
    _Share("ucr_2h", "month", 12, 0.9, 0.82, 0.03),
    _Share("social_value_weighting", "quarter", 4, 0.06, 0.88, 0.06),
)


def _agency(trust: Trust, rng: Random, _start: date, _end: date) -> Data:
    pay = trust.turnover_pounds * 0.64
    return {"org": trust.code, "numerator": f"{pay * rng.gauss(0.021, 0.003):.2f}", "denominator": round(pay)}


_NATIONAL_RATE = 0.0028
"""Admissions a person and quarter in the standard population."""


def _acsc(trust: Trust, rng: Random, _start: date, _end: date) -> Data:
    standard = round(lognormal(rng, 900_000, 0.15))
    return {
        "org": trust.icb,
        "numerator": round(standard * _NATIONAL_RATE * rng.gauss(1.05, 0.05)),
        "denominator": standard,
    }


RETURNS = (
    Return("rtt_census", CENSUS, "rtt", "month", 3, False, _census),
    Return("measure", MEASURE, "ae_attendances_vs_expected", "day", 28, False, _expected),
    Return("measure", MEASURE, "finance_variance", "month", 12, False, _finance),
    Return("measure", MEASURE, "core20_recruitment", "month", 12, False, _recruitment),
    Return("measure", MEASURE, "agency_spend", "month", 12, False, _agency),
    *(Return("measure", MEASURE, one.name, one.grain, one.history, False, one.record) for one in _SHARES),
    Return("measure", MEASURE, "hypertension_control", "quarter", 4, True, _hypertension),
    Return("measure", MEASURE, "acsc_admissions", "quarter", 4, True, _acsc),
)
"""Hypertension and admissions that could be avoided are figures of a population: the ICB publishes them."""


def published(trust: Trust, one: Return, day: int) -> Iterator[Episode]:
    """Give the return of the period that ended as `day` began, if one did."""
    period = tumbling(one.grain, day - 1)
    if period.end == day:
        yield _episode(trust, one, period.start, period.end)


def backlog(trust: Trust, one: Return, day: int) -> list[Episode]:
    """Give the returns published before `day`, oldest first: what a service that starts then is sent."""
    episodes = []
    end = tumbling(one.grain, day - 1).start
    for _ in range(one.history):
        start = tumbling(one.grain, end - 1).start
        episodes.append(_episode(trust, one, start, end))
        end = start
    return episodes[::-1]


def _episode(trust: Trust, one: Return, start: int, end: int) -> Episode:
    publisher = trust.icb if one.by_icb else trust.code
    rng = random_for(trust.seed, publisher, one.name, start)
    first, after = civil_date(start), civil_date(end)
    data = one.record(trust, rng, first, after)
    if one.suffix == MEASURE:
        data |= {"measure": one.name, "period_start": first.isoformat(), "period_end": after.isoformat()}
    at = midnight(end) + HOUR + rng.randrange(4 * HOUR)
    return Episode(one.suffix, f"{one.name}-{first}", (Step(at, data),), correct_return)


def correct_return(rng: Random, data: Data) -> Data:
    """Correct a return: a few pathways more, or another numerator; strata stay as they were."""
    if "bands" in data:
        first, *rest = data["bands"]
        return {**data, "bands": [first + rng.randint(1, 40), *rest]}
    if isinstance(data["numerator"], str):
        return {**data, "numerator": f"{float(data['numerator']) * rng.uniform(0.9, 0.99):.2f}"}
    return {**data, "numerator": data["numerator"] - rng.randint(1, 3)}
