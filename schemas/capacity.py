"""The state of critical care or of virtual wards at one moment."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from schemas.common import Count, Instant, Record


class CapacityState(Record):
    """Places of one group at `as_at`, which is the attribution instant.

    The newest state is the picture of now, and the latest in (07:00, 08:00] local the day's census. Virtual
    wards count places that are staffed; occupied may be more than there are.
    """

    attribution: ClassVar[str] = "as_at"

    as_at: Instant
    capacity_group: Literal[
        "adult_critical_care", "paediatric_critical_care", "neonatal_critical_care", "virtual_ward"
    ]
    capacity: Count = Field(description="open and staffed: beds, or places of virtual wards")
    occupied: Count = Field(description="of them in use, patients")
