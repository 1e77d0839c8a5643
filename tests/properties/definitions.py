"""The naive oracle's definitions: what one record is to each indicator, by hand from domain §2, §3, §4, §5.

Civil days through zoneinfo, amounts as fractions; nothing of the engine, nothing of its facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
QUANTILES = {
    "amb_handover_p90": Fraction(90, 100),
    "amb_handover_p95": Fraction(95, 100),
    "ae_time_to_treatment_median": Fraction(1, 2),
    "drd_delay_p90": Fraction(90, 100),
    "drd_delay_p95": Fraction(95, 100),
}


class Amount(NamedTuple):
    """What adds up to one indicator: parts, how many records bear a value at all, values for quantiles."""

    numerator: Fraction = Fraction(0)
    denominator: Fraction = Fraction(0)
    bearing: int = 1
    values: tuple[int, ...] = ()


Amounts = dict[str, Amount]


def seconds(text: str) -> int:
    """Read an RFC 3339 instant as whole epoch seconds."""
    return int(datetime.fromisoformat(text).timestamp())


@lru_cache(maxsize=100_000)
def civil_day(instant: int) -> date:
    """Give the London date of an epoch second."""
    return datetime.fromtimestamp(instant, LONDON).date()


def wall_clock(day: date, hour: int) -> int:
    """Give the epoch second at which London's clocks show `hour` on `day`."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=LONDON).timestamp())


def theatre_session(data: dict[str, Any]) -> tuple[int | None, Amounts | None]:
    """Capped utilisation: touch time inside the planned window, overlaps once, over planned; take-up (§2)."""
    start, end = seconds(data["planned_start"]), seconds(data["planned_end"])
    if data["status"] == "planned" or (data["status"] == "held" and "ended_at" not in data):
        return None, None
    if data["list_type"] != "elective":
        return start, None
    if data["status"] != "held":
        taken_up = Amount(Fraction(0), Fraction(1))
        return start, {"theatre_capped_utilisation": Amount(), "theatre_session_take_up": taken_up}
    touched = union(
        (max(start, seconds(case["touch_start"])), min(end, seconds(case["touch_end"])))
        for case in data.get("cases", ())
    )
    return start, {
        "theatre_capped_utilisation": Amount(Fraction(touched, 60), Fraction(end - start, 60)),
        "theatre_session_take_up": Amount(Fraction(1), Fraction(1)),
    }


def union(intervals: Iterable[tuple[int, int]]) -> int:
    """Measure a union by the pieces between all ends: a piece counts if any interval covers it."""
    real = [(low, high) for low, high in intervals if low < high]
    ends = sorted({end for interval in real for end in interval})
    pieces = pairwise(ends)
    return sum(high - low for low, high in pieces if any(start <= low and high <= end for start, end in real))


def spell(data: dict[str, Any]) -> tuple[int | None, Amounts | None]:
    """Delays in local dates, over stays of a night whose ready date is known or blank that day (§3.5)."""
    if "discharged_at" not in data:
        return None, None
    left = seconds(data["discharged_at"])
    day = civil_day(left)
    overnight = day > civil_day(seconds(data["admitted_at"]))
    ready = data.get("discharge_ready_date")
    known = overnight and (ready is not None or data.get("ready_same_day", False))
    delay = (day - date.fromisoformat(ready)).days if known and ready is not None else 0
    one, delayed = Fraction(known), Fraction(delay > 0)
    delays = Amount(values=(delay,) if known else ())
    early, weekend = left <= wall_clock(day, 17), day.strftime("%A") in ("Saturday", "Sunday")
    return left, {
        "drd_delayed": Amount(delayed, one),
        "drd_mean_delay": Amount(Fraction(delay), one),
        "drd_mean_delay_delayed_only": Amount(Fraction(delay), delayed),
        "drd_completeness": Amount(one, Fraction(overnight)),
        "drd_delay_p90": delays,
        "drd_delay_p95": delays,
        "discharged_before_17": Amount(Fraction(early), Fraction(1)),
        "weekend_discharge_ratio": Amount(Fraction(weekend, 2), Fraction(not weekend, 5)),
    }


def ed_attendance(data: dict[str, Any]) -> tuple[int | None, Amounts | None]:
    """Four hours from arrival, types 1 to 3; twelve from the decision to admit, for the admitted (§4.2)."""
    if "departed_at" not in data:
        return None, None
    left = seconds(data["departed_at"])
    if data["department_type"] == 5:
        shares = ("ae_4h_all_types", "ae_4h_type1", "ae_12h_from_arrival", "ae_time_to_treatment_median")
        return left, dict.fromkeys(shares, Amount()) | {"ae_dta_12h": Amount(bearing=0)}
    stay = left - seconds(data["arrived_at"])
    within, type_1 = stay <= 4 * 3600, data["department_type"] == 1
    decided = data.get("decision_to_admit_at")
    admitted = decided is not None and data.get("outcome") == "admitted"
    waited = admitted and left - seconds(decided) > 12 * 3600
    started = data.get("treatment_started_at")
    waits = () if started is None else ((seconds(started) - seconds(data["arrived_at"])) // 60,)
    return left, {
        "ae_4h_all_types": Amount(Fraction(within), Fraction(1)),
        "ae_4h_type1": Amount(Fraction(within and type_1), Fraction(type_1)),
        "ae_12h_from_arrival": Amount(Fraction(stay > 12 * 3600), Fraction(1)),
        "ae_dta_12h": Amount(Fraction(waited), bearing=int(admitted)),
        "ae_time_to_treatment_median": Amount(values=waits),
    }


def ambulance_handover(data: dict[str, Any]) -> tuple[int | None, Amounts | None]:
    """From the ambulance's arrival to complete handover, in minutes; over 45 is longer than 45 (§4.2)."""
    if "handover_at" not in data:
        return None, None
    done = seconds(data["handover_at"])
    minutes = Fraction(done - seconds(data["arrived_at"]), 60)
    return done, {
        "amb_handover_over_45m": Amount(Fraction(minutes > 45), Fraction(1)),
        "amb_handover_mean": Amount(minutes, Fraction(1)),
        "amb_handover_p90": Amount(values=(int(minutes),)),
        "amb_handover_p95": Amount(values=(int(minutes),)),
    }


def bed_state(data: dict[str, Any]) -> tuple[int | None, Amounts | None]:
    """Occupied over open beds, and no criteria to reside over occupied, adults (§3.2, §4.1)."""
    as_at = seconds(data["as_at"])
    if data["bed_group"] != "adult_general_acute":
        return as_at, None
    staying = data.get("no_criteria_to_reside")
    occupied = Fraction(data["occupied"])
    opened = Fraction(data["open_core"] + data["open_escalation"])
    known = staying is not None
    return as_at, {
        "nctr_bed_share": Amount(Fraction(staying or 0), occupied if known else Fraction(0)),
        "ga_bed_occupancy": Amount(occupied, opened),
        "escalation_bed_share": Amount(Fraction(data["open_escalation"]), opened),
    }


EPISODES = {
    "theatre.session": (theatre_session, "session_key", "theatre_session"),
    "spell": (spell, "spell_key", "spell"),
    "ed.attendance": (ed_attendance, "attendance_key", "ed_attendance"),
    "ambulance.handover": (ambulance_handover, "handover_key", "ambulance_handover"),
}
STRATIFIED = ("spell", "ed_attendance")
DIMENSIONS = ("imd_quintile", "ethnic_group", "sex", "age_band")
LONG_WINDOWS = ("28d", "month", "quarter", "12m")


def known(dimension: str, data: dict[str, Any]) -> str:
    """Give the stratum of a person: an ethnic group by its first letter, and what says nothing is unknown."""
    value = data.get(dimension)
    if value is None or value in ("not_known", "Z", "99"):
        return "unknown"
    if dimension == "ethnic_group":
        return value[0] if value[0] in "ABCDEFGHJKLMNPRS" and len(value) <= 2 else "unknown"
    return str(value)


def broken_down(stream: str, window: str) -> tuple[str, ...]:
    """Give the dimensions of figures in a window; of returns whatever they bring."""
    if stream not in STRATIFIED:
        return DIMENSIONS
    if window in ("1h", "4h", "24h"):
        return ()
    return DIMENSIONS if window in LONG_WINDOWS else ("imd_quintile",)


ENDINGS = ("ended_at", "completed_at", "cancelled_at")


def measure(indicator: str, one: dict[str, Any]) -> Amounts:
    """Give a reported pair; no numerator is no return, whatever its denominator says."""
    if one.get("numerator") is None:
        return {indicator: Amount(bearing=0)}
    return {indicator: Amount(Fraction(one["numerator"]), Fraction(one.get("denominator") or 0))}


def rtt(one: dict[str, Any]) -> Amounts:
    """Give pathways within 18 weeks (the first 18 bands of a week), beyond 52, and all (§5)."""
    total = Fraction(sum(one["bands"]))
    return {
        "rtt_18w": Amount(Fraction(sum(one["bands"][:18])), total),
        "rtt_52w": Amount(Fraction(sum(one["bands"][52:])), total),
    }


INDICATOR_OF_MEASURE = {
    "finance_variance": "finance_ytd_variance",
    "core20_recruitment": "core20_recruitment",
    "hypertension_control": "hypertension_control",
    "ae_4h_all_types": "ae_4h_all_types",
    "ae_dta_12h": "ae_dta_12h",
}


KNOWN = frozenset(QUANTILES) | {
    "ae_12h_from_arrival",
    "ae_4h_all_types",
    "ae_4h_type1",
    "ae_dta_12h",
    "amb_handover_mean",
    "amb_handover_over_45m",
    "core20_recruitment",
    "discharged_before_17",
    "drd_completeness",
    "drd_delayed",
    "drd_mean_delay",
    "drd_mean_delay_delayed_only",
    "escalation_bed_share",
    "finance_ytd_variance",
    "ga_bed_occupancy",
    "hypertension_control",
    "nctr_bed_share",
    "rtt_18w",
    "rtt_52w",
    "theatre_capped_utilisation",
    "theatre_session_take_up",
    "weekend_discharge_ratio",
}
"""Indicators that are defined here and in `sql`, besides those that compare strata; of the rest of the
catalogue there are golden examples."""
