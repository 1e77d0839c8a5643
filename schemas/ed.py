"""Emergency department attendances."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.common import Instant, OpaqueKey, Person


class EdAttendance(Person):
    """One attendance. Attribution instant: `departed_at`; without it the patient is still in the department.

    The four-hour clock runs from arrival to admission, transfer or discharge, over department types 1, 2
    and 3. Type 5 (same-day emergency care) is accepted and kept out of it.
    """

    attribution: ClassVar[str] = "departed_at"

    attendance_key: OpaqueKey
    department_type: Literal[1, 2, 3, 5] = Field(
        description="1 major, 2 single specialty, 3 other or minor injury unit, 5 same-day emergency care"
    )
    arrived_at: Instant
    treatment_started_at: Instant | None = None
    decision_to_admit_at: Instant | None = None
    departed_at: Instant | None = None
    outcome: Literal["admitted", "transferred", "discharged", "left", "died"] | None = None

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check that everything lies between arrival and departure, and that an outcome has a departure."""
        arrived, departed = record.arrived_at, record.departed_at
        if departed is None:
            if record.outcome is not None:
                return "outcome: set although departed_at is missing"
        elif departed < arrived:
            return "departed_at: before arrived_at"
        started = record.treatment_started_at
        if started is not None and (started < arrived or (departed is not None and started > departed)):
            return "treatment_started_at: outside arrival and departure"
        decided = record.decision_to_admit_at
        if decided is not None and (decided < arrived or (departed is not None and decided > departed)):
            return "decision_to_admit_at: outside arrival and departure"
        return None
