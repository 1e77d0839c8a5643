"""The civil calendar of England: Europe/London days as whole numbers (days since 1970-01-01).

A civil day has 23, 24 or 25 hours; its midnight comes from the zone, never from 86,400 seconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
SECONDS_A_MINUTE = 60
SECONDS_A_DAY = 86_400
SECONDS_A_QUARTER = 900
"""Quarters of an hour are numbered since 1970; a civil day begins with one, in winter and in summer."""


def day_number(day: date) -> int:
    """Give a civil date as days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def civil_date(day: int) -> date:
    """Give the civil date of a day number."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


@lru_cache(maxsize=100_000)
def midnight(day: int) -> int:
    """Give the UTC epoch second at which civil day `day` begins in London."""
    start = civil_date(day)
    return int(datetime(start.year, start.month, start.day, tzinfo=LONDON).timestamp())


@lru_cache(maxsize=100_000)
def day_of_quarter(quarter: int) -> int:
    """Give the London civil day that holds a quarter of an hour.

    London is never behind UTC, so the local day is the UTC day or the one after it.
    """
    epoch_seconds = quarter * SECONDS_A_QUARTER
    utc_day = epoch_seconds // SECONDS_A_DAY
    return utc_day + 1 if epoch_seconds >= midnight(utc_day + 1) else utc_day


def local_day(epoch_seconds: int) -> int:
    """Give the London civil day that holds a UTC epoch second."""
    return day_of_quarter(epoch_seconds // SECONDS_A_QUARTER)


def first_quarter(day: int) -> int:
    """Give the quarter of an hour with which a civil day begins."""
    return midnight(day) // SECONDS_A_QUARTER


def local_time(day: int, hour: int, minute: int = 0) -> int:
    """Give the UTC epoch second of a wall-clock time on a civil day."""
    start = civil_date(day)
    return int(datetime(start.year, start.month, start.day, hour, minute, tzinfo=LONDON).timestamp())


def utc(epoch_seconds: float) -> datetime:
    """Give an aware UTC datetime."""
    return datetime.fromtimestamp(epoch_seconds, UTC)
