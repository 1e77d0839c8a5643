"""Calls to NHS 111 in a period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.common import Count, Instant, OpaqueKey, Record

_LONDON = ZoneInfo("Europe/London")
_MOMENT = timedelta(microseconds=1)


class Nhs111Activity(Record):
    """Calls of one provider in a period that has ended. Attribution: the last second before `period_end`.

    A period lies in one civil day, so that the day's calls are those of its periods; periods of one provider
    do not overlap. A call is offered when it reaches the service, and abandoned when the caller hangs up
    before it is answered.
    """

    attribution: ClassVar[str] = "period_end"

    activity_key: OpaqueKey = Field(
        description="one for each provider, site and period, such as h20260615T08"
    )
    period_start: Instant
    period_end: Instant
    calls_offered: Count = Field(description="calls")
    calls_answered: Count = Field(description="of the offered, calls")
    answered_within_60s: Count = Field(description="of the answered, calls")
    abandoned_after_30s: Count = Field(
        description="of the offered, abandoned after more than 30 seconds, calls"
    )

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check that parts do not exceed the whole, and that the period lies in one civil day."""
        if record.period_end <= record.period_start:
            return "period_end: not after period_start"
        first, last = (
            when.astimezone(_LONDON).date() for when in (record.period_start, record.period_end - _MOMENT)
        )
        if first != last:
            return "period_end: in another civil day than period_start"
        if record.answered_within_60s > record.calls_answered:
            return "answered_within_60s: more than calls_answered"
        if record.calls_answered + record.abandoned_after_30s > record.calls_offered:
            return "calls_offered: fewer than calls_answered and abandoned_after_30s"
        return None
