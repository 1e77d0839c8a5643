"""Events for tests, as publishers write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from streams.sources.events import Event, event, instant

SAMPLE = resources.files("streams.sources.sample").joinpath("ae-2025-09.jsonl").read_bytes().splitlines()
"""The shipped month of A&E; England's figures are those of the official file."""
SAMPLE_NUMERATOR, SAMPLE_DENOMINATOR = 1_733_831, 2_310_222

FOUR_HOURS = timedelta(hours=4)


def encoded(one: Event) -> bytes:
    """Give an event as a record's value."""
    return json.dumps(one, separators=(",", ":")).encode()


def attendance(
    number: int,
    *,
    org: str = "RJ1",
    source: str | None = None,
    days_ago: int = 3,
    minutes: int = 180,
    synthetic: bool = False,
    **data: Any,
) -> Event:
    """An attendance of a past day that lasted so many minutes."""
    departed = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days_ago)
    return event(
        "ed.attendance.recorded.v1",
        source=source or f"/ods/{org}/ed",
        identifier=f"attendance-{org}-{number}",
        time=departed,
        recorded=departed,
        synthetic=synthetic,
        data={
            "org": org,
            "version": 1,
            "attendance_key": f"a{number}",
            "department_type": 1,
            "arrived_at": instant(departed - timedelta(minutes=minutes)),
            "departed_at": instant(departed),
            "outcome": "discharged",
            **data,
        },
    )


def report(
    numerator: int,
    denominator: int,
    *,
    org: str = "RJ1",
    source: str = "/ods/RJ1/returns",
    synthetic: bool = False,
    **data: Any,
) -> Event:
    """A report for April 2025: of the four-hour measure, or of the one in `data`."""
    end = datetime(2025, 4, 30, 23, tzinfo=UTC)
    return event(
        "measure.reported.v1",
        source=source,
        identifier=f"report-{org}-{numerator}",
        time=end,
        recorded=end,
        synthetic=synthetic,
        data={
            "org": org,
            "version": 1,
            "measure": "ae_4h_all_types",
            "period_start": "2025-04-01",
            "period_end": "2025-05-01",
            "numerator": numerator,
            "denominator": denominator,
            **data,
        },
    )
