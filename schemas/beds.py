"""The state of a hospital's beds at one moment."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.common import Count, Instant, Record


class BedState(Record):
    """Beds of one group at `as_at`, which is the attribution instant.

    The census of a day is the latest state in (07:00, 08:00] local: the daily SitRep is a snapshot at
    08:00. Open beds are core plus escalation. Without `no_criteria_to_reside` the state does not enter
    the share of beds held by patients who no longer meet the criteria to reside.
    """

    attribution: ClassVar[str] = "as_at"

    as_at: Instant
    bed_group: Literal["adult_general_acute", "paediatric_general_acute"]
    open_core: Count = Field(description="core beds open, beds")
    open_escalation: Count = Field(description="escalation beds open, beds")
    occupied: Count = Field(description="occupied beds, patients")
    closed: Count = Field(default=0, description="beds closed (infection, staffing), beds")
    no_criteria_to_reside: Count | None = Field(default=None, description="of the occupied, patients")
    nights_7_or_more: Count | None = None
    nights_14_or_more: Count | None = None
    nights_21_or_more: Count | None = None

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check that counts of patients do not exceed the occupied beds."""
        for name in ("no_criteria_to_reside", "nights_7_or_more", "nights_14_or_more", "nights_21_or_more"):
            count = getattr(record, name)
            if count is not None and count > record.occupied:
                return f"{name}: more than occupied"
        return None
