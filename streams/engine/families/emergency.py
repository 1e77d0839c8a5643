"""Emergency department attendances, ambulance handovers and responses as facts, ended and not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from streams.engine.families.base import FEEDS, Facts, Family, Open, Reduced, histogram
from streams.engine.families.strata import PERSON

FOUR_HOURS = timedelta(hours=4)
TWELVE_HOURS = timedelta(hours=12)
TYPE_1 = 1
TYPE_5 = 5
_NO_TIME = timedelta(0)
_HOUR = 3600
_MINUTE = 60

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


OPEN_ATTENDANCE_FACTS = (
    FEEDS,
    "in_department",
    "over_4h",
    "over_12h",
    "referred_waiting",
    "seconds",
    "unclosed",
)
UNCLOSED_ATTENDANCE_SECONDS = 7 * 24 * _HOUR
"""From so long after arrival on, an attendance counts as one whose departure was never sent. An assumption of
ours: far beyond any wait that is reported, and short enough for lost departures not to pile up.
"""


def keep_attendance(data: Any) -> Facts | None:
    """Keep when a patient came and was referred; a decision to admit stands in for a referral not given."""
    if data.department_type == TYPE_5:
        return None
    referred = data.referred_at or data.decision_to_admit_at
    arrived = int(data.arrived_at.timestamp())
    return (arrived,) if referred is None else (arrived, int(referred.timestamp()))


def reduce_open_attendance(kept: Facts, now: int) -> Facts:
    """Reduce an attendance of types 1, 2 and 3 whose patient is in the department now."""
    stay = now - kept[0]
    if stay > UNCLOSED_ATTENDANCE_SECONDS:
        return 0, 0, 0, 0, 0, 1
    referred = int(any(at <= now for at in kept[1:]))
    return 1, int(stay > 4 * _HOUR), int(stay > 12 * _HOUR), referred, stay, 0


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


OPEN_HANDOVER_FACTS = (
    FEEDS,
    "waiting",
    "over_15m",
    "over_30m",
    "over_45m",
    "over_60m",
    "seconds",
    "unclosed",
)
UNCLOSED_HANDOVER_SECONDS = 48 * _HOUR
"""From so long after arrival on, a handover counts as one whose end was never sent: an assumption of ours."""


def keep_handover(data: Any) -> Facts:
    """Keep when an ambulance arrived outside."""
    return (int(data.arrived_at.timestamp()),)


def reduce_open_handover(kept: Facts, now: int) -> Facts:
    """Reduce a handover whose crew waits outside now."""
    wait = now - kept[0]
    if wait > UNCLOSED_HANDOVER_SECONDS:
        return 0, 0, 0, 0, 0, 0, 1
    return 1, *(int(wait > minutes * _MINUTE) for minutes in (15, 30, 45, 60)), wait, 0


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
        dimensions=PERSON,
        histograms=(
            histogram("minutes_to_treatment", ATTENDANCE_FACTS, "treated", "seconds_to_treatment", 60),
        ),
        open=Open(
            "ed_attendance",
            OPEN_ATTENDANCE_FACTS,
            keep_attendance,
            reduce_open_attendance,
            histograms=(histogram("minutes", OPEN_ATTENDANCE_FACTS, "in_department", "seconds", 60),),
        ),
    ),
    Family(
        "ambulance_handover",
        HANDOVER_FACTS,
        "handover_key",
        reduce_handover,
        histograms=(histogram("minutes", HANDOVER_FACTS, "handovers", "seconds", 60),),
        open=Open(
            "ambulance_handover",
            OPEN_HANDOVER_FACTS,
            keep_handover,
            reduce_open_handover,
            histograms=(histogram("minutes", OPEN_HANDOVER_FACTS, "waiting", "seconds", 60),),
        ),
    ),
    Family("ambulance_response", RESPONSE_FACTS, "response_key", reduce_response),
)
