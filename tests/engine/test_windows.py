"""Windows: which days each one covers."""

from datetime import date

import pytest

from streams.engine.calendar import civil_date, day_number
from streams.engine.windows import Bounds, closed, over_events, over_returns, periods, tumbling


def days(start: str, end: str) -> Bounds:
    return Bounds(day_number(date.fromisoformat(start)), day_number(date.fromisoformat(end)))


TODAY = day_number(date(2026, 4, 30))  # a Thursday


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("since_midnight", days("2026-04-30", "2026-05-01")),
        ("day", days("2026-04-29", "2026-04-30")),
        ("7d", days("2026-04-23", "2026-04-30")),
        ("28d", days("2026-04-02", "2026-04-30")),
        ("week", days("2026-04-27", "2026-05-04")),
        ("month", days("2026-04-01", "2026-05-01")),
    ],
)
def test_windows_over_events(window: str, expected: Bounds) -> None:
    """Windows over events follow today; rolling ones hold complete days only."""
    assert expected == over_events(window, TODAY)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("month", days("2026-02-01", "2026-03-01")),
        ("quarter", days("2026-01-01", "2026-04-01")),
        ("ytd", days("2025-04-01", "2026-03-01")),
        ("12m", days("2025-03-01", "2026-03-01")),
    ],
)
def test_windows_over_monthly_returns(window: str, expected: Bounds) -> None:
    """Windows over returns follow the latest reported period; the year begins in April."""
    assert expected == over_returns(window, "month", day_number(date(2026, 2, 1)))


def test_year_to_date_begins_anew_in_april() -> None:
    """The first month of a financial year stands alone."""
    assert days("2026-04-01", "2026-05-01") == over_returns("ytd", "month", day_number(date(2026, 4, 1)))


@pytest.mark.parametrize(("expected", "grain"), [(12, "month"), (4, "quarter"), (365, "day")])
def test_periods_of_a_year(expected: int, grain: str) -> None:
    """A year holds twelve months, four quarters."""
    assert expected == periods(grain, days("2025-04-01", "2026-04-01"))


def test_closed_periods_have_ended() -> None:
    """Only periods that ended by the start of today are final."""
    seen = [day_number(date(2026, 3, 31)), day_number(date(2026, 4, 1)), TODAY]
    assert [days("2026-03-01", "2026-04-01")] == closed("month", seen, TODAY)


def test_every_day_lies_in_its_tumbling_period() -> None:
    """Weeks begin on Monday, and every day of two years lies inside its week, month and quarter."""
    for day in range(day_number(date(2026, 1, 1)), day_number(date(2028, 1, 1))):
        for window in ("day", "week", "month", "quarter"):
            bounds = tumbling(window, day)
            assert bounds.start <= day < bounds.end
        assert civil_date(tumbling("week", day).start).weekday() == 0
