"""Events as sources write them: plain objects, one JSON object a line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.envelope import TYPE_PREFIX

Event = dict[str, Any]


def event(
    suffix: str,
    *,
    source: str,
    identifier: str,
    time: datetime,
    recorded: datetime,
    data: dict[str, Any],
    synthetic: bool = False,
) -> Event:
    """Make a structured-mode event.

    Args:
        suffix: of the event type, `ed.attendance.recorded.v1`.
        source: `/ods/<code>/<system>`; its code becomes the partition key.
        identifier: the event's id, unique within the source.
        time: when the fact occurred.
        recorded: when it was written down.
        data: the record.
        synthetic: whether it is made up.
    """
    made: Event = {
        "specversion": "1.0",
        "id": identifier,
        "source": source,
        "type": TYPE_PREFIX + suffix,
        "time": instant(time),
        "recordedtime": instant(recorded),
        "partitionkey": source.split("/")[2],
        "datacontenttype": "application/json",
    }
    if synthetic:
        made["synthetic"] = True
    made["data"] = data
    return made


def instant(when: datetime) -> str:
    """Give an aware datetime as an RFC 3339 instant in UTC."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
