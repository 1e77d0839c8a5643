"""Discharges and patients in a bed as facts: delay is a difference of local dates, never of hours."""

from __future__ import annotations

from typing import Any

from streams.engine.calendar import civil_date, day_number, local_day, local_time
from streams.engine.families.base import FEEDS, Facts, Family, Open, Reduced, histogram
from streams.engine.families.strata import PERSON

FACTS = (
    "discharges",
    "before_17",
    "weekend_discharges",
    "weekday_discharges",
    "nights",
    "overnight",
    "ready_known",
    "delayed",
    "delay_days",
    "delay_1",
    "delay_2_3",
    "delay_4_6",
    "delay_7_13",
    "delay_14_20",
    "delay_21_plus",
)
_BANDS = (1, 2, 4, 7, 14, 21)
"""Lower ends, in days, of the published bands of delay."""
_FIVE_PM = 17
_SATURDAY = 5


def reduce_spell(data: Any) -> Reduced:
    """Reduce a spell once the patient has left.

    Delays are counted over overnight stays whose discharge ready date is given, or left blank because the
    patient left on that day. `before_17` is at or before 17:00 local; the weekend is Saturday and Sunday,
    and a bank holiday is a weekday.
    """
    if data.discharged_at is None:
        return None, None
    discharged = int(data.discharged_at.timestamp())
    day = local_day(discharged)
    nights = day - local_day(int(data.admitted_at.timestamp()))
    early = int(discharged <= local_time(day, _FIVE_PM))
    weekend = int(civil_date(day).weekday() >= _SATURDAY)
    left = (1, early, weekend, 1 - weekend, nights)
    ready = data.discharge_ready_date
    if nights == 0 or (ready is None and not data.ready_same_day):
        return discharged, (*left, int(nights > 0)) + (0,) * (len(FACTS) - len(left) - 1)
    delay = 0 if ready is None else day - day_number(ready)
    return discharged, (*left, 1, 1, int(delay > 0), delay, *_bands(delay))


def _bands(delay: int) -> Facts:
    uppers = (*_BANDS[1:], 10**9)
    return tuple(int(low <= delay < high) for low, high in zip(_BANDS, uppers, strict=True))


OPEN_FACTS = (FEEDS, "in_bed", "ready", "ready_days")


def keep_spell(data: Any) -> Facts:
    """Keep the admission, and the day on which the patient became ready to leave."""
    admitted, ready = int(data.admitted_at.timestamp()), data.discharge_ready_date
    return (admitted,) if ready is None else (admitted, day_number(ready))


def reduce_open_spell(kept: Facts, now: int) -> Facts:
    """Reduce a spell whose patient is in a bed now; days since the discharge ready date, today being 0."""
    today = local_day(now)
    if len(kept) == 1 or kept[1] > today:
        return 1, 0, 0
    return 1, 1, today - kept[1]


FAMILIES = (
    Family(
        "spell",
        FACTS,
        "spell_key",
        reduce_spell,
        dimensions=PERSON,
        council=True,
        histograms=(histogram("delay_days", FACTS, "ready_known", "delay_days"),),
        open=Open(
            "spell",
            OPEN_FACTS,
            keep_spell,
            reduce_open_spell,
            histograms=(histogram("ready_days", OPEN_FACTS, "ready", "ready_days"),),
        ),
    ),
)
