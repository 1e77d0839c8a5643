"""Hospital spells: admission, discharge ready date, discharge."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.common import CivilDate, Code, CouncilCode, Instant, OpaqueKey, Person

_LONDON = ZoneInfo("Europe/London")


class Spell(Person):
    """One inpatient spell. Attribution instant: `discharged_at`; without it the spell is open.

    The discharge ready date (DRD) is the date on which the patient no longer met the criteria to reside;
    if they met them again, the start of the final period. A provider may leave it blank when the patient
    left on the day they became ready, and says so with `ready_same_day`.
    Source: NHS England, Discharge Ready Date guidance, examples and FAQs.
    """

    attribution: ClassVar[str] = "discharged_at"

    spell_key: OpaqueKey
    admitted_at: Instant
    discharge_ready_date: CivilDate | None = None
    ready_same_day: bool = Field(
        default=False, description="the patient left on the day they became ready; the date is left blank"
    )
    discharged_at: Instant | None = None
    pathway: Literal[0, 1, 2, 3] | None = Field(default=None, description="discharge pathway 0 to 3")
    delay_reason_group: Code | None = Field(
        default=None, description="the publisher's coded group of the main reason for delay"
    )
    responsible_council: CouncilCode | None = None

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check the order of admission, readiness (local dates) and discharge."""
        ready = record.discharge_ready_date
        if ready is not None:
            if record.ready_same_day:
                return "ready_same_day: set although discharge_ready_date is given"
            if ready < record.admitted_at.astimezone(_LONDON).date():
                return "discharge_ready_date: before the date of admission"
        if record.discharged_at is None:
            if record.ready_same_day:
                return "ready_same_day: set although the patient has not left"
            return None
        if record.discharged_at < record.admitted_at:
            return "discharged_at: before admitted_at"
        if ready is not None and ready > record.discharged_at.astimezone(_LONDON).date():
            return "discharge_ready_date: after the date of discharge"
        return None
