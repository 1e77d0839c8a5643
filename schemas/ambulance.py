"""Ambulances: handovers at the receiving hospital, responses and the state of the ambulance service."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le
from pydantic import Field

from schemas.common import Count, Instant, OdsCode, OpaqueKey, Record


class AmbulanceHandover(Record):
    """One handover; `org` and `site` are the receiving hospital's. Attribution instant: `handover_at`.

    The clock starts when the ambulance arrives outside the department and stops when clinical handover is
    complete (NHS Confederation, quoted by the Lords Library). Without `handover_at` the crew is waiting.
    """

    attribution: ClassVar[str] = "handover_at"

    handover_key: OpaqueKey
    ambulance_trust: OdsCode | None = Field(default=None, description="ODS code of the ambulance service")
    arrived_at: Instant
    handover_at: Instant | None = None
    cleared_at: Instant | None = Field(default=None, description="when the crew was available again")

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check the order of arrival, handover and clearing."""
        if record.handover_at is not None and record.handover_at < record.arrived_at:
            return "handover_at: before arrived_at"
        if record.cleared_at is not None:
            if record.handover_at is None:
                return "cleared_at: set although handover_at is missing"
            if record.cleared_at < record.handover_at:
                return "cleared_at: before handover_at"
        return None


class AmbulanceResponse(Record):
    """One response to an incident; `org` is the ambulance service. Attribution instant: `arrived_at`.

    Start and arrival are those by which the service itself measures the category. Without `arrived_at` the
    response is under way. Never joined to handovers, which belong to the receiving hospital.
    """

    attribution: ClassVar[str] = "arrived_at"

    response_key: OpaqueKey
    category: Literal[1, 2, 3, 4]
    clock_start: Instant
    arrived_at: Instant | None = Field(
        default=None, description="when the vehicle that stops the clock arrived"
    )

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check the order of the clock's start and the arrival."""
        if record.arrived_at is not None and record.arrived_at < record.clock_start:
            return "arrived_at: before clock_start"
        return None


Level = Annotated[int, Ge(1), Le(4)]


class AmbulanceState(Record):
    """An ambulance service at `as_at`, which is the attribution instant; `org` is the service.

    REAP has four levels (domain §1.1). A level is a decision about one service: it is never added up. It
    counts as now for a day, so it is to be sent again at least daily, changed or not.
    """

    attribution: ClassVar[str] = "as_at"

    as_at: Instant
    reap_level: Level = Field(description="resource escalation action plan, 1 to 4")
    clinical_safety_plan_level: Level | None = Field(
        default=None, description="1 to 4, where one is in force"
    )
    handovers_waiting: Count | None = Field(
        default=None, description="crews waiting to hand over at all hospitals, ambulances"
    )
