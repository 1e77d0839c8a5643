"""Emergency department attendances, ambulance handovers and ambulance responses as facts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from streams.engine.families.base import Family, Reduced, histogram

FOUR_HOURS = timedelta(hours=4)
TWELVE_HOURS = timedelta(hours=12)
TYPE_1 = 1
TYPE_5 = 5
_NO_TIME = timedelta(0)

ATTENDANCE_FACTS = (
    "attended",
    "within_4h",
    "over_12h",
    "seconds",
    "dta_admissions",
    "dta_over_12h",
    "attended_type1",
    "within_4h_type1",
    "attended_type5",
    "treated",
    "seconds_to_treatment",
)


def reduce_attendance(data: Any) -> Reduced:
    """Reduce an attendance once the patient has left the department.

    Four hours and twelve hours run from arrival over types 1, 2 and 3; the wait for a bed runs from the
    decision to admit, for the admitted only. Exactly four hours is within. The time to treatment runs from
    arrival, for those whose start of treatment is given.
    """
    departed = data.departed_at
    if departed is None:
        return None, None
    at = int(departed.timestamp())
    if data.department_type == TYPE_5:
        return at, (0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)
    stay = departed - data.arrived_at
    within = 1 if stay <= FOUR_HOURS else 0
    decided = data.decision_to_admit_at
    admitted = decided is not None and data.outcome == "admitted"
    type1 = data.department_type == TYPE_1
    started = data.treatment_started_at
    wait = started - data.arrived_at if started is not None else _NO_TIME
    return at, (
        1,
        within,
        1 if stay > TWELVE_HOURS else 0,
        stay.days * 86_400 + stay.seconds,
        1 if admitted else 0,
        1 if admitted and departed - decided > TWELVE_HOURS else 0,
        1 if type1 else 0,
        within if type1 else 0,
        0,
        0 if started is None else 1,
        wait.days * 86_400 + wait.seconds,
    )


HANDOVER_FACTS = ("handovers", "seconds", "over_15m", "over_30m", "over_45m", "over_60m", "lost_seconds")
_LOST_AFTER = timedelta(minutes=15)


def reduce_handover(data: Any) -> Reduced:
    """Reduce a handover once complete; `lost_seconds` are those beyond 15 minutes."""
    if data.handover_at is None:
        return None, None
    took = data.handover_at - data.arrived_at
    seconds = took.days * 86_400 + took.seconds
    over = tuple(int(took > timedelta(minutes=minutes)) for minutes in (15, 30, 45, 60))
    lost = max(0, seconds - int(_LOST_AFTER.total_seconds()))
    return int(data.handover_at.timestamp()), (1, seconds, *over, lost)


CATEGORIES = (1, 2, 3, 4)
RESPONSE_FACTS = tuple(
    f"category_{category}_{part}" for category in CATEGORIES for part in ("responses", "seconds")
)


def reduce_response(data: Any) -> Reduced:
    """Reduce a response once a vehicle has arrived: its seconds, under its category."""
    if data.arrived_at is None:
        return None, None
    took = data.arrived_at - data.clock_start
    own = (1, took.days * 86_400 + took.seconds)
    facts = (part for category in CATEGORIES for part in (own if category == data.category else (0, 0)))
    return int(data.arrived_at.timestamp()), tuple(facts)


FAMILIES = (
    Family(
        "ed_attendance",
        ATTENDANCE_FACTS,
        "attendance_key",
        reduce_attendance,
        stratified=True,
        histograms=(
            histogram("minutes_to_treatment", ATTENDANCE_FACTS, "treated", "seconds_to_treatment", 60),
        ),
    ),
    Family(
        "ambulance_handover",
        HANDOVER_FACTS,
        "handover_key",
        reduce_handover,
        histograms=(histogram("minutes", HANDOVER_FACTS, "handovers", "seconds", 60),),
    ),
    Family("ambulance_response", RESPONSE_FACTS, "response_key", reduce_response),
)
