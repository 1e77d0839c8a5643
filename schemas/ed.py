"""Emergency department attendances, and a department's own count of its patients."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.common import Count, Instant, OpaqueKey, Person, Record


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
    referred_at: Instant | None = Field(
        default=None, description="when the patient was referred to a specialty or service"
    )
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
        referred = record.referred_at
        if referred is not None and (referred < arrived or (departed is not None and referred > departed)):
            return "referred_at: outside arrival and departure"
        decided = record.decision_to_admit_at
        if decided is not None and (decided < arrived or (departed is not None and decided > departed)):
            return "decision_to_admit_at: outside arrival and departure"
        return None


class EdState(Record):
    """A department of types 1, 2 and 3 as it counts itself at `as_at`, which is the attribution instant.

    Times run from arrival. A source beside the attendances: its figures have names of their own. Spaces are
    those of adults; with patients in corridors more may be occupied than there are.
    """

    attribution: ClassVar[str] = "as_at"

    as_at: Instant
    in_department: Count = Field(description="patients")
    over_4h: Count = Field(description="of them, longer than four hours from arrival, patients")
    over_12h: Count = Field(description="of them, longer than twelve hours from arrival, patients")
    referred_waiting: Count | None = Field(
        default=None, description="of them, referred to a specialty or service and waiting, patients"
    )
    majors_spaces: Count | None = Field(default=None, description="open spaces in majors")
    majors_occupied: Count | None = Field(default=None, description="patients in majors")
    resus_spaces: Count | None = Field(default=None, description="open spaces in resuscitation")
    resus_occupied: Count | None = Field(default=None, description="patients in resuscitation")

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check that parts do not exceed the whole, and that spaces and patients come together."""
        if record.over_4h > record.in_department:
            return "over_4h: more than in_department"
        if record.over_12h > record.over_4h:
            return "over_12h: more than over_4h"
        if record.referred_waiting is not None and record.referred_waiting > record.in_department:
            return "referred_waiting: more than in_department"
        spaces = (record.majors_spaces, record.majors_occupied, record.resus_spaces, record.resus_occupied)
        if None in spaces and spaces != (None,) * 4:
            return "majors_spaces: with majors_occupied, resus_spaces and resus_occupied, or without them"
        return None
