"""The civil calendar: London days, with 23, 24 and 25 hours."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.calendar import civil_date, day_number, local_day, local_time, midnight


@pytest.mark.parametrize(
    ("hours", "day"),
    [(23, date(2026, 3, 29)), (25, date(2026, 10, 25)), (24, date(2026, 6, 15)), (23, date(2027, 3, 28))],
)
def test_length_of_a_day(hours: int, day: date) -> None:
    """A civil day is as long as the zone says."""
    assert hours * 3600 == midnight(day_number(day) + 1) - midnight(day_number(day))


@given(st.datetimes(min_value=datetime(1996, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - made UTC below
def test_local_day_is_the_zones(naive: datetime) -> None:
    """The civil day of any instant is what the zone says it is."""
    instant = naive.replace(tzinfo=UTC)
    expected = instant.astimezone(ZoneInfo("Europe/London")).date()
    assert expected == civil_date(local_day(int(instant.timestamp())))


def test_the_hour_that_occurs_twice_belongs_to_one_day() -> None:
    """01:30 before and after the clocks go back are both 25 October."""
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())
    assert [date(2026, 10, 25)] * 2 == [civil_date(local_day(first)), civil_date(local_day(first + 3600))]


def test_eight_in_the_morning_in_summer_is_seven_utc() -> None:
    """Wall-clock times follow the zone."""
    expected = int(datetime(2026, 6, 15, 7, 0, tzinfo=UTC).timestamp())
    assert expected == local_time(day_number(date(2026, 6, 15)), 8)
