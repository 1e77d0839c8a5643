"""Windows: which civil days each named window covers.

Bounds are [start, end) in day numbers. Windows over events follow today; windows over returns follow the
latest reported period. Windows of hours are bounds in quarters of an hour and follow the clock. Tumbling
windows (day, week, month, quarter, and ytd, which ends as the financial year) have finals, the others only
a current value.

             ... 22 | 23   24   25   26   27   28   29 | 30  (today: Thursday 30th)
    since_midnight                                      [--
    day                                            [----)
    7d           [-------------------------------------)
    week                        Mon 27 [------------------ ... )  to date, bounds of the whole week
    ytd      1 April [------------------------------------- ... --)  with today
    12m      [30th of the month, a year ago ---------------)  complete days
    now                                                 |  no days: this moment, which lies in today
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from streams.engine.calendar import SECONDS_A_QUARTER, civil_date, day_number

WindowName = Literal[
    "now", "1h", "4h", "24h", "since_midnight", "day", "7d", "28d", "week", "month", "quarter", "ytd", "12m"
]
Grain = Literal["day", "week", "month", "quarter"]
Tumbling = Grain | Literal["ytd"]

TUMBLING: tuple[Tumbling, ...] = ("day", "week", "month", "quarter", "ytd")
CUMULATIVE: frozenset[WindowName] = frozenset({"ytd", "12m"})
NOW: WindowName = "now"
"""What is so at this moment: of episodes without an ending and of the newest states."""
HOURS: dict[WindowName, int] = {"1h": 1, "4h": 4, "24h": 24}
"""Rolling windows of hours; they end with the last complete quarter of an hour."""
DAY_WINDOWS: tuple[WindowName, ...] = (
    "since_midnight",
    "day",
    "7d",
    "28d",
    "week",
    "month",
    "quarter",
    "ytd",
    "12m",
)
"""Windows over the days of events, open and closed."""
QUANTILE_WINDOWS: tuple[WindowName, ...] = (NOW, "4h", "24h", "since_midnight", "day", "7d", "28d", "month")
"""Windows with histograms: each adds hundreds of numbers to what an organisation publishes a tick."""
COUNCIL_WINDOWS: tuple[WindowName, ...] = ("28d", "month", "quarter", "12m")
"""Windows over events by council of residence: a trust treats residents of dozens, few of most in a week."""
STRATA_WINDOWS: tuple[WindowName, ...] = ("28d", "month", "quarter", "12m")
"""Windows over events with every dimension of strata. The others over days have deprivation alone, those of
hours none: in a few days most other strata are too small to be shown, and each costs a row an indicator."""
EVENT_WINDOWS: tuple[WindowName, ...] = (*HOURS, *DAY_WINDOWS)

RETURN_WINDOWS: dict[Grain, tuple[WindowName, ...]] = {
    "day": ("day", "7d", "28d", "week", "month", "quarter", "ytd", "12m"),
    "week": ("week",),
    "month": ("month", "quarter", "ytd", "12m"),
    "quarter": ("quarter", "ytd", "12m"),
}
"""Windows that a return of each period length can fill without splitting a period."""

_MONTHS_A_YEAR = 12
_APRIL = 4


class Bounds(NamedTuple):
    """A window's days, [start, end)."""

    start: int
    end: int


def _month_start(day: date, months: int = 0) -> date:
    index = day.year * _MONTHS_A_YEAR + day.month - 1 + months
    return date(index // _MONTHS_A_YEAR, index % _MONTHS_A_YEAR + 1, 1)


def _year(day: int) -> Bounds:
    """Give the financial year that holds `day`, from 1 April to the next."""
    when = civil_date(day)
    year = when.year if when.month >= _APRIL else when.year - 1
    return Bounds(day_number(date(year, _APRIL, 1)), day_number(date(year + 1, _APRIL, 1)))


def _a_year_before(day: int) -> int:
    """Give the same date a year earlier; of 29 February, the 28th."""
    when = civil_date(day)
    leap_day = (when.month, when.day) == (2, 29)
    return day_number(when.replace(year=when.year - 1, day=28 if leap_day else when.day))


def tumbling(window: Tumbling, day: int) -> Bounds:
    """Give the tumbling period of `window` that holds `day`."""
    if window == "day":
        return Bounds(day, day + 1)
    if window == "ytd":
        return _year(day)
    when = civil_date(day)
    if window == "week":
        monday = day - when.weekday()
        return Bounds(monday, monday + 7)
    if window == "month":
        return Bounds(day_number(_month_start(when)), day_number(_month_start(when, 1)))
    first = _month_start(when, -((when.month - 1) % 3))
    return Bounds(day_number(first), day_number(_month_start(first, 3)))


def over_hours(window: WindowName, now_seconds: int) -> Bounds:
    """Give the current bounds of a window of hours, in quarters of an hour since 1970, [start, end)."""
    end = now_seconds // SECONDS_A_QUARTER
    return Bounds(end - 4 * HOURS[window], end)


def over_events(window: WindowName, today: int) -> Bounds:
    """Give the current bounds of a window over events, when the civil day is `today`."""
    match window:
        case "since_midnight":
            return Bounds(today, today + 1)
        case "day":
            return Bounds(today - 1, today)
        case "7d":
            return Bounds(today - 7, today)
        case "28d":
            return Bounds(today - 28, today)
        case "week" | "month" | "quarter":
            return tumbling(window, today)
        case "ytd":
            return Bounds(_year(today).start, today + 1)
        case "12m":
            return Bounds(_a_year_before(today), today)
        case _:
            raise ValueError(f"window {window} is not one of days")


def over_returns(window: WindowName, grain: Grain, latest: int) -> Bounds:
    """Give the current bounds of a window over returns whose latest reported period starts on `latest`."""
    end = tumbling(grain, latest).end
    match window:
        case "day" | "week" | "month" | "quarter":
            return tumbling(window, latest)
        case "7d":
            return Bounds(end - 7, end)
        case "28d":
            return Bounds(end - 28, end)
        case "ytd":
            return Bounds(_year(latest).start, end)
        case "12m":
            last = civil_date(end - 1)
            return Bounds(day_number(_month_start(last, 1 - _MONTHS_A_YEAR)), end)
        case _:
            raise ValueError(f"window {window} has no meaning over returns")


def periods(grain: Grain, bounds: Bounds) -> int:
    """Count the whole periods of `grain` inside `bounds`."""
    if grain == "day":
        return bounds.end - bounds.start
    count, day = 0, bounds.start
    while day < bounds.end:
        day = tumbling(grain, day).end
        count += 1
    return count


def closed(window: Tumbling, days: Iterable[int], today: int) -> list[Bounds]:
    """Give the periods of a tumbling window that hold any of `days` and ended by the start of `today`."""
    found = {tumbling(window, day) for day in days}
    return sorted(bounds for bounds in found if bounds.end <= today)
