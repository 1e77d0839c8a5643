"""One event of each family with every field given, worked by hand."""

from __future__ import annotations

from typing import Any

from schemas.envelope import TYPE_PREFIX

_RECORD: dict[str, Any] = {"org": "RL4", "site": "RL401", "version": 3, "retracted": False}
_PERSON: dict[str, Any] = {
    **_RECORD,
    "imd_quintile": 1,
    "ethnic_group": "A",
    "sex": "female",
    "age_band": "85+",
}

DATA: dict[str, dict[str, Any]] = {
    "theatre.session.recorded.v1": {
        **_RECORD,
        "session_key": "s1",
        "theatre": "T1",
        "specialty": "110",
        "list_type": "elective",
        "status": "held",
        "planned_start": "2026-06-01T07:30:00Z",
        "planned_end": "2026-06-01T11:30:00Z",
        "ended_at": "2026-06-01T11:50:00Z",
        "cases": [
            {"touch_start": "2026-06-01T07:20:00Z", "touch_end": "2026-06-01T08:40:00Z", "completed": True}
        ],
    },
    "theatre.case.recorded.v1": {
        **_RECORD,
        "case_key": "c1",
        "specialty": "110",
        "planned_at": "2026-06-01T07:30:00Z",
        "completed_at": None,
        "cancelled_at": "2026-06-01T07:00:00Z",
        "cancellation_reason": "non_clinical",
        "cancelled_on_day": True,
        "rebooked_within_24h": False,
    },
    "spell.recorded.v1": {
        **_PERSON,
        "spell_key": "p1",
        "admitted_at": "2026-05-30T22:00:00Z",
        "discharge_ready_date": "2026-05-31",
        "ready_same_day": False,
        "discharged_at": "2026-06-01T14:00:00Z",
        "pathway": 0,
        "delay_reason_group": "CARE",
        "responsible_council": "E08000031",
    },
    "ed.attendance.recorded.v1": {
        **_PERSON,
        "attendance_key": "a1",
        "department_type": 1,
        "arrived_at": "2026-06-01T05:00:00Z",
        "treatment_started_at": "2026-06-01T06:00:00Z",
        "referred_at": "2026-06-01T06:30:00Z",
        "decision_to_admit_at": "2026-06-01T07:00:00Z",
        "departed_at": "2026-06-01T09:00:00Z",
        "outcome": "admitted",
    },
    "ambulance.handover.recorded.v1": {
        **_RECORD,
        "handover_key": "h1",
        "ambulance_trust": "RYA",
        "arrived_at": "2026-06-01T08:00:00Z",
        "handover_at": "2026-06-01T08:27:00Z",
        "cleared_at": "2026-06-01T08:40:00Z",
    },
    "ambulance.response.recorded.v1": {
        **_RECORD,
        "response_key": "r1",
        "category": 2,
        "clock_start": "2026-06-01T08:00:00Z",
        "arrived_at": "2026-06-01T08:24:00Z",
    },
    "bed.state.observed.v1": {
        **_RECORD,
        "as_at": "2026-06-01T06:55:00Z",
        "bed_group": "adult_general_acute",
        "open_core": 600,
        "open_escalation": 20,
        "occupied": 580,
        "closed": 5,
        "no_criteria_to_reside": 90,
        "nights_7_or_more": 260,
        "nights_14_or_more": 150,
        "nights_21_or_more": 90,
    },
    "ed.state.observed.v1": {
        **_RECORD,
        "as_at": "2026-06-01T06:55:00Z",
        "in_department": 80,
        "over_4h": 30,
        "over_12h": 8,
        "referred_waiting": 12,
        "majors_spaces": 30,
        "majors_occupied": 33,
        "resus_spaces": 6,
        "resus_occupied": 3,
    },
    "capacity.state.observed.v1": {
        **_RECORD,
        "as_at": "2026-06-01T06:55:00Z",
        "capacity_group": "virtual_ward",
        "capacity": 50,
        "occupied": 40,
    },
    "ambulance.state.observed.v1": {
        **_RECORD,
        "as_at": "2026-06-01T06:55:00Z",
        "reap_level": 3,
        "clinical_safety_plan_level": 2,
        "handovers_waiting": 14,
    },
    "nhs111.activity.recorded.v1": {
        **_RECORD,
        "activity_key": "h20260601T08",
        "period_start": "2026-06-01T07:00:00Z",
        "period_end": "2026-06-01T08:00:00Z",
        "calls_offered": 100,
        "calls_answered": 90,
        "answered_within_60s": 60,
        "abandoned_after_30s": 8,
    },
    "rtt.census.reported.v1": {
        **_RECORD,
        "cadence": "month",
        "census_date": "2026-05-31",
        "bands": [1] * 105,
        "strata": [{"dimension": "imd_quintile", "value": "1", "bands": [0] * 105}],
        "publication": "rtt_monthly",
    },
    "measure.reported.v1": {
        **_RECORD,
        "measure": "finance_variance",
        "period_start": "2026-04-01",
        "period_end": "2026-05-01",
        "numerator": -1,
        "denominator": "2.5",
        "strata": [{"dimension": "sex", "value": "male", "numerator": 1, "denominator": 2}],
        "publication": "finance",
    },
}

GOLDEN: dict[str, dict[str, Any]] = {
    TYPE_PREFIX + suffix: {
        "specversion": "1.0",
        "id": "e1",
        "source": "/ods/RL4/pas",
        "type": TYPE_PREFIX + suffix,
        "time": "2026-06-01T12:00:00Z",
        "recordedtime": "2026-06-01T12:00:10Z",
        "partitionkey": "RL4",
        "subject": "s",
        "dataschema": "urn:x",
        "datacontenttype": "application/json",
        "synthetic": True,
        "sequence": "1",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "data": data,
    }
    for suffix, data in DATA.items()
}
"""By full event type."""
