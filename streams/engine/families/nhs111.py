"""NHS 111 calls as facts: counts of a period, which add up to those of any longer one."""

from __future__ import annotations

from typing import Any

from streams.engine.families.base import Family, Reduced

FACTS = ("periods", "offered", "answered", "answered_within_60s", "abandoned_after_30s")


def reduce_activity(data: Any) -> Reduced:
    """Reduce a period's calls; its last second decides the day, so that one ending at midnight is whole."""
    return int(data.period_end.timestamp()) - 1, (
        1,
        data.calls_offered,
        data.calls_answered,
        data.answered_within_60s,
        data.abandoned_after_30s,
    )


FAMILIES = (Family("nhs111_activity", FACTS, "activity_key", reduce_activity),)
