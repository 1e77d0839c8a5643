"""What a department, an ambulance service, critical care and virtual wards say of themselves, as facts.

Whatever a state leaves out adds nothing to what others say of it.
"""

from __future__ import annotations

from typing import Any

from streams.engine.families.base import Family, Reduced
from streams.engine.windows import DAY_WINDOWS, NOW

ED_FACTS = (
    "states",
    "in_department",
    "over_4h",
    "over_12h",
    "referral_states",
    "referred_waiting",
    "majors_resus_spaces",
    "majors_resus_occupied",
)


def reduce_ed_state(data: Any) -> Reduced:
    """Reduce a department's own count of its patients and spaces."""
    referred = data.referred_waiting
    spaces = (0, 0)
    if data.majors_spaces is not None:
        spaces = (data.majors_spaces + data.resus_spaces, data.majors_occupied + data.resus_occupied)
    return int(data.as_at.timestamp()), (
        1,
        data.in_department,
        data.over_4h,
        data.over_12h,
        int(referred is not None),
        referred or 0,
        *spaces,
    )


AMBULANCE_FACTS = ("states", "reap_level", "csp_states", "csp_level", "waiting_states", "waiting")


def reduce_ambulance_state(data: Any) -> Reduced:
    """Reduce an ambulance service's state; its levels are shown for itself alone (kind `level`)."""
    plan, waiting = data.clinical_safety_plan_level, data.handovers_waiting
    return int(data.as_at.timestamp()), (
        1,
        data.reap_level,
        int(plan is not None),
        plan or 0,
        int(waiting is not None),
        waiting or 0,
    )


CAPACITY_FACTS = (
    "states",
    "critical_care_open",
    "critical_care_occupied",
    "virtual_ward_capacity",
    "virtual_ward_occupied",
)


def reduce_capacity_state(data: Any) -> Reduced:
    """Reduce a state of one group; critical care of children is accepted and stays out of the adult facts."""
    at = int(data.as_at.timestamp())
    if data.capacity_group == "adult_critical_care":
        return at, (1, data.capacity, data.occupied, 0, 0)
    if data.capacity_group == "virtual_ward":
        return at, (1, 0, 0, data.capacity, data.occupied)
    return at, None


FAMILIES = (
    Family("ed_state", ED_FACTS, "org", reduce_ed_state, kind="state", windows=(NOW,)),
    Family("ambulance_state", AMBULANCE_FACTS, "org", reduce_ambulance_state, kind="state", windows=(NOW,)),
    Family(
        "capacity_state",
        CAPACITY_FACTS,
        "capacity_group",
        reduce_capacity_state,
        kind="state",
        windows=(NOW, *DAY_WINDOWS),
    ),
)
