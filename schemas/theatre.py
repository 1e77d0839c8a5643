"""Operating theatres: sessions with the touch intervals of their cases, and single cases."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import MaxLen
from pydantic import Field

from schemas.common import Code, Instant, OpaqueKey, Record, Strict, TreatmentFunction

MAX_SESSION_SECONDS = 24 * 3600


class TouchInterval(Strict):
    """One case's touch time in a session: from the start of anaesthesia to arrival in recovery.

    Source: "touch time (the time delivering anaesthesia and surgery)", Zhang & Pandit, BJA 2023.
    """

    touch_start: Instant
    touch_end: Instant
    completed: bool = True


class TheatreSession(Record):
    """A planned theatre list and what happened in it. Attribution instant: `planned_start`.

    Open while `planned`, and while `held` without `ended_at`; an open session adds no window facts.
    Only `elective` lists enter the elective indicators (domain: emergency lists are meant to have slack).
    """

    attribution: ClassVar[str] = "planned_start"

    session_key: OpaqueKey
    theatre: Code | None = Field(default=None, description="the publisher's code of the theatre")
    specialty: TreatmentFunction | None = Field(default=None, description="treatment function code")
    list_type: Literal["elective", "emergency", "trauma"]
    status: Literal["planned", "held", "cancelled", "reallocated"]
    planned_start: Instant
    planned_end: Instant
    ended_at: Instant | None = Field(default=None, description="when the list closed; absent while it runs")
    cases: Annotated[tuple[TouchInterval, ...], MaxLen(60)] = ()

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check planned times, that only a held list has cases, and each case's interval."""
        planned = (record.planned_end - record.planned_start).total_seconds()
        if planned <= 0:
            return "planned_end: must be after planned_start"
        if planned > MAX_SESSION_SECONDS:
            return "planned_end: more than 24 hours after planned_start"
        if record.status != "held" and (record.cases or record.ended_at is not None):
            return "status: only a held session has cases or ended_at"
        for number, case in enumerate(record.cases):
            if case.touch_end < case.touch_start:
                return f"cases.{number}.touch_end: before touch_start"
            if abs((case.touch_start - record.planned_start).total_seconds()) > MAX_SESSION_SECONDS:
                return f"cases.{number}.touch_start: more than 24 hours from planned_start"
            if (case.touch_end - case.touch_start).total_seconds() > MAX_SESSION_SECONDS:
                return f"cases.{number}.touch_end: more than 24 hours after touch_start"
        if record.ended_at is not None and record.ended_at < record.planned_start and not record.cases:
            return "ended_at: before planned_start in a session without cases"
        return None


class TheatreCase(Record):
    """One planned operation and its outcome. Attribution instant: `planned_at`. Never joined to sessions.

    A cancellation is last-minute when on the day the patient was due to arrive, after arrival, or on the
    day of operation; only non-clinical reasons count in the official return (QMCO). Rebooked within
    24 hours of the original time counts as a postponement.
    """

    attribution: ClassVar[str] = "planned_at"

    case_key: OpaqueKey
    specialty: TreatmentFunction | None = None
    planned_at: Instant
    completed_at: Instant | None = None
    cancelled_at: Instant | None = None
    cancellation_reason: Literal["non_clinical", "clinical", "patient"] | None = None
    cancelled_on_day: bool = Field(
        default=False, description="on the day of arrival or operation, or after arrival"
    )
    rebooked_within_24h: bool = False

    @staticmethod
    def violation(record: Any) -> str | None:
        """Check that a case is completed or cancelled, not both, and that reasons belong to cancellations."""
        if record.completed_at is not None and record.cancelled_at is not None:
            return "cancelled_at: a case is completed or cancelled, not both"
        if record.cancelled_at is None:
            if (
                record.cancellation_reason is not None
                or record.cancelled_on_day
                or record.rebooked_within_24h
            ):
                return "cancelled_at: missing, although the record describes a cancellation"
        elif record.cancellation_reason is None:
            return "cancellation_reason: missing in a cancellation"
        return None
