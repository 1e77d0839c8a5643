"""Bed states as facts: adult general and acute beds; one census a day, and for now the newest."""

from __future__ import annotations

from typing import Any

from streams.engine.families.base import Family, Reduced
from streams.engine.windows import DAY_WINDOWS, NOW

FACTS = (
    "censuses",
    "open",
    "escalation",
    "occupied",
    "occupied_with_criteria_known",
    "no_criteria_to_reside",
    "closed",
    "censuses_with_nights_7",
    "nights_7_or_more",
    "censuses_with_nights_14",
    "nights_14_or_more",
    "censuses_with_nights_21",
    "nights_21_or_more",
)


def reduce_bed_state(data: Any) -> Reduced:
    """Reduce a bed state; paediatric beds are accepted and stay out of the adult facts."""
    at = int(data.as_at.timestamp())
    if data.bed_group != "adult_general_acute":
        return at, None
    known = data.no_criteria_to_reside is not None
    stays = (data.nights_7_or_more, data.nights_14_or_more, data.nights_21_or_more)
    return at, (
        1,
        data.open_core + data.open_escalation,
        data.open_escalation,
        data.occupied,
        data.occupied if known else 0,
        data.no_criteria_to_reside if known else 0,
        data.closed,
        *(fact for patients in stays for fact in ((0, 0) if patients is None else (1, patients))),
    )


FAMILIES = (
    Family("bed_state", FACTS, "bed_group", reduce_bed_state, kind="state", windows=(NOW, *DAY_WINDOWS)),
)
