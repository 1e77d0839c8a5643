"""Theatre sessions and cases as facts.

The variants of utilisation follow domain §2.2; the recommended one is the union of touch time inside the
planned window over planned time, which cannot pass 100 % and cannot be gained by overlapping cases.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from streams.engine.families.base import Facts, Family, Reduced

SESSION_FACTS = (
    "planned_sessions",
    "held_sessions",
    "planned_seconds",
    "capped_union_seconds",
    "capped_sum_seconds",
    "capped_duration_seconds",
    "uncapped_sum_seconds",
    "uncapped_union_seconds",
    "late_start_seconds",
    "early_finish_seconds",
    "overrun_seconds",
    "gaps",
    "gap_seconds",
    "overlap_seconds",
    "completed_cases",
)


def union_seconds(intervals: list[tuple[int, int]]) -> int:
    """Give the length of the union of [start, end) intervals that are sorted by start."""
    total, reached = 0, None
    for start, end in intervals:
        if reached is None or start > reached:
            total += end - start
            reached = end
        elif end > reached:
            total += end - reached
            reached = end
    return total


def reduce_session(data: Any) -> Reduced:
    """Reduce a theatre session; emergency and trauma lists add nothing to the elective facts."""
    start = int(data.planned_start.timestamp())
    if data.status == "planned" or (data.status == "held" and data.ended_at is None):
        return None, None
    if data.list_type != "elective":
        return start, None
    if data.status != "held":
        return start, (1,) + (0,) * (len(SESSION_FACTS) - 1)
    return start, _held(start, int(data.planned_end.timestamp()), data.cases)


def _held(start: int, end: int, cases: Any) -> Facts:
    planned = end - start
    touch = sorted((int(case.touch_start.timestamp()), int(case.touch_end.timestamp())) for case in cases)
    capped = [(max(a, start), min(b, end)) for a, b in touch if a < end and b > start]
    total = sum(b - a for a, b in touch)
    union = union_seconds(touch)
    reached = accumulate((b for _, b in touch), max)  # a case inside another does not end the touch time
    gaps = [a - before for (a, _), before in zip(touch[1:], reached, strict=False) if a > before]
    first = touch[0][0] if touch else start  # a held list without a case has no start to be late
    last = max((b for _, b in touch), default=end)
    return (
        1,
        1,
        planned,
        union_seconds(capped),
        sum(b - a for a, b in capped),
        min(total, planned),
        total,
        union,
        max(0, first - start),
        max(0, end - last),
        max(0, last - end),
        len(gaps),
        sum(gaps),
        total - union,  # touch time that lies in earlier touch time
        sum(case.completed for case in cases),
    )


CASE_FACTS = (
    "completed",
    "cancelled_on_day",
    "cancelled_on_day_non_clinical",
    "postponed",
    "completed_or_cancelled_on_day",
)


def reduce_case(data: Any) -> Reduced:
    """Reduce one planned operation: completed, cancelled on the day, or postponed within 24 hours."""
    if data.completed_at is None and data.cancelled_at is None:
        return None, None
    at = int(data.planned_at.timestamp())
    if data.completed_at is not None:
        return at, (1, 0, 0, 0, 1)
    if data.rebooked_within_24h:
        return at, (0, 0, 0, 1, 0)
    on_day = int(data.cancelled_on_day)
    return at, (0, on_day, int(on_day and data.cancellation_reason == "non_clinical"), 0, on_day)


FAMILIES = (
    Family("theatre_session", SESSION_FACTS, "session_key", reduce_session, planned=True),
    Family("theatre_case", CASE_FACTS, "case_key", reduce_case, planned=True),
)
